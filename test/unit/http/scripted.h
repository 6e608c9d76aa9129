/* scripted - a server whose connections each get the next script of a list. */
#pragma once
#include "base/clock.h"
#include "http/client.h"
#include "http/pool.h"
#include "net/dns.h"
#include "net/listen.h"

#include <stdio.h>

#include "unit/http/peer.h"

enum { ANSWERS = 6, SCRIPTS = 8 };

/* What one connection says: an answer to each request, then `linger` decides. */
struct script {
	const char *answers[ANSWERS];
	enum { CLOSES, STAYS } then;
};

struct server {
	struct listener *listener;
	const struct script *scripts;
	int accepted, requests;
	struct co_group group;
	char last[4096]; /* the last request */
};

struct session {
	struct server *server;
	struct sock *sock;
	const struct script *script;
};

static inline bool hear(struct session *s)
{
	struct server *server = s->server;
	size_t at = 0, n;
	while (at < sizeof(server->last) - 1) {
		if (sock_recv(s->sock, server->last + at, sizeof(server->last) - 1 - at, &n) != OK)
			return false;
		at += n;
		server->last[at] = '\0';
		if (strstr(server->last, "\r\n\r\n"))
			return true;
	}
	return false;
}

static inline void play(void *arg)
{
	struct session *s = arg;
	int i = 0;
	for (; i < ANSWERS && s->script->answers[i] && hear(s); i++) {
		s->server->requests++;
		if (sock_send(s->sock, s->script->answers[i], strlen(s->script->answers[i])) != OK)
			break;
	}
	if (s->script->then == STAYS)
		hear(s);
	sock_close(&s->sock);
	free(s);
}

static inline void on_accept(void *ctx, struct sock *sock)
{
	struct server *server = ctx;
	struct session *s = mem_new(struct session);
	*s = (struct session){server, sock, &server->scripts[server->accepted++]};
	co_start_in(&server->group, "session", play, s);
}

static inline void server_open(struct server *server, const struct script *scripts)
{
	const struct listen_opts opts = {
		.at = {"127.0.0.1"}, .what = "test", .on_accept = on_accept, .ctx = server};
	*server = (struct server){.scripts = scripts};
	assert_int_equal(listener_open(&server->listener, &opts), OK);
	listener_start(server->listener);
}

static inline void server_close(struct server *server)
{
	listener_close(&server->listener);
	co_group_stop(&server->group);
	http_client_pool_close();
	assert_int_equal(http_pool_count(), 0);
}

static inline struct http_request_opts get(const struct server *server, const char *target)
{
	struct http_request_opts opts = {.method = "GET",
					 .target = target,
					 .body_max = 1000,
					 .deadline = clock_after(PEER_MS)};
	strcpy(opts.host.host, "127.0.0.1");
	opts.host.port = listener_port(server->listener);
	return opts;
}

#define OK_HEAD "HTTP/1.1 200 OK\r\n"

#define HI OK_HEAD "Content-Length: 2\r\n\r\nhi"

static inline void ask(const struct server *server, err expected)
{
	struct buf body = {0};
	int status;
	struct http_request_opts opts = get(server, "/");
	assert_int_equal(http_request(&opts, &status, &body), expected);
	if (expected == OK)
		assert_string_equal(buf_text(&body), "hi");
	buf_free(&body);
}

static inline int setup(void **state)
{
	return co_setup(state) == 0 && dns_init(NULL) == OK ? 0 : -1;
}

static inline int teardown(void **state)
{
	dns_fini();
	return co_teardown(state);
}
