/* A link over RTMP: connect says who we are, the object of play or publish proves it. */
#include "base/mem.h"
#include "cluster/announce.h"
#include "cluster/link.h"
#include "codec/metadata.h"
#include "net/dial.h"
#include "node/certs.h"
#include "node/rtmp_send.h"
#include "rtmp/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_SIZE = 60000 }; /* of what is sent on a link that only plays */

struct rtmp_link {
	struct link link;
	struct rtmp_conn *conn;
	struct rtmp_peer peer;
	struct viewer_report report;
};

static struct rtmp_link *of(struct link *link)
{
	return container_of(link, struct rtmp_link, link);
}

static void rtmp_free(struct link *link)
{
	struct rtmp_link *l = of(link);
	rtmp_conn_free(&l->conn);
	free(l);
}

/* ---- no ---- */

/* The server's status in the words of a link. A redirect that names no server stays one that leads
 * nowhere: whoever follows it says so. */
static void refusal_take(struct link_refusal *out, err e, const struct rtmp_refusal *said)
{
	*out = (struct link_refusal){0};
	if (!*said->code && e != ERR_REDIRECT)
		return;
	out->why = e;
	snprintf(out->code, sizeof(out->code), "%s", said->code);
	snprintf(out->description, sizeof(out->description), "%s", said->description);
	if ((e == ERR_REDIRECT || e == ERR_RECONNECT) &&
	    !upstream_redirect_target(out->redirect, sizeof(out->redirect), said->redirect))
		*out->redirect = '\0';
}

/* The end of a question that may have been refused. What the server says takes kilobytes: too much for a
 * stack, and for as long as the link lives. */
static err refusal_end(struct link_refusal *out, err e, struct rtmp_refusal *said)
{
	if (e)
		refusal_take(out, e, said);
	free(said);
	return e;
}

/* ---- yes ---- */

static int default_port(const struct upstream_request *r)
{
	return r->protocol->tls ? PORT_HTTPS : PORT_RTMP;
}

static err encrypt(struct sock **sock, const struct upstream_request *r, const char *host,
		   int64_t deadline)
{
	const char *name = upstream_tls_name(r);
	sock_set_deadline(*sock, deadline);
	err e = tls_connect(*sock, certs_client(r->server->certs), *name ? name : host, NULL);
	if (e)
		sock_close(sock);
	return e;
}

static err dialogue(struct rtmp_link *l, const struct link_opts *opts, struct link_refusal *said)
{
	const struct upstream_request *r = opts->request;
	struct hostport hp;
	struct sock *sock = NULL;
	TRY(hostport_parse(&hp, opts->name, default_port(r)));
	TRY(dial_host(&sock, hp.host, hp.port, opts->deadline));
	if (r->protocol->tls)
		TRY(encrypt(&sock, r, hp.host, opts->deadline));
	char *url = upstream_tc_url(r, hp.port);
	struct rtmp_refusal *refusal = mem_new(struct rtmp_refusal);
	err e = rtmp_client_connect(
		&l->conn, &sock,
		&(struct rtmp_client_opts){
			.app = r->target->app,
			.tc_url = url,
			.page_url = r->page_url,
			.swf_url = r->swf_url,
			.args = upstream_identity(r),
			.chunk_size = r->publish ? (uint32_t)r->vhost->chunk_size : CHUNK_SIZE,
			.deadline = opts->deadline,
			.peer = &l->peer,
		},
		&l->link.stream_id, refusal);
	free(url);
	return refusal_end(said, e, refusal);
}

static err rtmp_open(struct link **out, const struct link_opts *opts, struct link_refusal *said)
{
	struct rtmp_link *l = mem_new(struct rtmp_link);
	l->link.ops = opts->request->protocol;
	err e = dialogue(l, opts, said);
	if (e) {
		rtmp_free(&l->link);
		return e;
	}
	l->link.sock = l->conn->sock;
	sock_set_deadline(l->link.sock, CLOCK_NEVER);
	snprintf(l->link.name, sizeof(l->link.name), "%s", opts->name);
	snprintf(l->link.node, sizeof(l->link.node), "%s", l->peer.node);
	announce_api(l->link.api, &l->peer, sock_peer(l->link.sock));
	*out = &l->link;
	return OK;
}

/* By which the server knows us for one of its cluster: the object of play or publish. NULL without a
 * secret, or when it is no server of our kind. Made anew from what connect said: the identity is the
 * same as long as the request is. */
static struct amf *proof(const struct rtmp_link *l, const struct upstream_request *r)
{
	struct hostport hp;
	struct buf claim = {.max = CLAIM_MAX};
	if (!*l->peer.node || hostport_parse(&hp, l->link.name, default_port(r)) != OK)
		return NULL;
	struct amf *args = upstream_identity(r);
	char *url = upstream_tc_url(r, hp.port), *stream = upstream_stream_name(r);
	relay_claim_write(&claim, &(struct relay_claim){args, url, stream, r->publish});
	struct amf *object = announce_proof(r->server, r->vhost->name, r->publish, buf_span(&claim),
					    l->peer.node);
	buf_free(&claim);
	free(stream);
	free(url);
	amf_free(&args);
	return object;
}

static err rtmp_play(struct link *link, const struct upstream_request *r)
{
	struct rtmp_link *l = of(link);
	char *name = upstream_stream_name(r);
	err e = rtmp_client_play(l->conn, link->stream_id, name, proof(l, r));
	free(name);
	return e;
}

static err rtmp_publish(struct link *link, const struct upstream_request *r, uint32_t chunk_size,
			struct link_refusal *said)
{
	struct rtmp_link *l = of(link);
	char *name = upstream_stream_name(r);
	if (l->conn->out_chunk_size != chunk_size)
		rtmp_put_chunk_size(l->conn, chunk_size);
	struct rtmp_refusal *refusal = mem_new(struct rtmp_refusal);
	err e = rtmp_client_publish(l->conn, link->stream_id, name, proof(l, r), refusal);
	free(name);
	return refusal_end(said, e, refusal);
}

/* ---- what comes ---- */

/* A status, or what a server of our kind says about the stream. */
static err take_command(struct rtmp_link *l, const struct rtmp_msg *m, struct link_refusal *said)
{
	struct stream_report report;
	if (announce_read_stream(&report, m)) {
		l->link.reports++;
		snprintf(l->link.run, sizeof(l->link.run), "%s", report.run);
		l->link.lost_ms = report.lost_ms;
		l->link.absent_at = report.absent_at;
		return OK;
	}
	struct rtmp_refusal *refusal = mem_new(struct rtmp_refusal);
	err e = refusal_end(said, rtmp_client_status(l->conn, m, refusal), refusal);
	if (e == ERR_NOTFOUND)
		said->absent_at = l->link.absent_at;
	return e;
}

/* *out stays empty when the message is no media. */
static err take_message(struct rtmp_link *l, struct rtmp_msg *m, struct link_media *out,
			struct link_refusal *said)
{
	if ((m->type == RTMP_AUDIO || m->type == RTMP_VIDEO) && m->media) {
		link_take(&l->link, out, m->media, m->ts);
		m->media = NULL;
	} else if (m->type == RTMP_DATA && m->media) {
		link_take(&l->link, out, metadata_read(msg_span(m->media)), m->ts);
	} else if (m->type == RTMP_COMMAND) {
		return take_command(l, m, said);
	}
	return OK;
}

static err rtmp_next(struct link *link, struct link_media *out, struct link_refusal *said)
{
	struct rtmp_link *l = of(link);
	err e = OK;
	for (*out = (struct link_media){0}; !e && !out->msg;) {
		struct rtmp_msg m = {0};
		e = rtmp_try_recv(l->conn, &m);
		if (!e)
			e = take_message(l, &m, out, said);
		rtmp_msg_fini(&m);
	}
	link->pong_ms = l->conn->pong_ms;
	if (!l->conn->ping_ms || sock_recv_ms(link->sock) > link->ping_ms)
		link->ping_ms = 0;
	return e;
}

/* ---- what goes ---- */

static err rtmp_send(struct link *link, struct send_monitor *monitor, struct cursor *cursor)
{
	int64_t sent = 0; /* the statistics of the source are about players */
	return rtmp_send_wire(monitor, of(link)->conn, cursor, &sent);
}

static void rtmp_report(struct link *link, const struct source *source)
{
	struct rtmp_link *l = of(link);
	announce_players(&l->report, l->conn, &l->peer, source);
}

static err rtmp_flush_link(struct link *link)
{
	struct rtmp_conn *conn = of(link)->conn;
	return conn->out.n ? rtmp_flush(conn) : OK;
}

static void rtmp_ping(struct link *link)
{
	struct rtmp_conn *conn = of(link)->conn;
	conn->ping_ms = 0; /* one that was never answered does not stand in the way */
	rtmp_put_ping(conn);
	sock_set_rcvlowat(link->sock, false);
	link->ping_ms = clock_ms();
}

static void rtmp_finish(struct link *link, const char *stream, int64_t ms)
{
	enum { TID_UNPUBLISH = 5, TID_DELETE = 6, CLOSE_SHARE = 3 };
	struct rtmp_conn *conn = of(link)->conn;
	sock_set_deadline(conn->sock, clock_after(ms));
	rtmp_put_command(conn, CSID_CONNECTION, 0, "FCUnpublish", TID_UNPUBLISH, amf_null(),
			 amf_string(stream), NULL);
	rtmp_put_command(conn, CSID_CONNECTION, 0, "deleteStream", TID_DELETE, amf_null(),
			 amf_number(link->stream_id), NULL);
	if (rtmp_flush(conn) == OK)
		sock_close_gently(&conn->sock, ms / CLOSE_SHARE);
	link->sock = conn->sock;
}

/* clang-format off */
#define RTMP_OPS \
	.open = rtmp_open, .play = rtmp_play, .publish = rtmp_publish, .next = rtmp_next, \
	.send = rtmp_send, .report = rtmp_report, .ping = rtmp_ping, .flush = rtmp_flush_link, \
	.finish = rtmp_finish, .free = rtmp_free
/* clang-format on */

const struct link_ops link_rtmp = {.members = MEMBER_RTMP, RTMP_OPS};
const struct link_ops link_rtmps = {.members = MEMBER_RTMPS, .tls = true, RTMP_OPS};
