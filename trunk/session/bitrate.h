/* bitrate - whether a publisher sends more than it may: a warning first, then its end. Layer: session. */
#pragma once
#include <stdint.h>

enum {
	BITRATE_WINDOW_MS = 3000, /* of an average: a key frame alone is no excess */
	BITRATE_STRIKES = 3,      /* windows in a row */
};

enum bitrate_verdict { BITRATE_FINE, BITRATE_WARN, BITRATE_EXCEEDED };

/* Zeroed before the first look. */
struct bitrate {
	int64_t since_ms, bytes; /* at the beginning of this window */
	int strikes;             /* windows with too much, in a row */
	int kbps;                /* of the last whole window */
};

/* So many bytes have come by now (monotonic milliseconds). WARN is said once for each excess. */
enum bitrate_verdict bitrate_look(struct bitrate *b, int64_t now_ms, int64_t bytes, int limit_kbps);
