/* hls_serve - playlists, segments and keys over HTTP, from memory. Layer: service. */
#pragma once
#include "output/hls.h"
#include "service/http_router.h"

/* Adds the row; what is not of HLS, or not in memory, is left to the rows behind it. */
void hls_serve_mount(struct http_router *router, const struct hls *hls);
