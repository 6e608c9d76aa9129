/* http_service - takes HTTP connections: the API, live streams and files. Layer: api. */
#pragma once
#include "net/sock.h"
#include "node/server.h"

/* For listen_opts.on_accept; ctx is the listener's struct http_role. */
void http_service_accept(void *ctx, struct sock *sock);
