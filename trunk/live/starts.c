#include "live/starts.h"
#include "base/log.h"
#include "codec/nal.h"
#include "codec/random_access.h"

enum {
	LENGTH_OF_FOUR = 4, /* what nearly all encoders send */
	LATE_MS = 500,      /* a start may come so much later than the one before did */
};

void starts_begin(struct starts *s)
{
	*s = (struct starts){.state = s->state, .distance_ms = s->distance_ms};
}

void starts_take_header(struct starts *s, const struct msg *m)
{
	struct part_walk w;
	struct part part;
	part_begin_video(&w, msg_span(m));
	if (part_default(&w, &part) && part.kind == PART_HEADER)
		s->nal_form = param_form(part.codec, part.body);
}

bool starts_is_one(const struct starts *s, const struct msg *m)
{
	if (m->type != MSG_VIDEO || !m->frame.is_coded)
		return false;
	return m->frame.is_key || m->frame.track != 0
		       ? m->frame.is_key
		       : random_access_of_video(msg_span(m),
						s->nal_form ? s->nal_form : LENGTH_OF_FOUR);
}

static enum starts_state judge(const struct starts *s, int64_t since_ms)
{
	if (since_ms > START_WAIT_MAX_MS)
		return s->has_start ? STARTS_RARE : STARTS_NONE;
	if (s->distance_ms > START_WAIT_MAX_MS)
		return STARTS_RARE;
	return s->has_start && s->distance_ms ? STARTS_REGULAR : s->state;
}

static void tell(struct starts *s, const char *name)
{
	bool knows = s->distance_ms > START_WAIT_MAX_MS;
	if (s->state < STARTS_RARE || (s->told && (s->told_distance || !knows)))
		return;
	if (knows)
		log_warn(
			"%s has a key frame only each %.1f s: viewers that join in between may get "
			"pictures that they cannot decode yet",
			name, (double)s->distance_ms / 1000);
	else
		log_warn("%s has %s for %d s: viewers that join get its pictures as they come",
			 name, s->has_start ? "had no other key frame" : "sent no key frame",
			 START_WAIT_MAX_MS / 1000);
	s->told = true;
	s->told_distance = knows;
}

void starts_note(struct starts *s, const struct msg *m, const char *name)
{
	int64_t since_ms = s->has_picture ? m->ts - s->since_ts : 0;
	if (m->frame.is_key && s->has_start && since_ms > 0)
		s->distance_ms = since_ms;
	if (m->frame.is_key) {
		s->has_start = true;
		since_ms = 0;
	}
	if (!s->has_picture || m->frame.is_key)
		s->since_ts = m->ts;
	s->has_picture = true;
	s->state = judge(s, since_ms);
	tell(s, name);
}

int64_t starts_wait_ms(const struct starts *s)
{
	if (!s->distance_ms)
		return START_WAIT_MS;
	int64_t wait = s->distance_ms + LATE_MS;
	return wait < START_WAIT_MAX_MS ? wait : START_WAIT_MAX_MS;
}

const char *starts_name(enum starts_state state)
{
	static const char *const names[] = {"unknown", "regular", "rare", "none"};
	return names[state];
}
