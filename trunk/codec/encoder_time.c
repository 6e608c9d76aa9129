#include "codec/encoder_time.h"
#include "codec/amf0.h"

#include <string.h>

static const char name[] = "srs_encoder_time";
static const char *const members[ENCODER_TIME_KINDS] = {"audio", "video"};

enum { MESSAGE_MAX = 256, MARKER_AND_LENGTH = 3 };

/* Without a look at the values: all data messages of all servers come by here. */
static bool is_one(struct span body)
{
	size_t n = sizeof(name) - 1;
	return body.n > MARKER_AND_LENGTH + n && body.p[0] == 2 && body.p[1] == 0 &&
	       body.p[2] == n && memcmp(body.p + MARKER_AND_LENGTH, name, n) == 0;
}

struct msg *encoder_time_write(const struct encoder_time *t)
{
	struct buf out = {.max = MESSAGE_MAX};
	struct amf *title = amf_string(name), *values = amf_object();
	for (int i = 0; i < ENCODER_TIME_KINDS; i++)
		amf_set(values, members[i], amf_number(t->ahead[i]));
	amf_write(&out, title);
	amf_write(&out, values);
	amf_free(&title);
	amf_free(&values);
	struct msg *m = buf_ok(&out) ? msg_new(MSG_DATA, 0, out.n) : NULL;
	if (m) {
		memcpy(m->payload, out.p, out.n);
		m->frame = (struct frame){.is_meta = true, .is_encoder_time = true};
		m->is_classified = true;
	}
	buf_free(&out);
	return m;
}

bool encoder_time_read(struct encoder_time *out, const struct msg *m)
{
	struct amf *title = NULL, *values = NULL;
	if (m->type != MSG_DATA || !is_one(msg_span(m)))
		return false;
	struct cur c = cur_of(m->payload, m->n);
	bool ok = amf_read(&title, &c) == OK && amf_read(&values, &c) == OK;
	for (int i = 0; ok && i < ENCODER_TIME_KINDS; i++) {
		double ahead = amf_get_number(values, members[i], -1);
		if (ahead >= 0 && ahead <= UINT32_MAX)
			out->ahead[i] = (uint32_t)ahead;
	}
	amf_free(&title);
	amf_free(&values);
	return true;
}
