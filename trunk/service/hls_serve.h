/* hls_serve - playlists, segments and keys over HTTP. Layer: service. */
#pragma once
#include "output/hls.h"
#include "service/http_router.h"

/* Players have to be allowed as those of every protocol, and are clients like them (hls_players.h); with
 * hls_ctx off they are anybody. A playlist whose link is signed hands its parameters on to what it names. */
struct hls_serve;
struct hls_serve *hls_serve_new(struct server *server, struct hls *hls);
/* The server ends: all players leave. NULL is fine. */
void hls_serve_end(struct hls_serve *serve);
/* When nothing is served any more. NULL is fine; clears. */
void hls_serve_free(struct hls_serve **serve);
/* Requests since the start by kind, and how many wait for news now (low latency). */
struct hls_serve_counts {
	int64_t lists, media, keys;
	int waiting;
};
const struct hls_serve_counts *hls_serve_counts(void);
/* Adds the row; what is not of HLS is left to the rows behind it. */
void hls_serve_mount(struct http_router *router, struct hls_serve *serve);
