/* Reading: the kernel's buffer is the connection's buffer. One scratch area serves the whole
 * process: a read goes into it and is cut into messages before anything can switch, so nothing
 * of it needs to be kept but the unfinished messages inside the chunk reader. The messages wait
 * in a queue until they are asked for, which is soon: nothing is read while there is one.
 *
 * A read of two-byte messages would make the queue many times larger than the read. So it is
 * cut into at most BATCH messages at once, and the rest of such a read is kept as bytes. A peer
 * that has not been let in gets its messages cut one by one: an eager publisher sends large
 * media right behind its publish, and they must meet the limits that the publish leads to.
 *
 * Writing: everything but media is appended to `out`; its memory goes with what it held. */
#include "rtmp/conn.h"
#include "base/mem.h"

#include <stdlib.h>
#include <utlist.h>

enum {
	SCRATCH = 256 * 1024,
	BATCH = 512,          /* messages cut from a read before the first is handed out */
	READS = 4,            /* in a row before others get a turn */
	SLICE = 128,          /* messages likewise: a read may hold many thousands */
	AGGREGATE_MAX = 4096, /* messages in an aggregate */
	PENDING_MAX = RTMP_MEDIA_MAX + RTMP_MEDIA_MAX / 4,
};

struct item {
	struct rtmp_msg m;
	struct item *prev, *next;
};

struct rtmp_queue {
	struct item *head;
	int count;
	int batch;       /* messages to be cut at once */
	int reads;       /* in a row without a wait */
	int slice;       /* messages handed out by rtmp_recv() since others could run */
	struct buf rest; /* bytes that were read and not yet cut, from rest_at on */
	size_t rest_at;
	err failed;  /* the chunk reader is dead: told when the queue is empty */
	char *words; /* and why */
};

static uint8_t scratch[SCRATCH];

static err wait_input(struct sock *sock) BLOCKS;
static err next(struct rtmp_conn *conn, struct rtmp_msg *m, bool *more);
static err read_more(struct rtmp_conn *conn);
static err cut(struct rtmp_conn *conn, struct cur *c);
static err receive(struct rtmp_conn *conn, struct rtmp_msg *m);
static err split(struct rtmp_conn *conn, const struct rtmp_msg *m);

static void let_others_run(struct rtmp_queue *q)
{
	if (++q->slice < SLICE)
		return;
	q->slice = 0;
	co_yield ();
}

err rtmp_recv(struct rtmp_conn *conn, struct rtmp_msg *m)
{
	for (;;) {
		/* What a peer sent before it closed counts, although it hears no answers any more. */
		err sent = rtmp_flush(conn);
		if (sent && sent != ERR_CLOSED)
			return sent;
		bool more;
		err e = next(conn, m, &more);
		if (e != ERR_AGAIN) {
			let_others_run(conn->queue);
			return e;
		}
		TRY(sent);
		if (more) {
			co_yield ();
			if (co_stopping())
				return ERR_STOPPED;
		} else if (conn->out.n == 0) {
			TRY(wait_input(conn->sock));
		}
	}
}

/* Mostly there is nothing, and a player asks with each batch that it sends. */
static bool has_input(const struct rtmp_conn *conn)
{
	const struct rtmp_queue *q = conn->queue;
	return q->head || q->failed || q->rest.n || sock_readable(conn->sock);
}

err rtmp_try_recv(struct rtmp_conn *conn, struct rtmp_msg *m)
{
	bool more;
	if (!has_input(conn)) {
		conn->queue->reads = 0;
		return ERR_AGAIN;
	}
	err e = next(conn, m, &more);
	if (e == ERR_AGAIN && more)
		co_wake(co_self());
	return e;
}

static err wait_input(struct sock *sock)
{
	sock_attach(sock);
	err e = co_wait(sock_deadline(sock));
	return e == ERR_TIMEOUT ? err_fail(e, "no message came in time") : e;
}

static bool pop(struct rtmp_queue *q, struct rtmp_msg *m)
{
	struct item *item = q->head;
	if (!item)
		return false;
	DL_DELETE(q->head, item);
	q->count--;
	*m = item->m;
	free(item);
	return true;
}

/* ERR_AGAIN with *more: there is more to read, but it is the turn of others. */
static err next(struct rtmp_conn *conn, struct rtmp_msg *m, bool *more)
{
	struct rtmp_queue *q = conn->queue;
	*more = false;
	while (!pop(q, m)) {
		if (q->failed)
			return err_fail(q->failed, "%s", q->words);
		*more = q->reads >= READS;
		err e = *more ? ERR_AGAIN : read_more(conn);
		if (e == ERR_AGAIN)
			q->reads = 0;
		TRY(e);
	}
	return OK;
}

/* One read, or the next part of the last one. */
static err read_more(struct rtmp_conn *conn)
{
	struct rtmp_queue *q = conn->queue;
	struct cur c;
	if (q->rest.n) {
		c = cur_of(q->rest.p + q->rest_at, q->rest.n - q->rest_at);
	} else {
		size_t n;
		q->reads++;
		TRY(sock_try_recv(conn->sock, scratch, sizeof(scratch), &n));
		c = cur_of(scratch, n);
	}
	err e = cut(conn, &c);
	if (e) {
		q->failed = e;
		q->words = mem_strdup(err_trail(e));
	}
	if (e || cur_left(&c) == 0) {
		buf_free(&q->rest);
		q->rest_at = 0;
	} else if (q->rest.n) {
		q->rest_at = q->rest.n - cur_left(&c);
	} else {
		buf_put(&q->rest, c.p, c.n);
	}
	return OK;
}

static void acknowledge(struct rtmp_conn *conn)
{
	uint32_t received = (uint32_t)sock_recv_bytes(conn->sock);
	if (conn->in_window == 0 || received - conn->acked < conn->in_window / 2)
		return;
	rtmp_put_u32(conn, RTMP_ACK, received);
	conn->acked = received;
}

static err cut(struct rtmp_conn *conn, struct cur *c)
{
	while (conn->queue->count < conn->queue->batch) {
		struct rtmp_msg m = {0};
		bool got = false;
		TRY(chunk_read(conn->reader, c, &m, &got));
		if (!got)
			break;
		err e = receive(conn, &m);
		rtmp_msg_fini(&m);
		TRY(e);
		if (!buf_ok(&conn->out))
			return err_fail(ERR_LIMIT, "the peer asks and does not take the answers");
	}
	acknowledge(conn);
	return OK;
}

/* Takes the payload out of *m. */
static void push(struct rtmp_conn *conn, struct rtmp_msg *m)
{
	struct item *item = mem_new(struct item);
	item->m = *m;
	*m = (struct rtmp_msg){0};
	DL_APPEND(conn->queue->head, item);
	conn->queue->count++;
}

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
		push(conn, m);
	}
}

/* AMF3 messages begin with a format byte and are AMF0 behind it. */
static void receive_amf3(struct rtmp_conn *conn, struct rtmp_msg *m)
{
	if (m->body.n < 2)
		return;
	if (m->type == RTMP_COMMAND_AMF3) {
		buf_drop(&m->body, 1);
		m->type = RTMP_COMMAND;
	} else {
		m->media = msg_new(MSG_DATA, 0, m->body.n - 1);
		memcpy(m->media->payload, m->body.p + 1, m->body.n - 1);
		buf_free(&m->body);
		m->type = RTMP_DATA;
	}
	push(conn, m);
}

/* ffmpeg sends time codes as data of four bytes that are no AMF. */
static bool is_timecode(struct span s)
{
	return s.n == 4 && s.p[0] == 0;
}

static err receive(struct rtmp_conn *conn, struct rtmp_msg *m)
{
	switch (m->type) {
	case RTMP_AUDIO:
	case RTMP_VIDEO:
		push(conn, m);
		break;
	case RTMP_DATA:
		if (m->media && m->media->n && !is_timecode(msg_span(m->media)))
			push(conn, m);
		break;
	case RTMP_COMMAND:
		if (m->body.n && !is_timecode(buf_span(&m->body)))
			push(conn, m);
		break;
	case RTMP_COMMAND_AMF3:
	case RTMP_DATA_AMF3:
		receive_amf3(conn, m);
		break;
	case RTMP_AGGREGATE:
		return split(conn, m);
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
	return OK;
}

static err split_one(struct rtmp_conn *conn, struct cur *c, const struct rtmp_msg *whole,
		     int64_t *first)
{
	uint8_t type = cur_u8(c);
	uint32_t size = cur_u24(c);
	uint32_t ts = cur_u24(c);
	ts |= (uint32_t)cur_u8(c) << 24;
	cur_skip(c, 3); /* stream id: the aggregate's counts */
	struct span payload = cur_bytes(c, size);
	if (!cur_ok(c))
		return err_fail(ERR_PROTOCOL, "an aggregate is cut off in a message");
	if (cur_left(c)) /* the last back pointer may be missing */
		cur_skip(c, 4);
	if (*first < 0)
		*first = ts;
	struct rtmp_msg m = {.type = type, .stream_id = whole->stream_id, .csid = whole->csid};
	m.ts = whole->ts + (ts - (uint32_t)*first);
	if (type == RTMP_AUDIO || type == RTMP_VIDEO || type == RTMP_DATA) {
		m.media = msg_new((enum msg_type)type, 0, payload.n);
		if (payload.n)
			memcpy(m.media->payload, payload.p, payload.n);
	} else if (type != RTMP_AGGREGATE && payload.n) {
		m.body.max = payload.n;
		buf_put(&m.body, payload.p, payload.n);
	} else {
		return err_fail(ERR_PROTOCOL, "an aggregate holds a message of type %u", type);
	}
	err e = receive(conn, &m);
	rtmp_msg_fini(&m);
	return e;
}

/* Its messages are FLV tags: type, size, timestamp, stream id, payload, back pointer. Their
 * timestamps count from some start of their own, which is the message's time. */
static err split(struct rtmp_conn *conn, const struct rtmp_msg *m)
{
	struct cur c = cur_of(m->body.p, m->body.n);
	int64_t first = -1;
	for (int i = 0; cur_left(&c); i++) {
		if (i == AGGREGATE_MAX)
			return err_fail(ERR_LIMIT, "an aggregate of more than %d messages",
					AGGREGATE_MAX);
		TRY(split_one(conn, &c, m, &first));
	}
	return OK;
}

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

struct rtmp_conn *rtmp_conn_new(struct sock *sock)
{
	struct rtmp_conn *conn = mem_new(struct rtmp_conn);
	conn->sock = sock;
	conn->reader = chunk_reader_new();
	conn->queue = mem_new(struct rtmp_queue);
	conn->queue->rest.max = SCRATCH;
	conn->queue->batch = 1;
	conn->out.max = RTMP_OUT_MAX;
	conn->out_chunk_size = CHUNK_SIZE_DEFAULT;
	conn->connect_tid = 1;
	chunk_reader_limit(conn->reader, RTMP_COMMAND_MAX, 2 * RTMP_COMMAND_MAX);
	return conn;
}

void rtmp_conn_allow_media(struct rtmp_conn *conn)
{
	chunk_reader_limit(conn->reader, RTMP_MEDIA_MAX, PENDING_MAX);
	conn->queue->batch = BATCH;
}

void rtmp_conn_free(struct rtmp_conn **conn)
{
	struct rtmp_conn *c = *conn;
	if (!c)
		return;
	struct rtmp_msg m;
	while (pop(c->queue, &m))
		rtmp_msg_fini(&m);
	buf_free(&c->queue->rest);
	free(c->queue->words);
	free(c->queue);
	buf_free(&c->out);
	chunk_reader_free(&c->reader);
	sock_close(&c->sock);
	free(c);
	*conn = NULL;
}
