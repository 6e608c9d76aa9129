/* metrics - what there is to measure, for Prometheus at /metrics. Layer: api.
 *
 * metrics_text.c knows the format, metrics_server.c the figures of the process and of all clients,
 * metrics_streams.c those of single streams. */
#pragma once
#include "base/buf.h"
#include "node/server.h"
#include "service/http_router.h"

void metrics_mount(struct http_router *router);

/* ---- for its own files ---- */

/* The ten figures of SRS by SRS's names, and those of the process. */
void metrics_put_server(struct buf *out, const struct server *server);
/* Clients, waits, the cluster, TLS, hooks, HLS. */
void metrics_put_activity(struct buf *out, const struct server *server);
/* Of WebRTC. */
void metrics_put_rtc(struct buf *out, const struct server *server);
/* Of SRT, where it was ever listened on. */
void metrics_put_srt(struct buf *out, const struct server *server);
/* Of cameras, likewise. */
void metrics_put_gb(struct buf *out, const struct server *server);
/* Streams one by one, and the sum of those that are too many. In slices: others run in between. */
void metrics_put_streams(struct buf *out, struct server *server, int most) BLOCKS;
