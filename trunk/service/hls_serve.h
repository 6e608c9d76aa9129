/* hls_serve - playlists, segments and keys over HTTP, from memory. Layer: service. */
#pragma once
#include "output/hls.h"
#include "service/http_router.h"

/* Players have to be allowed as those of every protocol: a playlist whose link is signed hands its
 * parameters on to what it names. */
struct hls_serve;
struct hls_serve *hls_serve_new(const struct hls *hls);
/* When nothing is served any more. NULL is fine; clears. */
void hls_serve_free(struct hls_serve **serve);
/* Adds the row; what is not of HLS, or not in memory, is left to the rows behind it. */
void hls_serve_mount(struct http_router *router, struct hls_serve *serve);
