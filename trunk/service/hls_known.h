/* hls_known - how far a playlist goes, as an edge sees it: what a reload may wait for is judged by that, so that a
 * stranger cannot make the edge ask its origins for whatever comes to his mind. Layer: service. Pure. */
#pragma once
#include "base/span.h"
#include "output/hls_want.h"

struct hls_known {
	bool is_known;
	bool waits;    /* its server holds answers until they have what is asked for */
	bool is_ended; /* nothing follows */
	int64_t last;  /* number of the last whole segment */
	int64_t last_parts, open_parts; /* of that one, and of the one behind it */
	int64_t target_ms, part_ms;
	int64_t made_ms; /* when it was read, monotonic */
};

/* Of the text of a playlist, whole or without what a player knows already. */
void hls_known_read(struct hls_known *out, struct span list, int64_t now_ms);
/* Whether it has what is waited for, or never waits. */
bool hls_known_has(const struct hls_known *k, const struct hls_want *want);
/* Whether no such list can be near by now, so that its server would refuse. */
bool hls_known_is_far(const struct hls_known *k, const struct hls_want *want, int64_t now_ms);
