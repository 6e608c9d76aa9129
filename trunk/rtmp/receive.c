/* Messages that concern the connection itself are dealt with as they come: protocol control is acted upon,
 * pings are answered, AMF3 framing is taken off, aggregates are split. A message that makes no sense costs
 * nothing but itself: only broken chunks end a connection. */
#include "codec/metadata.h"
#include "rtmp/inside.h"

enum { AGGREGATE_MAX = 4096 }; /* messages in one */

static uint32_t first_u32(const struct rtmp_msg *m)
{
	struct cur c = cur_of(m->body.p, m->body.n);
	return cur_u32(&c);
}

static void receive_user_control(struct rtmp_conn *conn, struct rtmp_msg *m)
{
	struct cur c = cur_of(m->body.p, m->body.n);
	uint16_t event = cur_u16(&c);
	if (event == UC_PING) {
		rtmp_put_user_control(conn, UC_PONG, cur_u32(&c));
	} else if (event == UC_PONG) {
		conn->ping_ms = 0;
		conn->pong_ms = clock_ms();
	} else if (cur_ok(&c)) {
		conn_push(conn, m);
	}
}

/* AMF3 messages begin with a format byte, which some peers leave out, and are AMF0 behind it. */
static void receive_amf3(struct rtmp_conn *conn, struct rtmp_msg *m)
{
	size_t format = m->body.n && m->body.p[0] == 0;
	if (m->body.n < 2)
		return;
	if (m->type == RTMP_COMMAND_AMF3) {
		buf_drop(&m->body, format);
		m->type = RTMP_COMMAND;
	} else {
		m->media = msg_new(MSG_DATA, 0, m->body.n - format);
		if (!m->media)
			return;
		memcpy(m->media->payload, m->body.p + format, m->body.n - format);
		buf_free(&m->body);
		m->type = RTMP_DATA;
	}
	conn_push(conn, m);
}

/* ---- aggregates ---- */

static bool is_media(uint8_t type)
{
	return type == RTMP_AUDIO || type == RTMP_VIDEO || type == RTMP_DATA;
}

/* One of its messages as a message of its own; nothing for an aggregate in it. */
static void receive_part(struct rtmp_conn *conn, struct rtmp_msg *m, struct span payload)
{
	if (is_media(m->type)) {
		m->media = msg_new((enum msg_type)m->type, 0, payload.n);
		if (!m->media)
			return;
		if (payload.n)
			memcpy(m->media->payload, payload.p, payload.n);
	} else {
		m->body.max = payload.n;
		buf_put(&m->body, payload.p, payload.n);
	}
	if (m->type == RTMP_AGGREGATE)
		conn_oddity(conn, "an aggregate in an aggregate");
	else
		conn_receive(conn, m);
	rtmp_msg_fini(m);
}

/* False when what is left is no message. */
static bool split_one(struct rtmp_conn *conn, struct cur *c, const struct rtmp_msg *whole,
		      int64_t *first)
{
	uint8_t type = cur_u8(c);
	uint32_t size = cur_u24(c);
	uint32_t ts = cur_u24(c);
	ts |= (uint32_t)cur_u8(c) << 24;
	cur_skip(c, 3); /* stream id: the aggregate's counts */
	struct span payload = cur_bytes(c, size);
	if (!cur_ok(c))
		return false;
	if (cur_left(c)) /* the last back pointer may be missing */
		cur_skip(c, 4);
	if (*first < 0)
		*first = ts;
	struct rtmp_msg m = {.type = type, .stream_id = whole->stream_id, .csid = whole->csid};
	m.ts = whole->ts + (ts - (uint32_t)*first);
	receive_part(conn, &m, payload);
	return true;
}

/* Its messages are FLV tags: type, size, timestamp, stream id, payload, back pointer. Their
 * timestamps count from some start of their own, which is the message's time. */
static void split(struct rtmp_conn *conn, const struct rtmp_msg *m)
{
	struct cur c = cur_of(m->body.p, m->body.n);
	int64_t first = -1;
	for (int i = 0; cur_left(&c); i++) {
		if (i < AGGREGATE_MAX && split_one(conn, &c, m, &first))
			continue;
		conn_oddity(conn, "the rest of an aggregate of %zu bytes, behind %d messages",
			    m->body.n, i);
		break;
	}
}

/* ---- any message ---- */

static bool is_empty(const struct rtmp_msg *m)
{
	struct span s = m->media ? msg_span(m->media) : buf_span(&m->body);
	return s.n == 0 || metadata_is_timecode(s);
}

void conn_receive(struct rtmp_conn *conn, struct rtmp_msg *m)
{
	if (m->skipped) {
		conn_oddity(conn, "a message of %u bytes and type %u", m->skipped, m->type);
		return;
	}
	switch (m->type) {
	case RTMP_AUDIO:
	case RTMP_VIDEO:
		/* An empty one says nothing, and as an FLV tag it stalls players. */
		if (m->media && m->media->n)
			conn_push(conn, m);
		break;
	case RTMP_DATA:
	case RTMP_COMMAND:
		if (!is_empty(m))
			conn_push(conn, m);
		break;
	case RTMP_COMMAND_AMF3:
	case RTMP_DATA_AMF3:
		receive_amf3(conn, m);
		break;
	case RTMP_AGGREGATE:
		split(conn, m);
		break;
	case RTMP_USER_CONTROL:
		receive_user_control(conn, m);
		break;
	case RTMP_WINDOW_ACK_SIZE:
		conn->in_window = first_u32(m);
		break;
	default:
		/* Set Chunk Size and Abort acted inside the reader; an acknowledgement tells nothing
		 * that the kernel does not know; what is unknown is not for us. */
		break;
	}
}
