/* http_service - takes HTTP connections: the API, live streams and files. Layer: service. */
#pragma once
#include <stdbool.h>

struct server;
struct sock;

/* What a listener serves. Its owner keeps it for as long as the listener and its connections. */
struct http_role {
	struct server *server;
	bool api;   /* the HTTP API */
	bool files; /* live streams of http_remux, and the files of http_server.dir */
};

/* For listen_opts.on_accept; ctx is the listener's struct http_role. */
void http_service_accept(void *ctx, struct sock *sock);
