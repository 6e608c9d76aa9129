#include "codec/metadata.h"
#include "base/version.h"
#include "codec/amf0.h"

#include <stdlib.h>
#include <string.h>

enum { METADATA_MAX = 65536 };

static struct msg *msg_of(struct span body, bool is_meta)
{
	struct msg *m = msg_new(MSG_DATA, 0, body.n);
	if (!m)
		return NULL;
	memcpy(m->payload, body.p, body.n);
	m->frame.is_meta = is_meta;
	return m;
}

static struct msg *rewrite(struct amf *name, struct amf *values)
{
	if (values->kind == AMF_ECMA)
		values->kind = AMF_OBJECT;
	amf_unset(values, "duration");
	amf_set(values, "server", amf_string(SERVER_NAME));
	amf_set(values, "server_version", amf_string(SRS_VERSION));
	struct buf out = {.max = METADATA_MAX};
	amf_write(&out, name);
	amf_write(&out, values);
	struct msg *m = buf_ok(&out) ? msg_of(buf_span(&out), true) : NULL;
	buf_free(&out);
	return m;
}

bool metadata_is_timecode(struct span body)
{
	return body.n == 4 && body.p[0] == 0;
}

/* Data messages from a server to its player are no part of the stream. */
static bool is_conversation(const char *name)
{
	return strcmp(name, "|RtmpSampleAccess") == 0 || strcmp(name, "onStatus") == 0;
}

struct msg *metadata_read(struct span body)
{
	if (body.n == 0 || metadata_is_timecode(body))
		return NULL;
	struct cur c = cur_of(body.p, body.n);
	struct amf *name = NULL, *values = NULL;
	struct msg *m = NULL;
	err e = amf_read(&name, &c);
	if (!e && strcmp(amf_text(name, ""), "@setDataFrame") == 0) {
		body = (struct span){c.p, c.n};
		amf_free(&name);
		e = amf_read(&name, &c);
	}
	if (!e && strcmp(amf_text(name, ""), "onMetaData") == 0 && amf_read(&values, &c) == OK &&
	    (values->kind == AMF_OBJECT || values->kind == AMF_ECMA))
		m = rewrite(name, values);
	if (!m && body.n && !is_conversation(amf_text(name, "")))
		m = msg_of(body, strcmp(amf_text(name, ""), "onMetaData") == 0);
	amf_free(&name);
	amf_free(&values);
	return m;
}
