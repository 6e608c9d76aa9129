/* hls_cache - HLS at an edge: files of origins, fetched once and held for as long as players ask for them.
 * Layer: service.
 *
 * A file is known by its vhost, its path and the directives of low latency that it was asked with; who asks is no
 * part of it, so that all players share it. However many ask for it at once, it is fetched once. What is held
 * counts as media memory; where that is short, what was asked for longest ago goes. */
#pragma once
#include "output/blob.h"
#include "service/hls_asked.h"
#include "service/hls_known.h"

struct hls_cache;
struct hls_cache *hls_cache_new(struct server *server);
/* After the server's services were stopped. NULL is fine; clears. */
void hls_cache_free(struct hls_cache **cache);

struct hls_file {
	struct blob *blob;      /* one reference */
	char *variant;          /* of a playlist, for a master; "" when the origin has not said */
	struct hls_known known; /* of a playlist */
};
void hls_file_fini(struct hls_file *file);

/* Fetches the file of a request. OK; ERR_NOTFOUND; ERR_UPSTREAM when no origin can be had; ERR_FULL when too many
 * are being fetched; ERR_LIMIT when it waits for what no origin can have soon. Origins are asked to wait for what
 * comes next alone: what has been before is in the list as it is. */
err hls_cache_get(struct hls_cache *cache, const struct hls_asked *asked, const char *path,
		  struct hls_file *out) BLOCKS;

struct hls_cache_facts {
	uint64_t hits, fetches, failures;
	size_t files, bytes;
};
struct hls_cache_facts hls_cache_facts(const struct hls_cache *cache);
