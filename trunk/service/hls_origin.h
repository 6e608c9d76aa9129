/* hls_origin - of a stream of which an edge holds files of HLS: which origin had it last, and how far it was. Layer:
 * service, for hls_cache.c. */
#pragma once
#include "service/hls_asked.h"
#include "service/hls_known.h"

struct hls_origin {
	int files;               /* that are held; with the last one it goes */
	char *key;               /* of the stream */
	char *from;              /* the origin that had it last; NULL */
	struct conf *conf;       /* that knew this origin; NULL */
	struct hls_known newest; /* when any list of it came last */
};

/* In `map` by the stream's key: a file more, a file less. */
struct hls_origin *hls_origin_enter(struct map *map, const struct hls_asked *asked);
void hls_origin_leave(struct map *map, struct hls_origin *origin);
/* Borrowed; NULL: none of its files is held. */
const struct hls_origin *hls_origin_find(const struct map *map, const struct hls_asked *asked);
/* An origin is remembered for as long as the configuration is the one that it comes from. */
void hls_origin_remember(struct hls_origin *origin, struct conf *conf, const char *name);
/* "" when there is none. */
const char *hls_origin_name(const struct hls_origin *origin, const struct conf *conf);
