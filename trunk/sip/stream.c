/* A connection: its coroutine receives; whoever has something to say writes at once, and the coroutine sends what
 * had no room. Nobody waits for a peer that does not read: it has a bounded buffer, and then its end. */
#include "base/log.h"
#include "base/mem.h"
#include "sip/inside.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	READ = 8192,
	OUT_MAX = 1 << 19,
	LINGER_MS = 2000,      /* for what was sent before the end */
	KEEP_ALIVE_MS = 60000, /* a device that has vanished */
};

struct sip_stream {
	struct sip_endpoint *endpoint;
	struct sock *sock;
	struct sip_flow *flow;
	struct co *co;
	struct buf in, out;
	size_t wanted; /* bytes of the message that has begun; 0: not known */
	struct quota quota;
	int64_t born_ms,
		end_ms; /* end_ms: when it ends at the latest; CLOCK_NEVER: nobody asked for that */
	bool has_failed;
};

/* ---- strangers ---- */

struct crowd {
	int count;
};

/* An address; of IPv6 the network that one person has. */
static void crowd_key(char out[static ADDR_TEXT_MAX], const struct addr *peer)
{
	struct addr net = *peer;
	addr_ip(out, peer);
	if (!strchr(out, ':'))
		return;
	memset(net.sa.v6.sin6_addr.s6_addr + 8, 0, 8);
	addr_ip(out, &net);
}

static bool crowd_has_room(const struct sip_endpoint *ep, const struct addr *peer)
{
	char key[ADDR_TEXT_MAX];
	crowd_key(key, peer);
	const struct crowd *crowd = map_get(ep->strangers, key);
	return !crowd || crowd->count < ep->opts.per_address_max;
}

static void crowd_add(struct sip_endpoint *ep, const struct addr *peer)
{
	char key[ADDR_TEXT_MAX];
	crowd_key(key, peer);
	struct crowd *crowd = map_get(ep->strangers, key);
	if (!crowd) {
		crowd = mem_new(struct crowd);
		(void)map_set(ep->strangers, key, crowd);
	}
	crowd->count++;
	ep->counts.strangers++;
}

static void crowd_remove(struct sip_endpoint *ep, const struct addr *peer)
{
	char key[ADDR_TEXT_MAX];
	crowd_key(key, peer);
	struct crowd *crowd = map_get(ep->strangers, key);
	ep->counts.strangers--;
	if (--crowd->count > 0)
		return;
	(void)map_remove(ep->strangers, key);
	free(crowd);
}

void sip_stream_accept(struct sip_stream *s)
{
	crowd_remove(s->endpoint, &s->flow->peer);
	s->quota.untrusted = false;
}

/* ---- memory ---- */

/* Buffered bytes count against the budget of all connections. */
static err account(struct sip_stream *s)
{
	size_t now = s->in.cap + s->out.cap;
	if (now < s->quota.taken)
		quota_give(&s->quota, s->quota.taken - now);
	else if (!quota_take(&s->quota, now - s->quota.taken))
		return err_fail(ERR_LIMIT, "too many bytes wait in connections");
	return OK;
}

/* ---- sending ---- */

static void fail(struct sip_stream *s)
{
	s->has_failed = true;
	co_wake(s->co);
}

static void flush(struct sip_stream *s)
{
	if (!s->has_failed && sock_flush(s->sock, &s->out) != OK)
		fail(s);
	if (s->out.n == 0)
		buf_free(&s->out);
}

err sip_stream_send(struct sip_stream *s, struct span bytes)
{
	if (s->has_failed || s->end_ms != CLOCK_NEVER)
		return err_fail(ERR_CLOSED, "the connection ends");
	buf_put(&s->out, bytes.p, bytes.n);
	if (!buf_ok(&s->out)) {
		fail(s);
		return err_fail(ERR_CLOSED, "the peer does not read");
	}
	flush(s);
	if (account(s))
		fail(s);
	return s->has_failed ? err_fail(ERR_CLOSED, "the connection is broken") : OK;
}

void sip_stream_end(struct sip_stream *s)
{
	if (s->end_ms == CLOCK_NEVER)
		s->end_ms = clock_after(LINGER_MS);
	co_wake(s->co);
}

/* ---- receiving ---- */

/* The whole messages of what has come; the rest waits. */
static err take_messages(struct sip_stream *s)
{
	size_t at = 0;
	err e = OK;
	while (!e && s->end_ms == CLOCK_NEVER && s->in.n - at >= s->wanted && s->in.n > at) {
		struct sip_frame frame;
		e = sip_frame(&frame, s->in.p + at, s->in.n - at, s->endpoint->opts.body_max);
		if (e) {
			s->endpoint->counts.malformed++;
			break;
		}
		at += frame.skip;
		s->wanted = frame.length ? frame.length : s->in.n - at + 1;
		if (s->in.n - at < s->wanted)
			break;
		s->wanted = 0;
		e = sip_endpoint_take(s->endpoint, s->flow, s->in.p + at, frame.length);
		at += frame.length;
	}
	buf_drop(&s->in, at);
	if (s->in.n == 0)
		buf_free(&s->in);
	return e;
}

/* ERR_AGAIN: there is nothing more. */
static err receive(struct sip_stream *s)
{
	size_t n = 0;
	uint8_t *p = buf_grow(&s->in, READ);
	if (!p)
		return err_fail(ERR_LIMIT, "no memory for a message");
	err e = sock_try_recv(s->sock, p, READ, &n);
	s->in.n -= READ - n;
	if (!e)
		e = take_messages(s);
	else if (s->in.n == 0)
		buf_free(&s->in);
	err full = account(s);
	return e ? e : full;
}

/* ---- its coroutine ---- */

static int64_t deadline_of(const struct sip_stream *s)
{
	const struct sip_endpoint_opts *opts = &s->endpoint->opts;
	if (s->end_ms != CLOCK_NEVER)
		return s->end_ms;
	if (!s->flow->is_accepted)
		return s->born_ms + opts->stranger_ms;
	return opts->silent_ms ? sock_recv_ms(s->sock) + opts->silent_ms : CLOCK_NEVER;
}

static err expire(const struct sip_stream *s)
{
	if (s->end_ms != CLOCK_NEVER)
		return err_fail(ERR_STALLED, "the peer does not read");
	s->endpoint->counts.expired++;
	return s->flow->is_accepted ? err_fail(ERR_TIMEOUT, "the peer was silent for too long")
				    : err_fail(ERR_TIMEOUT, "the peer has not said who it is");
}

/* Until it ends; OK: we have ended it. */
static err serve(struct sip_stream *s)
{
	for (;;) {
		err e = s->end_ms == CLOCK_NEVER ? receive(s) : ERR_AGAIN;
		if (e && e != ERR_AGAIN)
			return e;
		flush(s);
		if (s->has_failed)
			return err_fail(ERR_STALLED, "the peer does not read");
		if (s->end_ms != CLOCK_NEVER && s->out.n == 0)
			return OK;
		if (clock_ms() >= deadline_of(s))
			return expire(s);
		if (!e)
			co_wake(co_self()); /* more may be there; others come first */
		e = co_wait(deadline_of(s));
		if (e && e != ERR_TIMEOUT)
			return e;
	}
}

static void tell(struct sip_stream *s, err e)
{
	char peer[ADDR_TEXT_MAX];
	addr_text(peer, &s->flow->peer);
	if (e != OK && e != ERR_CLOSED && e != ERR_STOPPED && sip_endpoint_may_log(s->endpoint))
		log_info("SIP connection of %s: %s", peer, log_quote(err_trail(e)));
}

static void leave(struct sip_stream *s)
{
	struct sip_endpoint *ep = s->endpoint;
	struct sip_flow *flow = s->flow;
	flow->stream = NULL;
	if (!flow->is_accepted)
		crowd_remove(ep, &flow->peer);
	ep->counts.connections--;
	sip_calls_look(ep);
	if (ep->opts.on_flow_closed && !ep->is_ending)
		ep->opts.on_flow_closed(ep->opts.ctx, flow);
}

static void run(void *arg)
{
	struct sip_stream *s = arg;
	char id[9];
	co_new_id(id);
	co_set_id(id);
	s->co = co_self();
	sock_attach(s->sock);
	sock_keep_alive(s->sock, KEEP_ALIVE_MS);
	err e = serve(s);
	tell(s, e);
	leave(s);
	if (e == OK)
		sock_close_gently(&s->sock, LINGER_MS);
	sock_close(&s->sock);
	buf_free(&s->in);
	buf_free(&s->out);
	quota_empty(&s->quota);
	sip_flow_unref(&s->flow);
	free(s);
}

static struct sip_stream *stream_new(struct sip_endpoint *ep, struct sock *sock)
{
	struct sip_stream *s = mem_new(struct sip_stream);
	s->endpoint = ep;
	s->sock = sock;
	s->in.max = SIP_HEAD_MAX + ep->opts.body_max + 2 * READ;
	s->out.max = OUT_MAX;
	s->quota = (struct quota){.from = &ep->buffers, .untrusted = true};
	s->born_ms = clock_ms();
	s->end_ms = CLOCK_NEVER;
	s->flow = sip_flow_new(SIP_TCP, sock_peer(sock), sock_local(sock));
	s->flow->stream = s;
	return s;
}

static bool has_room(const struct sip_endpoint *ep, const struct addr *peer)
{
	return !ep->is_ending && ep->counts.connections < ep->opts.connections_max &&
	       ep->counts.strangers < ep->opts.strangers_max && crowd_has_room(ep, peer);
}

void sip_endpoint_accept(void *endpoint, struct sock *sock)
{
	struct sip_endpoint *ep = endpoint;
	ep->counts.accepted++;
	if (!has_room(ep, sock_peer(sock))) {
		ep->counts.refused++;
		sock_close(&sock);
		return;
	}
	struct sip_stream *s = stream_new(ep, sock);
	ep->counts.connections++;
	crowd_add(ep, &s->flow->peer);
	s->co = co_start_in(&ep->streams, "sip", run, s);
	if (s->co)
		return;
	leave(s);
	ep->counts.refused++;
	sock_close(&s->sock);
	sip_flow_unref(&s->flow);
	free(s);
}
