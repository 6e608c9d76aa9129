/* hls_answer - what HLS says over HTTP. Layer: service. */
#pragma once
#include "output/blob.h"
#include "service/hls_asked.h"

/* Bytes of that media type, or the range of them that is asked for; *sent is how many. `variant`: what another
 * server is told of the stream, or NULL. */
err hls_answer_bytes(struct http_session *s, const char *type, struct span bytes,
		     const char *variant, size_t *sent) BLOCKS;
/* The same from a file below that folder. */
err hls_answer_file(struct http_session *s, const char *type, const char *folder) BLOCKS;
/* The playlist that names the one of this session; `variant`: its attributes (EXT-X-STREAM-INF). */
err hls_answer_master(struct http_session *s, const struct hls_asked *asked,
		      const char *variant) BLOCKS;
/* A playlist with these parameters behind each URI. buf_free(). */
struct buf hls_list_with(struct span list, const char *query);
