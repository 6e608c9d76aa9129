/* Nothing waits for a slow peer: packets that have no room in the queue are dropped, by whole packets, as a
 * network would. */
#include "rtc/stream.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum {
	LENGTH = 2,
	FIRST_PACKET_MS = 10000, /* until a check has come that is known */
	LOOK_MS = 5000,          /* the peer's session may be over */
	READS = 16,              /* before others have a turn */
};

struct rtc_stream {
	struct sock *sock;
	struct rtc_port *port;
	struct rtc_path path;
	struct buf out; /* what did not fit into the socket */
	bool has_failed;
	bool is_known; /* a check of a peer that is known here has come */
	size_t in_count;
	uint8_t in[RTC_STREAM_IN_MAX];
};

/* ---- sending ---- */

static void flush(struct rtc_stream *s)
{
	if (!s->has_failed)
		s->has_failed = sock_flush(s->sock, &s->out) != OK;
}

bool rtc_stream_send(struct rtc_stream *s, struct span packet)
{
	if (s->has_failed || s->out.n + LENGTH + packet.n > s->out.max)
		return false;
	buf_u16(&s->out, (uint16_t)packet.n);
	buf_put(&s->out, packet.p, packet.n);
	flush(s);
	return !s->has_failed;
}

/* ---- receiving ---- */

/* At an upgrade in place the peer may have been answered by the process before this one. */
static err is_of_nobody(const struct rtc_stream *s)
{
	if (!s->is_known &&
	    rtc_port_hand_stream(s->port, sock_fd(s->sock), span_of(s->in, s->in_count), &s->path))
		return err_fail(ERR_ENDED, "WebRTC over TCP: the former process has the peer");
	return err_fail(ERR_PROTOCOL, "WebRTC over TCP: no check of a peer that is known here");
}

/* Hands over the whole packets that have come; the rest is kept. */
static err take_packets(struct rtc_stream *s)
{
	size_t at = 0;
	while (s->in_count - at >= LENGTH) {
		size_t n = (size_t)s->in[at] << 8 | s->in[at + 1];
		if (n > RTC_FRAME_MAX)
			return err_fail(ERR_LIMIT, "WebRTC over TCP: a packet of %zu bytes", n);
		if (s->in_count - at - LENGTH < n)
			break;
		rtc_port_take(s->port, s->in + at + LENGTH, n, &s->path);
		at += LENGTH + n;
		if (!rtc_port_knows(s->port, &s->path))
			return is_of_nobody(s);
		s->is_known = true;
	}
	s->in_count -= at;
	memmove(s->in, s->in + at, s->in_count);
	return OK;
}

static err receive(struct rtc_stream *s)
{
	for (int i = 0; i < READS; i++) {
		size_t n = 0;
		err e = sock_try_recv(s->sock, s->in + s->in_count, RTC_STREAM_IN_MAX - s->in_count,
				      &n);
		if (e)
			return e == ERR_AGAIN ? OK : e;
		s->in_count += n;
		TRY(take_packets(s));
	}
	co_wake(co_self());
	return OK;
}

static err serve(struct rtc_stream *s)
{
	int64_t deadline = clock_after(FIRST_PACKET_MS);
	bool is_known = false;
	TRY(take_packets(s));
	for (;;) {
		TRY(receive(s));
		flush(s);
		if (s->has_failed)
			return ERR_CLOSED;
		if (is_known && !rtc_port_knows(s->port, &s->path))
			return err_fail(ERR_ENDED, "WebRTC over TCP: the session is over");
		is_known = rtc_port_knows(s->port, &s->path);
		err e = co_wait(is_known ? clock_after(LOOK_MS) : deadline);
		if (e && (e != ERR_TIMEOUT || !is_known))
			return e;
	}
}

err rtc_stream_run(struct rtc_port *port, struct sock *sock, struct span read)
{
	struct rtc_stream *s = mem_new(struct rtc_stream);
	s->in_count = read.n < sizeof(s->in) ? read.n : sizeof(s->in);
	if (s->in_count)
		memcpy(s->in, read.p, s->in_count);
	s->sock = sock;
	s->port = rtc_port_ref(port);
	s->out.max = RTC_STREAM_QUEUE;
	s->path = (struct rtc_path){
		.peer = *sock_peer(sock), .local = *sock_local(sock), .stream = s};
	sock_set_quick(sock, false);
	sock_attach(sock);
	err e = serve(s);
	sock_detach(sock);
	rtc_port_lose(port, &s->path);
	rtc_port_unref(&s->port);
	buf_free(&s->out);
	free(s);
	return e;
}
