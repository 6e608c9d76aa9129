/* upstream_get - a file of a stream over HTTP, from the origin that has it. Layer: cluster.
 * Of the origins of the vhost (hls_origin) that had the stream last is asked first, then the others in the
 * order in which the stream tries them. Redirects are followed; the request is signed, where there is a
 * secret, and says by which servers it came. */
#pragma once
#include "cluster/member_list.h"
#include "http/client.h"
#include "node/server.h"

struct upstream_file {
	const struct conf_vhost *vhost;
	const char *key;     /* of the stream */
	const char *path;    /* decoded, as a player asks for it: "/live/a.m3u8" */
	const char *query;   /* "k=v" or "" */
	const char *came_by; /* servers that the question came by (request.path); "" */
	size_t body_max;
	int64_t attempt_ms; /* for one origin */
	/* who has answered: in, the one to be asked first, or ""; out, where the file was */
	char from[MEMBER_NAME_MAX];
	/* comes out: of an answer 200 */
	struct buf body;   /* the caller's: buf_free() */
	char variant[256]; /* HLS_VARIANT_HEADER; "" */
};
/* By which an origin says what a master playlist should say of the stream (EXT-X-STREAM-INF). */
#define HLS_VARIANT_HEADER "X-SRS-Hls-Variant"

/* OK; ERR_NOTFOUND when an origin has said so, and none has it; ERR_UPSTREAM when none can be asked;
 * ERR_LIMIT when it is too long. */
err upstream_get(struct cluster *cluster, struct upstream_file *file) BLOCKS;
