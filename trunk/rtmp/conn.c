/* Reading: the kernel's buffer is the connection's buffer. One scratch area serves the whole
 * process: a read goes into it and is cut into messages before anything can switch, so nothing
 * of it needs to be kept but the unfinished messages inside the chunk reader. The messages wait
 * in a queue until they are asked for, which is soon: nothing is read while there is one.
 *
 * A read of two-byte messages would make the queue many times larger than the read. So it is
 * cut into at most BATCH messages at once, and the rest of such a read is kept as bytes. A peer
 * that has not been let in gets its messages cut one by one: an eager publisher sends large
 * media right behind its publish, and they must meet the limits that the publish leads to. */
#include "rtmp/conn.h"
#include "base/log.h"
#include "base/mem.h"
#include "rtmp/inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

enum {
	SCRATCH = 256 * 1024,
	BATCH = 512, /* messages cut from a read before the first is handed out */
	READS = 4,   /* in a row before others get a turn */
	CUTS = 4,    /* of BATCH messages each, none of which was for the caller, likewise */
	SLICE = 128, /* messages likewise: a read may hold many thousands */
	PENDING_MAX = RTMP_MEDIA_MAX + RTMP_MEDIA_MAX / 4,
};

struct conn_item {
	struct rtmp_msg m;
	struct conn_item *prev, *next;
};

/* Items that are free again, for all connections: they hold nothing and are still in the caches. */
static struct conn_item *spares;
static int spare_count;

struct rtmp_queue {
	struct conn_item *head;
	int count;
	int batch;       /* messages to be cut at once */
	int reads;       /* in a row without a wait */
	int cuts;        /* in a row that have brought nothing */
	int slice;       /* messages handed out by rtmp_recv() since others could run */
	struct buf rest; /* bytes that were read and not yet cut, from rest_at on */
	size_t rest_at;
	err failed; /* the chunk reader is dead: returned when the queue is empty */
	char *why;  /* the error's text */
};

static uint8_t scratch[SCRATCH];

static err wait_input(struct sock *sock) BLOCKS;
static err next(struct rtmp_conn *conn, struct rtmp_msg *m, bool *more);
static err read_more(struct rtmp_conn *conn);
static err cut(struct rtmp_conn *conn, struct cur *c);

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
		/* Messages that a peer sent before it closed are handed out, although answers no longer
		 * reach it. */
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

/* Takes the payload out of *m. */
static struct conn_item *item_new(struct rtmp_msg *m)
{
	struct conn_item *item = spares;
	if (item) {
		LL_DELETE(spares, item);
		spare_count--;
	} else {
		item = mem_alloc(sizeof(*item));
	}
	item->m = *m;
	m->media = NULL;
	m->body = (struct buf){0};
	return item;
}

static void item_free(struct conn_item *item)
{
	if (spare_count == BATCH) {
		free(item);
		return;
	}
	LL_PREPEND(spares, item);
	spare_count++;
}

static bool pop(struct rtmp_queue *q, struct rtmp_msg *m)
{
	struct conn_item *item = q->head;
	if (!item)
		return false;
	DL_DELETE(q->head, item);
	q->count--;
	*m = item->m;
	item_free(item);
	return true;
}

/* ERR_AGAIN with *more: there is more to read, but it is the turn of others. */
static err next(struct rtmp_conn *conn, struct rtmp_msg *m, bool *more)
{
	struct rtmp_queue *q = conn->queue;
	*more = false;
	while (!pop(q, m)) {
		if (q->failed)
			return err_fail(q->failed, "%s", q->why);
		*more = q->reads >= READS || q->cuts >= CUTS;
		err e = *more ? ERR_AGAIN : read_more(conn);
		if (e == ERR_AGAIN)
			q->reads = q->cuts = 0;
		TRY(e);
	}
	q->cuts = 0;
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
		chunk_reader_fetch(conn->reader);
		TRY(sock_try_recv(conn->sock, scratch, sizeof(scratch), &n));
		c = cur_of(scratch, n);
	}
	err e = cut(conn, &c);
	if (e) {
		q->failed = e;
		q->why = mem_strdup(err_trail(e));
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
	conn->queue->cuts++;
	/* Those that are ignored or answered here count too: a read may hold a hundred thousand. */
	for (int i = 0; i < BATCH && conn->queue->count < conn->queue->batch; i++) {
		struct rtmp_msg m = {0};
		bool got = false;
		TRY(chunk_read(conn->reader, c, &m, &got));
		if (!got)
			break;
		conn_receive(conn, &m);
		rtmp_msg_fini(&m);
		if (!buf_ok(&conn->out))
			return err_fail(ERR_LIMIT, "the peer asks and does not take the answers");
	}
	acknowledge(conn);
	return OK;
}

void conn_push(struct rtmp_conn *conn, struct rtmp_msg *m)
{
	struct conn_item *item = item_new(m);
	DL_APPEND(conn->queue->head, item);
	conn->queue->count++;
}

void conn_unread(struct rtmp_conn *conn, struct rtmp_msg *m)
{
	struct conn_item *item = item_new(m);
	DL_PREPEND(conn->queue->head, item);
	conn->queue->count++;
}

void conn_oddity(struct rtmp_conn *conn, const char *fmt, ...)
{
	char what[160];
	va_list ap;
	if (++conn->oddities > 1)
		return;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	log_info("ignored: %s", what);
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
	if (c->oddities > 1)
		log_info("%u messages of it were ignored", c->oddities);
	while (pop(c->queue, &m))
		rtmp_msg_fini(&m);
	buf_free(&c->queue->rest);
	free(c->queue->why);
	free(c->queue);
	buf_free(&c->out);
	chunk_reader_free(&c->reader);
	sock_close(&c->sock);
	free(c);
	*conn = NULL;
}
