/* Media over TCP: RTP packets behind their lengths. */
#include "base/log.h"
#include "base/mem.h"
#include "codec/rtp.h"
#include "codec/rtp_framer.h"
#include "node/notice.h"
#include "node/places.h"
#include "service/gb_media.h"

#include <stdlib.h>

enum {
	UNKNOWN_MS =
		5000, /* a connection whose SSRC is none of ours: its device may be answering still */
	NOISE_MAX = 1 << 20, /* bytes without a packet */
	READ_BYTES = 32 * 1024,
	READS = 8, /* in a row, before others have a turn */
	PACKETS = 64,
};

struct conn {
	struct gb_line line;
	struct gb_hub *hub;
	struct sock *sock;
	struct conn_place place;
	struct rtp_framer framer;
	struct span first; /* the packet that has said which stream it is */
	bool has_first;
	unsigned looked; /* packets, before the stream was known */
	/* of a connection that is made */
	uint32_t ssrc;
	struct addr to;
	int64_t timeout_ms;
};

static struct conn *conn_of(struct gb_line *line)
{
	return container_of(line, struct conn, line);
}

static const struct conn *conn_of_const(const struct gb_line *line)
{
	return container_of_const(line, struct conn, line);
}

/* ---- as a line ---- */

/* One buffer for all: nothing switches before its bytes are in the framer. */
static err read_some(struct conn *c)
{
	static uint8_t bytes[READ_BYTES];
	size_t n;
	if (c->framer.sought > NOISE_MAX)
		return err_fail(ERR_PROTOCOL, "what comes are no packets of RTP");
	TRY(sock_try_recv(c->sock, bytes, sizeof(bytes), &n));
	rtp_framer_take(&c->framer, span_of(bytes, n));
	return OK;
}

static err on_recv(struct gb_line *line, struct span *packet, bool *gap)
{
	struct conn *c = conn_of(line);
	if (c->has_first) {
		c->has_first = *gap = false;
		*packet = c->first;
		return OK;
	}
	for (int i = 0; !rtp_framer_next(&c->framer, packet, gap); i++) {
		if (i == READS) {
			co_wake(co_self()); /* more may be there; others come first */
			return ERR_AGAIN;
		}
		TRY(read_some(c));
	}
	return OK;
}

static void on_attach(struct gb_line *line)
{
	sock_attach(conn_of(line)->sock);
}

static int64_t on_due(const struct gb_line *line)
{
	(void)line;
	return CLOCK_NEVER;
}

static int64_t on_heard_ms(const struct gb_line *line)
{
	return sock_recv_ms(conn_of_const(line)->sock);
}

static int64_t on_bytes(const struct gb_line *line)
{
	return sock_recv_bytes(conn_of_const(line)->sock);
}

static bool on_is_gone(const struct gb_line *line)
{
	return sock_hung_up(conn_of_const(line)->sock);
}

static const struct gb_line_ops line_ops = {
	.recv = on_recv,
	.attach = on_attach,
	.due = on_due,
	.heard_ms = on_heard_ms,
	.bytes = on_bytes,
	.is_gone = on_is_gone,
};

/* ---- which stream ---- */

static err next_packet(struct conn *c, struct rtp *rtp, int64_t deadline)
{
	for (;;) {
		bool gap;
		if (++c->looked % PACKETS == 0) {
			co_yield ();
			TRY(co_stopping() ? ERR_STOPPED : OK);
		}
		err e = on_recv(&c->line, &c->first, &gap);
		if (e == ERR_AGAIN)
			e = co_wait(deadline);
		else if (!e && !rtp_is_control(c->first) && rtp_read(rtp, c->first))
			return OK;
		TRY(e);
		if (clock_ms() >= deadline)
			return ERR_TIMEOUT;
	}
}

/* By the SSRC of its packets. Before the device has answered it may be another one than was asked for. */
static err find_stream(struct conn *c, struct gb_stream **out)
{
	int64_t deadline = clock_after(UNKNOWN_MS);
	struct rtp rtp;
	for (;;) {
		TRY(next_packet(c, &rtp, deadline));
		struct gb_stream *s = gb_stream_find(c->hub, rtp.ssrc, sock_peer(c->sock));
		if (s && s->feed)
			return err_fail(ERR_FULL,
					"the stream %s comes by another connection already",
					s->name);
		if (s) {
			c->has_first = true;
			*out = s;
			return OK;
		}
		if (clock_ms() >= deadline)
			return err_fail(ERR_NOTFOUND,
					"nobody has asked for a stream of the SSRC %010u",
					rtp.ssrc);
	}
}

/* ---- its life ---- */

static void conn_free(struct conn *c)
{
	sock_close(&c->sock);
	place_give(&c->place);
	rtp_framer_fini(&c->framer);
	free(c);
}

static void begin_log(struct conn *c)
{
	char id[9];
	co_new_id(id);
	co_set_id(id);
	co_set_muted(!notice_rate_take(c->hub->server->notices, NOTICE_CONNECTIONS));
}

static void accepted_main(void *arg)
{
	struct conn *c = arg;
	struct gb_stream *stream = NULL;
	char peer[ADDR_TEXT_MAX];
	begin_log(c);
	addr_text(peer, sock_peer(c->sock));
	sock_attach(c->sock);
	err e = find_stream(c, &stream);
	if (e) {
		c->hub->unknown_media++;
	} else {
		co_set_muted(false);
		log_info("media of %s from %s", stream->name, peer);
		e = gb_stream_run(stream, &c->line);
	}
	log_end(e, "GB28181 media connection from %s ended", peer);
	conn_free(c);
}

static struct conn *conn_new(struct gb_hub *hub, struct sock *sock)
{
	struct conn *c = mem_new(struct conn);
	c->line.ops = &line_ops;
	c->hub = hub;
	c->sock = sock;
	rtp_framer_init(&c->framer);
	return c;
}

void gb_media_accept(void *ctx, struct sock *sock)
{
	struct gb_hub *hub = ctx;
	struct conn *c = conn_new(hub, sock);
	if (!server_take_place(hub->server, &c->place, "GB28181 media", sock_peer(sock)) ||
	    !co_start_in(&hub->server->sessions, "gb media", accepted_main, c))
		conn_free(c);
}

/* ---- to a device ---- */

static struct gb_stream *still_wanted(const struct conn *c)
{
	struct gb_stream *s;
	for (s = c->hub->streams; s; s = s->next)
		if (s->ssrc == c->ssrc && !s->is_closed && !s->feed)
			return s;
	return NULL;
}

static void dialled_main(void *arg)
{
	struct conn *c = arg;
	char peer[ADDR_TEXT_MAX];
	addr_text(peer, &c->to);
	err e = sock_dial(&c->sock, &c->to, clock_after(c->timeout_ms));
	struct gb_stream *s = e == ERR_STOPPED ? NULL : still_wanted(c);
	if (s && e) {
		gb_stream_fail(s, "the device does not take the connection for its media");
	} else if (s) {
		log_info("media of %s is fetched from %s", s->name, peer);
		e = gb_stream_run(s, &c->line);
	}
	log_end(e, "GB28181 media connection to %s ended", peer);
	conn_free(c);
}

void gb_media_connect(struct gb_stream *stream, const struct addr *to, int64_t timeout_ms)
{
	struct conn *c = conn_new(stream->hub, NULL);
	c->ssrc = stream->ssrc;
	c->to = *to;
	c->timeout_ms = timeout_ms;
	if (!co_start_in(&stream->hub->server->sessions, "gb media", dialled_main, c))
		conn_free(c);
}
