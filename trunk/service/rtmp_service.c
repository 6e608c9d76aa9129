/* The story of an RTMP connection: handshake, connect, what does it want, play or publish, and
 * round again when it closes the stream without closing the connection. */
#include "service/rtmp_service.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/announce.h"
#include "cluster/upstream_request.h"
#include "codec/list.h"
#include "codec/url.h"
#include "rtmp/handshake.h"
#include "service/rtmp_session.h"
#include "service/token.h"
#include "session/hooks.h"
#include "session/permit.h"
#include "session/signed_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	IDENTITY_MAX = 2048,
	START_TIMEOUT_MS = 30000, /* handshake to play or publish */
	AGAIN_TIMEOUT_MS = 30000, /* after a stream was closed, for the next one */
	QUICK_MS = 200,           /* a stream that was closed so soon is followed by a pause of */
	PAUSE_MS = 100,           /* so long: to begin may cost megabytes, and asks for nothing */
	FULL_TIMEOUT_MS = 5000,   /* for one that is only told that there is no room */
};

static const char server_full[] = "the server is full (max_connections)";
static const char relay_unwelcome[] = "other servers are not accepted from this address";

static err session_run(struct rtmp_session *s);

static void session_free(struct rtmp_session *s)
{
	s->server->connections--;
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
	free(s);
}

static void tell_of_end(const struct rtmp_session *s)
{
	if (!s->was_admitted)
		return;
	struct request request = rtmp_session_request(s, "");
	struct traffic traffic = rtmp_session_traffic(s);
	hooks_tell(&request, HOOK_ON_CLOSE, &traffic);
}

static void session_main(void *arg)
{
	struct rtmp_session *s = arg;
	char id[9], peer[ADDR_TEXT_MAX];
	co_new_id(id);
	co_set_id(id);
	addr_text(peer, sock_peer(s->sock));
	log_info("RTMP connection from %s", peer);
	err e = session_run(s);
	log_end(e, "RTMP connection from %s ended", peer);
	tell_of_end(s);
	session_free(s);
}

void rtmp_service_accept(void *ctx, struct sock *sock)
{
	struct server *server = ctx;
	int room = server->conf->max_connections - server->connections;
	if (room <= -CONNECTIONS_RESERVED) {
		sock_close(&sock);
		return;
	}
	struct rtmp_session *s = mem_new(struct rtmp_session);
	s->server = server;
	s->peer = *sock_peer(sock);
	s->conf = conf_ref(server->conf);
	s->sock = sock;
	s->is_full = room <= 0;
	server->connections++;
	if (!co_start_in(&server->sessions, "rtmp", session_main, s))
		session_free(s);
}

static err reject(struct rtmp_session *s, err e, const char *code, const char *sentence)
{
	if (rtmp_reject(s->conn, code, sentence) == OK)
		rtmp_end(&s->conn, 0, NULL, NULL, NULL);
	return err_fail(e, "%s: %s", code, sentence);
}

/* A member of the identity; what is longer than any cluster could make it is none of ours. */
static char *identity_text(const struct amf *args, const char *key)
{
	const char *text = amf_get_string(args, key, "");
	return mem_strdup(strlen(text) <= IDENTITY_MAX ? text : "");
}

/* Another server says so in the second object of connect (SRS: srs_pid; what else there is of ours,
 * see upstream.c). */
static void read_identity(struct rtmp_session *s)
{
	const struct amf *args = s->connect.args;
	free(s->path);
	free(s->via);
	free(s->redirected);
	s->path = identity_text(args, "srs_path");
	s->via = identity_text(args, "srs_via");
	s->redirected = identity_text(args, "srs_redirected");
	s->says_relay = amf_get_number(args, "srs_pid", 0) > 0 || *s->path;
	s->is_coworker = amf_get_number(args, "srs_mesh", 0) > 0;
	announce_read(&s->announce, args, sock_peer(s->conn->sock));
	if (s->says_relay)
		log_info("it says that it is a relay: server %s, pid %.0f, and has come by %d",
			 log_quote(amf_get_string(args, "srs_server", "?")),
			 amf_get_number(args, "srs_pid", 0), list_count(s->path));
}

/* `relays` limits from where other servers are accepted. */
static bool is_welcome(struct rtmp_session *s)
{
	return !s->says_relay ||
	       server_relay_allowed(s->server, s->vhost, sock_peer(s->conn->sock));
}

/* The vhost that connect names; the stream's own query may name another one later. */
static err admit(struct rtmp_session *s)
{
	TRY(target_parse(&s->target, s->connect.tc_url, ""));
	s->vhost = conf_vhost_find(s->conf, s->target.vhost);
	if (!s->vhost || !s->vhost->enabled)
		return reject(s, ERR_NOTFOUND, "NetConnection.Connect.InvalidApp",
			      "there is no such vhost on this server");
	read_identity(s);
	if (!is_welcome(s))
		return reject(s, ERR_DENIED, "NetConnection.Connect.Rejected", relay_unwelcome);
	if (s->is_full && !s->says_relay)
		return reject(s, ERR_FULL, "NetConnection.Connect.Rejected", server_full);
	return rtmp_accept(s->conn, &s->connect,
			   &(struct rtmp_server_opts){
				   .out_ack_size = (uint32_t)s->vhost->out_ack_size,
				   .in_ack_size = (uint32_t)s->vhost->in_ack_size,
				   .chunk_size = (uint32_t)s->vhost->chunk_size,
				   .server_id = co_id(),
				   .pid = (int)getpid(),
				   .node = s->says_relay ? s->server->service_id : NULL,
				   .api_port = announce_port(s->server),
			   });
}

/* ---- what a relay says, and what is believed ---- */

static bool is_proven(struct rtmp_session *s)
{
	enum sign_verdict v = announce_check(s->server, s->want.object,
					     &(struct relay_claim){
						     .args = s->connect.args,
						     .tc_url = s->connect.tc_url,
						     .stream = s->want.stream,
						     .publish = s->want.role != ROLE_PLAY,
					     });
	return server_relay_verified(s->server, v, sock_peer(s->conn->sock));
}

/* With a secret, only a signed relay is one: has the places kept for relays, is told of gaps at
 * once, is asked about its viewers, and makes us doubt what we remember. The path that any client
 * says it came by still counts where it is a reason to refuse. */
static void judge_relay(struct rtmp_session *s)
{
	bool has_secret = signer_has(s->server->signer, s->vhost->name);
	bool matters = has_secret || (signer_on(s->server->signer) && *s->announce.api);
	s->is_relay = s->says_relay;
	if (!s->says_relay || !matters)
		return;
	s->announce.is_proven = is_proven(s);
	if (s->announce.is_proven)
		return;
	*s->announce.api = '\0';
	s->is_relay = !has_secret;
	if (!s->is_relay)
		*s->redirected = '\0';
}

static err refuse_in_words(struct rtmp_session *s, err e)
{
	bool play = s->want.role == ROLE_PLAY;
	return rtmp_session_refuse(s, e,
				   play ? "NetStream.Play.Failed" : "NetStream.Publish.Failed",
				   "%s", err_trail(e));
}

static err check_permit(struct rtmp_session *s)
{
	struct outcome outcome = {0};
	struct request request = rtmp_session_request(s, "");
	s->was_admitted = true;
	err e = permit_check(&request, &outcome);
	return outcome.code ? rtmp_session_tell(s, &outcome) : e;
}

/* What the client wants, under which vhost, and whether it may. */
static err resolve(struct rtmp_session *s)
{
	struct target target = {0};
	err e = target_parse(&target, s->connect.tc_url, s->want.stream);
	if (e)
		return rtmp_session_refuse(s, e, "NetStream.Failed", "%s", err_trail(e));
	target_fini(&s->target);
	s->target = target;
	s->vhost = conf_vhost_find(s->conf, s->target.vhost);
	if (!s->vhost || !s->vhost->enabled)
		return rtmp_session_refuse(s, ERR_NOTFOUND, "NetConnection.Connect.InvalidApp",
					   "there is no vhost %s on this server", s->target.vhost);
	if (!is_welcome(s))
		return rtmp_session_refuse(s, ERR_DENIED, "NetConnection.Connect.Rejected", "%s",
					   relay_unwelcome);
	judge_relay(s);
	if (s->is_full && !s->is_relay)
		return refuse_in_words(s, err_fail(ERR_FULL, "%s", server_full));
	e = upstream_check_path(s->server, s->vhost, s->path, s->via);
	if (e)
		return refuse_in_words(s, e);
	if (!*s->target.stream)
		return rtmp_session_refuse(s, ERR_PROTOCOL, "NetStream.Failed",
					   "the stream has no name");
	free(s->proof);
	s->proof = signed_link_take_proof(&s->vhost->signed_links, s->target.app);
	free(s->url);
	s->url = mem_printf("/%s/%s", s->target.app, s->target.stream);
	TRY(check_permit(s));
	return token_check(s);
}

static err serve(struct rtmp_session *s)
{
	int64_t patience = s->is_full ? FULL_TIMEOUT_MS : START_TIMEOUT_MS;
	for (;;) {
		sock_set_deadline(s->conn->sock, clock_after(patience));
		rtmp_identify_fini(&s->want);
		TRY(rtmp_identify(s->conn, &s->want));
		TRY(resolve(s));
		sock_set_deadline(s->conn->sock, CLOCK_NEVER);
		int64_t began = clock_ms();
		TRY(s->want.role == ROLE_PLAY ? rtmp_play_run(s) : rtmp_publish_run(s));
		TRY(co_sleep(clock_ms() - began < QUICK_MS ? PAUSE_MS : 0));
		patience = AGAIN_TIMEOUT_MS;
	}
}

static err session_run(struct rtmp_session *s)
{
	sock_set_deadline(s->sock, clock_after(s->is_full ? FULL_TIMEOUT_MS : START_TIMEOUT_MS));
	TRY(sock_begin(s->sock));
	TRY(handshake_server(s->sock));
	s->conn = rtmp_conn_new(s->sock);
	s->sock = NULL;
	err e = rtmp_recv_connect(s->conn, &s->connect);
	if (e == ERR_PROTOCOL || e == ERR_LIMIT) {
		char why[128];
		snprintf(why, sizeof(why), "%s", err_trail(e));
		return reject(s, e, "NetConnection.Connect.Rejected", why);
	}
	TRY(e);
	TRY(admit(s));
	return serve(s);
}
