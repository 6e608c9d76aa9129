/* hls_list_read - a media playlist that lies in a file, read again. Layer: output. Pure. What this program writes is
 * known, and what others write of the same kind; everything else in it is passed over. */
#pragma once
#include "base/span.h"

#include <stdint.h>

struct hls_read_segment {
	char *uri, *init, *key; /* init: a URI; key: attributes; both NULL where there are none */
	int64_t number, duration_ms, wall_ms;
	bool is_discontinuous;
};

struct hls_read_list {
	struct hls_read_segment *v;
	size_t count, room;
	int64_t number, discontinuities, target_s;
	int64_t clock_ms; /* the wall clock minus the encoder's time; 0: not said */
};

/* Into zeroed memory. False: that is no media playlist with segments, or one that cannot be gone on with: numbers or
 * durations that nobody writes. Release it in any case. */
bool hls_list_read(struct hls_read_list *list, struct span text);
void hls_list_read_fini(struct hls_read_list *list);
/* The value of URI=""; owned by the caller, NULL: none. */
char *hls_read_uri(const char *attributes);
/* The path that a URI of the playlist at `list` means ("live/a.m3u8", "a-1.ts": "live/a-1.ts"); NULL: it leads
 * elsewhere. Owned by the caller. */
char *hls_read_path(const char *list, const char *uri);
