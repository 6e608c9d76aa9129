/* hls_want - what a request for a playlist waits for, and what it can do without: the directives _HLS_msn,
 * _HLS_part and _HLS_skip (RFC 8216bis 6.2.5). Layer: output. Pure. */
#pragma once
#include "base/buf.h"

#include <stdint.h>

struct hls_want {
	bool waits;    /* until there is this segment, or this part of it */
	bool for_part; /* `part` is asked for */
	bool skips;    /* older segments may be left out */
	int64_t number, part;
};

/* From "k=v&…". False: they mean nothing. */
bool hls_want_read(struct hls_want *want, const char *query);
/* The same again in one form; nothing when nothing is wanted. */
void hls_want_write(struct buf *out, const struct hls_want *want);
