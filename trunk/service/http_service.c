/* The story of an HTTP connection: one request after another, each answered by a row of the router. A
 * live stream takes the connection and ends it. */
#include "service/http_service.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/files.h"
#include "node/notice.h"
#include "node/proxied.h"
#include "service/flv.h"
#include "service/http_origin.h"

#include <stdlib.h>
#include <string.h>

enum {
	REQUEST_TIMEOUT_MS = 15000, /* for the first request, and between two */
	END_PATIENCE_MS = 1500,
	CORS_MAX = 4096,
};

static void session_free(struct http_session *s)
{
	buf_free(&s->cors_lines);
	place_give(&s->place);
	http_message_free(&s->request);
	http_conn_free(&s->conn);
	sock_close(&s->sock);
	conf_unref(&s->conf);
	free(s->proxy);
	free(s->caller);
	free(s);
}

/* ---- one request ---- */

/* A proxy passes on requests of many clients over one connection, whose place is that of the client in
 * question. */
static bool has_place(struct http_session *s)
{
	struct addr client;
	if (!s->proxy)
		return true;
	proxied_client(&client, s->server, s->proxy, s->request);
	sock_set_peer(s->sock, &client);
	return server_move_place(s->server, &s->place, &client);
}

static err refuse_place(struct http_session *s)
{
	s->request->keep_alive = false;
	return http_respond_text(s->sock, s->request, 503, "Too many connections.",
				 "Retry-After: 1\r\n");
}

static err serve(struct http_session *s)
{
	if (!has_place(s))
		return refuse_place(s);
	if (s->request->method == HTTP_METHOD_OPTIONS)
		return http_origin_preflight(s);
	return http_router_serve(s->router, s);
}

static err answer(struct http_session *s, bool *more)
{
	notice_ration_lines(s->server->notices);
	conf_unref(&s->conf);
	s->conf = conf_ref(s->server->conf);
	buf_clear(&s->cors_lines);
	http_origin_put(&s->cors_lines, s);
	s->cors = buf_text(&s->cors_lines);
	log_debug("HTTP %s %s", s->request->method_name, log_quote(s->request->path));
	err e = serve(s);
	*more = e == OK && s->request && s->request->keep_alive && !co_stopping();
	http_message_free(&s->request);
	return e;
}

/* ---- the connection ---- */

/* A client that falls silent in the middle of a request gets a line in the log; one that is done does not. */
static err next_request(struct http_session *s)
{
	int64_t before = sock_recv_bytes(s->sock);
	co_trim(); /* the last answer went deep, and the next request may be long in coming */
	err e = http_recv_request(s->conn, &s->request, clock_after(REQUEST_TIMEOUT_MS));
	if (e == ERR_TIMEOUT && sock_recv_bytes(s->sock) == before)
		return err_fail(ERR_ENDED, "no further request");
	return e;
}

static err session_begin(struct http_session *s)
{
	bool by_proxy;
	sock_set_deadline(s->sock, clock_after(REQUEST_TIMEOUT_MS));
	err e = proxied_begin(s->server, s->sock, &s->place, &by_proxy);
	if (by_proxy) {
		s->proxy = mem_new(struct addr);
		*s->proxy = *sock_peer(s->sock);
	}
	return e;
}

static err session_run(struct http_session *s)
{
	bool more = true;
	TRY(session_begin(s));
	TRY(sock_begin(s->sock));
	while (more) {
		TRY(next_request(s));
		TRY(answer(s, &more));
	}
	return OK;
}

static void log_session_end(err e, const struct sock *sock)
{
	char peer[ADDR_TEXT_MAX];
	addr_text(peer, sock_peer(sock));
	if (e && err_severity(e) != ERR_QUIET)
		log_end(e, "HTTP connection from %s ended", peer);
	else if (e)
		log_debug("HTTP connection from %s ended: %s", peer, err_trail(e));
	else
		log_debug("HTTP connection from %s ended", peer);
}

static void session_main(void *arg)
{
	struct http_session *s = arg;
	char id[9];
	co_new_id(id);
	co_set_id(id);
	co_set_muted(!notice_rate_take(s->server->notices, NOTICE_CONNECTIONS));
	s->conn = http_conn_new(s->sock);
	err e = session_run(s);
	log_session_end(e, s->sock);
	if (e != ERR_CLOSED && e != ERR_STALLED)
		sock_close_gently(&s->sock, END_PATIENCE_MS);
	session_free(s);
}

void http_service_accept(void *ctx, struct sock *sock)
{
	const struct http_port *port = ctx;
	struct server *server = port->server;
	struct conn_place place;
	const struct addr *peer = sock_peer(sock);
	bool is_api = !(port->ports & HTTP_PORT_FILES);
	if (!(is_api && server_take_api_place(server, &place, peer)) &&
	    !server_take_place(server, &place, "HTTP", peer)) {
		sock_close(&sock);
		return;
	}
	struct http_session *s = mem_new(struct http_session);
	s->server = server;
	s->router = port->router;
	s->ports = port->ports;
	s->sock = sock;
	s->cors_lines.max = CORS_MAX;
	s->place = place;
	if (!co_start_in(&server->sessions, "http", session_main, s))
		session_free(s);
}

/* ---- rows ---- */

static err serve_file(struct http_session *s, bool *found)
{
	(void)found;
	return http_send_file(s->sock, s->request, s->conf->http_server.dir, s->cors);
}

void http_service_mount(struct http_router *router)
{
	static const struct http_route rows[] = {
		{.pattern = "*.flv",
		 .methods = HTTP_ANY,
		 .ports = HTTP_PORT_FILES,
		 .flags = HTTP_ROUTE_WHEN_FULL, /* says itself who may have it then */
		 .serve = flv_serve},
		{.pattern = "*.ts",
		 .methods = HTTP_ANY,
		 .ports = HTTP_PORT_FILES,
		 .serve = flv_serve},
		{.pattern = "*.mp4",
		 .methods = HTTP_ANY,
		 .ports = HTTP_PORT_FILES,
		 .serve = flv_serve},
		{.pattern = "*.aac",
		 .methods = HTTP_ANY,
		 .ports = HTTP_PORT_FILES,
		 .serve = flv_serve},
		{.pattern = "*.mp3",
		 .methods = HTTP_ANY,
		 .ports = HTTP_PORT_FILES,
		 .serve = flv_serve},
		/* SRS's console is served beside the API too. */
		{.pattern = "/console/*",
		 .methods = HTTP_ANY,
		 .ports = HTTP_PORT_API,
		 .serve = serve_file},
		{.pattern = "*",
		 .methods = HTTP_ANY,
		 .ports = HTTP_PORT_FILES,
		 .serve = serve_file},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		http_router_add(router, &rows[i]);
}
