/* metrics - what there is to measure, for Prometheus at /metrics. Layer: api.
 *
 * metrics_text.c knows the format, metrics_server.c the figures of the process and of all clients,
 * metrics_streams.c those of single streams. */
#pragma once
#include "base/buf.h"
#include "node/server.h"
#include "service/http_router.h"

void metrics_mount(struct http_router *router);
/* All there is to tell; streams beyond the `most` largest are one series. In slices, one call at a time. */
void metrics_put_all(struct buf *out, struct server *server, int most) BLOCKS;

/* ---- for its own files ---- */

/* Clients by what they do. */
struct metrics_roles {
	int publishers, relays, players;
};

/* The i-th of many things is done: others can run now and then. */
void metrics_slice(size_t i) BLOCKS;
/* Looks at all clients, which also renews the sums of what they have received and sent. In slices, like all that is
 * many. */
void metrics_count_clients(struct metrics_roles *out, struct server *server) BLOCKS;
/* The ten figures of SRS by SRS's names, and those of the process. */
void metrics_put_server(struct buf *out, const struct server *server) BLOCKS;
/* Clients, waits, the cluster, TLS, hooks, HLS. */
void metrics_put_activity(struct buf *out, const struct server *server,
			  const struct metrics_roles *roles);
/* Of WebRTC. */
void metrics_put_rtc(struct buf *out, const struct server *server);
/* Of SRT, where it was ever listened on. */
void metrics_put_srt(struct buf *out, const struct server *server);
/* Of cameras, likewise. */
void metrics_put_gb(struct buf *out, const struct server *server);
/* Streams one by one, and the sum of those that are too many. In slices: others run in between. */
void metrics_put_streams(struct buf *out, struct server *server, int most) BLOCKS;
