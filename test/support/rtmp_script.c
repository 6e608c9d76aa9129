#include "support/rtmp_script.h"
#include "codec/amf0.h"
#include "codec/chunk.h"

enum kind { VERB = 14, RAW = 15, KINDS = 16, STEP_MAX = 128 * 1024 };

static const uint8_t types[VERB] = {
	RTMP_COMMAND,
	RTMP_COMMAND_AMF3,
	RTMP_DATA,
	RTMP_DATA_AMF3,
	RTMP_AUDIO,
	RTMP_VIDEO,
	RTMP_VIDEO,
	RTMP_AGGREGATE,
	RTMP_USER_CONTROL,
	RTMP_SET_CHUNK_SIZE,
	RTMP_ABORT,
	RTMP_ACK,
	RTMP_WINDOW_ACK_SIZE,
	RTMP_SET_PEER_BANDWIDTH,
};

static const char *const verbs[] = {
	"connect",       "createStream", "releaseStream", "FCPublish",   "FCUnpublish",
	"publish",       "play",         "pause",         "pauseRaw",    "receiveAudio",
	"receiveVideo",  "seek",         "deleteStream",  "closeStream", "getStreamLength",
	"_result",       "_error",       "onStatus",      "_checkbw",    "srs_players",
	"@setDataFrame", "play2",        "FCSubscribe",   "onBWDone",
};
enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

static void put_value(struct buf *b, struct amf *value)
{
	amf_write(b, value);
	amf_free(&value);
}

static struct span rest_of(struct cur *c, size_t n)
{
	return cur_bytes(c, n < cur_left(c) ? n : cur_left(c));
}

static void put_verb(struct buf *body, struct cur *c, size_t n)
{
	uint8_t verb = cur_u8(c), tid = cur_u8(c);
	put_value(body, amf_string(verbs[verb % VERBS]));
	put_value(body, amf_number(tid));
	struct span values = rest_of(c, n);
	buf_put(body, values.p, values.n);
}

static uint32_t csid_of(uint8_t type)
{
	return type == RTMP_AUDIO ? CSID_AUDIO : type == RTMP_VIDEO ? CSID_VIDEO : CSID_CONNECTION;
}

bool script_next(struct cur *c, struct script_step *out)
{
	if (cur_left(c) < 2)
		return false;
	uint8_t head = cur_u8(c);
	size_t n = cur_u8(c);
	unsigned kind = head % KINDS;
	struct buf body = {.max = STEP_MAX};
	*out = (struct script_step){.who = head >> 6, .b = {.max = 2 * STEP_MAX}};
	if (n == 255)
		n = cur_u16(c);
	if (kind == VERB) {
		put_verb(&body, c, n);
	} else {
		struct span payload = rest_of(c, n);
		buf_put(&body, payload.p, payload.n);
	}
	uint8_t type = kind == VERB ? RTMP_COMMAND : kind == RAW ? 0 : types[kind];
	if (kind == RAW)
		buf_put(&out->b, body.p, body.n);
	else
		chunk_write(&out->b, STEP_MAX, csid_of(type), type, head >> 4 & 3, 0,
			    buf_span(&body));
	buf_free(&body);
	out->bytes = buf_span(&out->b);
	return true;
}

void script_step_fini(struct script_step *step)
{
	buf_free(&step->b);
}
