#include "session/bitrate.h"

enum bitrate_verdict bitrate_look(struct bitrate *b, int64_t now_ms, int64_t bytes, int limit_kbps)
{
	int64_t ms = now_ms - b->since_ms;
	if (b->since_ms && ms < BITRATE_WINDOW_MS)
		return BITRATE_FINE;
	int64_t bits = 8 * (bytes - b->bytes);
	int64_t kbps =
		b->since_ms ? bits / ms : 0; /* bits of a millisecond are kilobits of a second */
	b->since_ms = now_ms;
	b->bytes = bytes;
	b->kbps = kbps > INT32_MAX ? INT32_MAX : (int)kbps;
	if (kbps <= limit_kbps) {
		b->strikes = 0;
		return BITRATE_FINE;
	}
	b->strikes++;
	return b->strikes >= BITRATE_STRIKES ? BITRATE_EXCEEDED
	       : b->strikes == 1             ? BITRATE_WARN
					     : BITRATE_FINE;
}
