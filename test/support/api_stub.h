/* api_stub - an HTTP server that gives every request the same answer: a coworker's API, a web service. Layer: test. */
#pragma once
#include "base/mem.h"
#include "net/listen.h"
#include "net/sock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

struct api_stub {
	const char *body; /* NULL: it is silent */
	int status;       /* 0: 200 */
	struct span raw;  /* all bytes of the answer, instead of those */
	struct listener *listener;
	struct co_group group;
	int requests;
	char last[4096]; /* the last request */
	char name[64];   /* "127.0.0.1:port" */
};

struct api_visit {
	struct api_stub *api;
	struct sock *sock;
};

/* A request with its body, as far as they fit. */
static inline bool api_hear(struct api_visit *v)
{
	struct api_stub *api = v->api;
	size_t at = 0, n;
	while (at < sizeof(api->last) - 1) {
		if (sock_recv(v->sock, api->last + at, sizeof(api->last) - 1 - at, &n) != OK)
			return false;
		at += n;
		api->last[at] = '\0';
		const char *body = strstr(api->last, "\r\n\r\n");
		const char *length = strstr(api->last, "Content-Length: ");
		if (body && strlen(body + 4) >= (length ? strtoul(length + 16, NULL, 10) : 0))
			return true;
	}
	return false;
}

static inline void api_serve(void *arg)
{
	struct api_visit *v = arg;
	while (api_hear(v)) {
		v->api->requests++;
		if (v->api->raw.n) {
			(void)sock_send(v->sock, v->api->raw.p, v->api->raw.n);
			continue;
		}
		if (!v->api->body)
			continue;
		char *answer = mem_printf("HTTP/1.1 %d Some\r\nContent-Length: %zu\r\n\r\n%s",
					  v->api->status ? v->api->status : 200,
					  strlen(v->api->body), v->api->body);
		err e = sock_send(v->sock, answer, strlen(answer));
		free(answer);
		if (e)
			break;
	}
	sock_close(&v->sock);
	free(v);
}

static inline void api_accept(void *ctx, struct sock *sock)
{
	struct api_visit *v = mem_new(struct api_visit);
	*v = (struct api_visit){ctx, sock};
	co_start_in(&((struct api_stub *)ctx)->group, "api", api_serve, v);
}

static inline void api_open(struct api_stub *api, const char *body)
{
	*api = (struct api_stub){.body = body};
	assert_int_equal(
		listener_open(&api->listener, &(struct listen_opts){.at = {"127.0.0.1"},
								    .what = "api",
								    .on_accept = api_accept,
								    .ctx = api}),
		OK);
	listener_start(api->listener);
	snprintf(api->name, sizeof(api->name), "127.0.0.1:%d", listener_port(api->listener));
}

static inline void api_close(struct api_stub *api)
{
	listener_close(&api->listener);
	co_group_stop(&api->group);
}
