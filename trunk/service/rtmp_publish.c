/* An RTMP publisher: what it says becomes messages of a publication, what becomes of that becomes
 * statuses. */
#include "base/mem.h"
#include "codec/metadata.h"
#include "service/rtmp_session.h"
#include "session/publication.h"

#include <stdlib.h>
#include <string.h>

struct rtmp_publisher {
	struct publication publication;
	struct rtmp_session *s;
	struct co *co;
	struct encoder_time encoder_time; /* as the server says that brings the stream */
};

/* ---- what the publication asks ---- */

static struct rtmp_publisher *publisher_of(struct publication *publication)
{
	return container_of(publication, struct rtmp_publisher, publication);
}

static struct sock *sock_of(const struct publication *publication)
{
	return container_of_const(publication, struct rtmp_publisher, publication)->s->conn->sock;
}

/* The ping is sent by the publisher's own coroutine, which has nothing else to do while it is silent. */
static void on_probe(struct publication *publication)
{
	struct rtmp_publisher *p = publisher_of(publication);
	p->s->conn->ping_ms = 0; /* an earlier one was before it spoke */
	rtmp_put_ping(p->s->conn);
	sock_set_rcvlowat(p->s->conn->sock, false); /* the pong is waited for */
	co_wake(p->co);
}

static int64_t on_last_heard(const struct publication *publication)
{
	return sock_recv_ms(sock_of(publication));
}

static int64_t on_arrived(const struct publication *publication)
{
	const struct sock *sock = sock_of(publication);
	return sock_recv_bytes(sock) + sock_unread(sock);
}

static bool on_has_left(const struct publication *publication)
{
	return sock_hung_up(sock_of(publication));
}

/* Ends a send that is under way: the publisher does not take what was sent. */
static void on_stop(struct publication *publication)
{
	sock_set_deadline(sock_of(publication), clock_ms());
	co_wake(publisher_of(publication)->co);
}

/* The publisher's own coroutine sends it, as it sends a ping. */
static bool on_reconnect(struct publication *publication, const char *url)
{
	struct rtmp_publisher *p = publisher_of(publication);
	if (!p->s->connect.reconnects)
		return false;
	rtmp_put_reconnect(p->s->conn, url);
	co_wake(p->co);
	return true;
}

static struct traffic on_count(const struct publication *publication)
{
	return rtmp_session_traffic(
		container_of_const(publication, struct rtmp_publisher, publication)->s);
}

static const struct publication_ops ops = {
	.probe = on_probe,
	.last_heard_ms = on_last_heard,
	.arrived = on_arrived,
	.has_left = on_has_left,
	.reconnect = on_reconnect,
	.stop = on_stop,
	.count = on_count,
};

/* ---- media ---- */

static void publish(struct rtmp_publisher *p, struct msg **m, uint32_t ts)
{
	if (p->s->request.is_relay)
		encoder_time_note(&p->encoder_time, *m, ts);
	source_publish(p->publication.source, &p->publication.in.feeder, m, ts);
}

static void publish_data(struct rtmp_publisher *p, const struct msg *media, uint32_t ts)
{
	/* Of others it is not believed, and nobody else has a use for it. */
	if (encoder_time_read(&p->encoder_time, media))
		return;
	struct msg *m = metadata_read(msg_span(media));
	if (m)
		publish(p, &m, ts);
}

/* *over: the publisher has said that it is done. */
static err take_command(struct rtmp_publisher *p, struct rtmp_msg *m, bool *over)
{
	struct rtmp_event event;
	rtmp_take_command(p->s->conn, &p->s->want, m, &event);
	if (event.kind == RTMP_EVENT_CALL && p->s->request.is_relay)
		announce_take_players(p->s->announce, &event.call);
	*over = event.kind == RTMP_EVENT_CLOSED;
	rtmp_event_fini(&event);
	return *over ? rtmp_flush(p->s->conn) : OK;
}

static err take_message(struct rtmp_publisher *p, struct rtmp_msg *m, bool *over)
{
	bool is_media = m->media && rtmp_is_media_of(p->s->conn, &p->s->want, m);
	switch (m->type) {
	case RTMP_AUDIO:
	case RTMP_VIDEO:
		if (is_media)
			publish(p, &m->media, m->ts);
		return OK;
	case RTMP_DATA:
		if (is_media)
			publish_data(p, m->media, m->ts);
		return OK;
	case RTMP_COMMAND:
		return take_command(p, m, over);
	default:
		return OK;
	}
}

/* Messages that a publisher sent before it closed count, although it hears no answers any more. */
static err flush(struct rtmp_conn *conn)
{
	err e = rtmp_flush(conn);
	return e == ERR_CLOSED && sock_readable(conn->sock) ? OK : e;
}

static err next_message(struct rtmp_publisher *p, struct rtmp_msg *m)
{
	struct rtmp_conn *conn = p->s->conn;
	for (;;) {
		err e = rtmp_try_recv(conn, m);
		if (e != ERR_AGAIN)
			return e;
		publication_caught_up(&p->publication);
		sock_set_deadline(conn->sock, publication_deadline(&p->publication));
		TRY(flush(conn));
		sock_attach(conn->sock);
		TRY(publication_wait(&p->publication));
		source_fetch(p->publication.source);
	}
}

static err publish_loop(struct rtmp_publisher *p)
{
	for (bool over = false; !over;) {
		struct rtmp_msg m = {0};
		err e = next_message(p, &m);
		if (!e)
			e = take_message(p, &m, &over);
		rtmp_msg_fini(&m);
		TRY(e);
		TRY(publication_took(&p->publication));
	}
	return OK;
}

/* ---- the story ---- */

static err start(struct rtmp_publisher *p)
{
	struct rtmp_session *s = p->s;
	read_pacing_open(&p->publication.in, s->conn->sock);
	rtmp_conn_allow_media(s->conn);
	sock_set_quick(s->conn->sock, false);
	rtmp_put_status(s->conn, s->want.stream_id, "status", "NetStream.Publish.Start",
			"Started publishing stream.");
	return rtmp_flush(s->conn);
}

err rtmp_publish_run(struct rtmp_session *s)
{
	struct rtmp_publisher *p = mem_new(struct rtmp_publisher);
	p->s = s;
	p->co = co_self();
	sock_attach(s->conn->sock);
	err e = publication_begin(&p->publication, &ops, &s->request);
	if (!e)
		e = start(p);
	if (!e)
		e = publish_loop(p);
	e = publication_end(&p->publication, e);
	sock_set_deadline(s->conn->sock, CLOCK_NEVER);
	if (p->publication.outcome.code)
		e = rtmp_session_tell(s, &p->publication.outcome);
	free(p);
	return e;
}
