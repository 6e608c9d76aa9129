/* rtmp_service - takes RTMP connections. Layer: service. */
#pragma once
#include "net/sock.h"
#include "node/server.h"

/* For listen_opts.on_accept; ctx is the server. */
void rtmp_service_accept(void *ctx, struct sock *sock);
