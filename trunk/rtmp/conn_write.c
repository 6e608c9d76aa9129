/* Everything but media is appended to `out`, whose memory goes with what it held. */
#include "rtmp/conn.h"

void rtmp_put(struct rtmp_conn *conn, uint32_t csid, uint8_t type, uint32_t stream_id, uint32_t ts,
	      struct span body)
{
	chunk_write(&conn->out, conn->out_chunk_size, csid, type, stream_id, ts, body);
}

void rtmp_put_u32(struct rtmp_conn *conn, uint8_t type, uint32_t value)
{
	struct buf b = {.max = 4};
	buf_u32(&b, value);
	rtmp_put(conn, CSID_CONTROL, type, 0, 0, buf_span(&b));
	buf_free(&b);
}

void rtmp_put_chunk_size(struct rtmp_conn *conn, uint32_t size)
{
	rtmp_put_u32(conn, RTMP_SET_CHUNK_SIZE, size);
	conn->out_chunk_size = size;
}

void rtmp_put_user_control(struct rtmp_conn *conn, uint16_t event, uint32_t value)
{
	struct buf b = {.max = 6};
	buf_u16(&b, event);
	buf_u32(&b, value);
	rtmp_put(conn, CSID_CONTROL, RTMP_USER_CONTROL, 0, 0, buf_span(&b));
	buf_free(&b);
}

void rtmp_put_ping(struct rtmp_conn *conn)
{
	if (conn->ping_ms)
		return;
	conn->ping_ms = clock_ms();
	rtmp_put_user_control(conn, UC_PING, (uint32_t)conn->ping_ms);
}

void rtmp_put_command(struct rtmp_conn *conn, uint32_t csid, uint32_t stream_id, const char *name,
		      double tid, struct amf *a, struct amf *b, struct amf *c)
{
	struct amf *values[] = {amf_string(name), amf_number(tid), a, b, c};
	struct buf body = {.max = RTMP_COMMAND_MAX};
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (values[i])
			amf_write(&body, values[i]);
		amf_free(&values[i]);
	}
	if (buf_ok(&body))
		rtmp_put(conn, csid, RTMP_COMMAND, stream_id, 0, buf_span(&body));
	else
		conn->out.bad = true;
	buf_free(&body);
}

err rtmp_flush(struct rtmp_conn *conn)
{
	if (!buf_ok(&conn->out))
		return err_fail(ERR_LIMIT, "more than %d bytes wait to be sent", RTMP_OUT_MAX);
	if (conn->out.n == 0)
		return OK;
	struct buf b = conn->out;
	conn->out = (struct buf){.max = RTMP_OUT_MAX};
	err e = sock_send(conn->sock, b.p, b.n);
	buf_free(&b);
	return e;
}
