/* http_service - takes HTTP connections. Layer: service. */
#pragma once
#include "net/sock.h"
#include "service/http_router.h"

/* For listen_opts.on_accept; ctx is the listener's struct http_port. */
void http_service_accept(void *ctx, struct sock *sock);
/* Rows for live streams and for the files of http_server.dir, which are for all paths: add them last. */
void http_service_mount(struct http_router *router);
