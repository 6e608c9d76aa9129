/* The story of an RTMP connection: handshake, connect, what does it want, play or publish, and
 * round again when it closes the stream without closing the connection. */
#include "service/rtmp_service.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/announce.h"
#include "codec/list.h"
#include "codec/url.h"
#include "node/notice.h"
#include "node/proxied.h"
#include "rtmp/handshake.h"
#include "service/rtmp_session.h"
#include "session/admit.h"
#include "session/hooks.h"
#include "session/signed_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	START_TIMEOUT_MS = 30000, /* handshake to play or publish */
	AGAIN_TIMEOUT_MS = 30000, /* after a stream was closed, for the next one */
	QUICK_MS = 200,           /* a stream that was closed so soon is followed by a pause of */
	PAUSE_MS = 100,           /* so long: to begin may cost megabytes, and asks for nothing */
	FULL_TIMEOUT_MS = 5000,   /* for one that is only told that there is no room */
};

static err session_begin(struct rtmp_session *s);
static err session_run(struct rtmp_session *s);

static void session_free(struct rtmp_session *s)
{
	place_give(&s->place);
	rtmp_conn_free(&s->conn);
	sock_close(&s->sock);
	rtmp_connect_fini(&s->connect);
	rtmp_identify_fini(&s->want);
	target_fini(&s->target);
	conf_unref(&s->conf);
	free(s->path);
	free(s->via);
	free(s->redirected);
	free(s->url);
	free(s->proof);
	free(s->announce);
	free(s);
}

static void tell_of_end(const struct rtmp_session *s)
{
	if (!s->was_asked_about)
		return;
	struct traffic traffic = rtmp_session_traffic(s);
	hooks_tell(&s->request, HOOK_ON_CLOSE, &traffic);
}

static void session_main(void *arg)
{
	struct rtmp_session *s = arg;
	char id[9], peer[ADDR_TEXT_MAX];
	co_new_id(id);
	co_set_id(id);
	co_set_muted(!notice_rate_take(s->server->notices, NOTICE_CONNECTIONS));
	err e = session_begin(s);
	addr_text(peer, sock_peer(s->sock));
	log_info("RTMP connection from %s", peer);
	if (e == OK)
		e = session_run(s);
	log_end(e, "RTMP connection from %s ended", peer);
	tell_of_end(s);
	session_free(s);
}

void rtmp_service_accept(void *ctx, struct sock *sock)
{
	struct server *server = ctx;
	struct conn_place place;
	if (!server_take_place(server, &place, "RTMP", sock_peer(sock))) {
		sock_close(&sock);
		return;
	}
	struct rtmp_session *s = mem_new(struct rtmp_session);
	s->server = server;
	s->conf = conf_ref(server->conf);
	s->sock = sock;
	s->place = place;
	if (!co_start_in(&server->sessions, "rtmp", session_main, s))
		session_free(s);
}

/* ---- connect ---- */

/* A member of the identity; what is longer than any cluster could make it is none of ours. NULL: there is none, as of
 * all players. */
static char *identity_text(const struct amf *args, const char *key)
{
	const char *text = amf_get_string(args, key, "");
	return *text && strlen(text) <= RELAY_LIST_MAX ? mem_strdup(text) : NULL;
}

static const char *said(const char *text)
{
	return text ? text : "";
}

/* A client that names the servers it came by is one itself. */
static bool says_relay(const struct rtmp_session *s)
{
	return amf_get_number(s->connect.args, "srs_pid", 0) > 0 || s->path;
}

/* Another server says so in the second object of connect (SRS: srs_pid; what else there is of ours,
 * see upstream_request.c). */
static void read_identity(struct rtmp_session *s)
{
	const struct amf *args = s->connect.args;
	free(s->path);
	free(s->via);
	free(s->redirected);
	s->path = identity_text(args, "srs_path");
	s->via = identity_text(args, "srs_via");
	s->redirected = identity_text(args, "srs_redirected");
	free(s->announce);
	s->announce = says_relay(s) ? mem_new(struct announce) : NULL;
	if (s->announce)
		announce_read(s->announce, args, sock_peer(s->conn->sock));
}

/* A server that will ask about a client of its own. */
static bool asks(const struct rtmp_session *s)
{
	return amf_get_number(s->connect.args, "srs_ask", 0) > 0;
}

static void make_request(struct rtmp_session *s)
{
	const struct amf *args = s->connect.args;
	s->request = (struct request){
		.server = s->server,
		.conf = s->conf,
		.vhost = conf_vhost_find(s->conf, s->target.vhost),
		.target = &s->target,
		.peer = &s->peer,
		.tc_url = s->connect.tc_url,
		.page_url = said(s->connect.page_url),
		.swf_url = said(s->connect.swf_url),
		.url = said(s->url),
		.tls = sock_is_encrypted(s->conn->sock),
		.path_asked = "",
		.proof = said(s->proof),
		.announce = s->announce,
		.hop = s->announce ? &s->announce->hop : NULL,
		.had_until = s->announce ? s->announce->had_until : 0,
		.path = said(s->path),
		.via = said(s->via),
		.redirected = said(s->redirected),
		.says_relay = says_relay(s),
		.asks = asks(s),
		.from_coworker = amf_get_number(args, "srs_mesh", 0) > 0,
	};
}

static err accept_connect(struct rtmp_session *s)
{
	const struct conf_vhost *vhost = s->request.vhost;
	return rtmp_accept(
		s->conn, &s->connect,
		&(struct rtmp_server_opts){
			.out_ack_size = (uint32_t)vhost->out_ack_size,
			.in_ack_size = (uint32_t)vhost->in_ack_size,
			.chunk_size = (uint32_t)vhost->chunk_size,
			.server_id = co_id(),
			.pid = (int)getpid(),
			.node = s->request.says_relay || asks(s) ? s->server->service_id : NULL,
			.judges = asks(s),
			.api_port = announce_port(s->server),
		});
}

/* The vhost that connect names; the stream's own query may name another one later. */
static err admit_connect(struct rtmp_session *s, struct outcome *outcome)
{
	const struct amf *args = s->connect.args;
	err e = target_parse(&s->target, s->connect.tc_url, "");
	if (e)
		return outcome_refuse(outcome, OUTCOME_BAD_NAME, "%s", err_trail(e));
	read_identity(s);
	make_request(s);
	if (s->request.says_relay)
		log_info("it says that it is a relay: server %s, pid %.0f, id %s for %s, and has "
			 "come by "
			 "%d",
			 log_quote(amf_get_string(args, "srs_server", "?")),
			 amf_get_number(args, "srs_pid", 0), s->announce->hop.relay,
			 s->announce->hop.trace, list_count(s->request.path));
	return admit_connection(&(struct admission){
		.request = &s->request,
		.place = &s->place,
		.outcome = outcome,
	});
}

/* ---- play, publish ---- */

static enum sign_verdict verify(void *ctx)
{
	struct rtmp_session *s = ctx;
	return announce_check(s->server, s->want.object,
			      &(struct relay_claim){
				      .args = s->connect.args,
				      .tc_url = s->connect.tc_url,
				      .stream = s->want.stream,
				      .publish = s->want.role != ROLE_PLAY,
			      });
}

/* A link that is signed in its path has a longer app than the stream. */
static void take_proof(struct rtmp_session *s)
{
	const struct conf_vhost *vhost = conf_vhost_find(s->conf, s->target.vhost);
	free(s->proof);
	s->proof = vhost ? signed_link_take_proof(&vhost->signed_links, s->target.app) : NULL;
}

/* Reads from play or publish what the client wants, and under which vhost. */
static err name_stream(struct rtmp_session *s, struct outcome *outcome)
{
	static const char *const types[] = {
		[ROLE_PLAY] = "rtmp-play",
		[ROLE_FMLE_PUBLISH] = "fmle-publish",
		[ROLE_HAIVISION_PUBLISH] = "haivision-publish",
		[ROLE_FLASH_PUBLISH] = "flash-publish",
	};
	struct target target = {0};
	err e = target_parse(&target, s->connect.tc_url, s->want.stream);
	if (e)
		return outcome_refuse(outcome, OUTCOME_BAD_NAME, "%s", err_trail(e));
	target_fini(&s->target);
	s->target = target;
	take_proof(s);
	free(s->url);
	s->url = mem_printf("/%s/%s", target.app, target.stream);
	make_request(s);
	s->request.publish = s->want.role != ROLE_PLAY;
	s->request.type = types[s->want.role];
	return OK;
}

static err admit_request(struct rtmp_session *s, struct outcome *outcome)
{
	TRY(name_stream(s, outcome));
	struct admission a = {
		.request = &s->request,
		.place = &s->place,
		.verify = verify,
		.ctx = s,
		.token =
			&(struct token_words){
				.app = s->connect.app,
				.tc_url = s->connect.tc_url,
				.page_url = s->request.page_url,
				.swf_url = s->request.swf_url,
				.args = s->connect.args,
			},
		.outcome = outcome,
	};
	err e = admit_stream(&a);
	s->was_asked_about = s->was_asked_about || a.has_asked;
	return e;
}

/* ---- the story ---- */

/* An outcome is large, and a stack stays as large as it was at its deepest. */
static err told(struct rtmp_session *s,
		err (*step)(struct rtmp_session *s, struct outcome *outcome),
		err (*tell)(struct rtmp_session *s, const struct outcome *outcome))
{
	struct outcome *outcome = mem_new(struct outcome);
	err e = step(s, outcome);
	if (outcome->code)
		e = tell(s, outcome);
	free(outcome);
	return e;
}

static err serve(struct rtmp_session *s)
{
	int64_t patience = s->place.is_reserved ? FULL_TIMEOUT_MS : START_TIMEOUT_MS;
	for (;;) {
		sock_set_deadline(s->conn->sock, clock_after(patience));
		rtmp_identify_fini(&s->want);
		TRY(rtmp_identify(s->conn, &s->want));
		if (s->want.role == ROLE_ASK)
			return rtmp_ask_run(s);
		TRY(told(s, admit_request, rtmp_session_tell));
		sock_set_deadline(s->conn->sock, CLOCK_NEVER);
		int64_t began = clock_ms();
		TRY(s->want.role == ROLE_PLAY ? rtmp_play_run(s) : rtmp_publish_run(s));
		TRY(co_sleep(clock_ms() - began < QUICK_MS ? PAUSE_MS : 0));
		patience = AGAIN_TIMEOUT_MS;
		notice_ration_lines(s->server->notices);
	}
}

/* Ends with an answer to connect, unless there is none that it would hear. */
static err connect_client(struct rtmp_session *s, struct outcome *outcome)
{
	err e = rtmp_recv_connect(s->conn, &s->connect);
	if (e == ERR_PROTOCOL || e == ERR_LIMIT)
		return outcome_refuse(outcome, OUTCOME_BAD_NAME, "%s", err_trail(e));
	TRY(e);
	return admit_connect(s, outcome);
}

/* Afterwards it is known who the client is. */
static err session_begin(struct rtmp_session *s)
{
	sock_set_deadline(s->sock, clock_after(START_TIMEOUT_MS));
	err e = proxied_begin(s->server, s->sock, &s->place, NULL);
	s->peer = *sock_peer(s->sock);
	return e;
}

static err session_run(struct rtmp_session *s)
{
	if (s->place.is_reserved)
		sock_set_deadline(s->sock, clock_after(FULL_TIMEOUT_MS));
	TRY(sock_begin(s->sock));
	TRY(handshake_server(s->sock));
	s->conn = rtmp_conn_new(s->sock);
	s->sock = NULL;
	TRY(told(s, connect_client, rtmp_session_reject));
	TRY(accept_connect(s));
	return serve(s);
}
