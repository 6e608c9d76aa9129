/* sample_clock - times of audio by counted samples instead of rounded milliseconds. Layer: codec.
 * RTMP's milliseconds make frames of 23 or 24 ms out of 1,024 samples, which some players make
 * audible. Within a segment the frames follow one another by their samples; a time that is further
 * away than the rounding explains is a gap, and the clock goes on from there, never backwards. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct sample_clock {
	uint32_t rate;
	bool has_next;
	int64_t next; /* where the next frame begins, in samples */
};

enum { SAMPLE_CLOCK_TOLERANCE_MS = 80 };

/* Where a frame of `samples` (0: unknown) with this time begins, in ticks of `rate`. */
static inline int64_t sample_clock_map(struct sample_clock *c, int64_t ms, unsigned samples)
{
	int64_t told = (ms * c->rate + 500) / 1000;
	int64_t tolerance = samples ? (int64_t)c->rate * SAMPLE_CLOCK_TOLERANCE_MS / 1000 : 0;
	int64_t begin = c->has_next && told - c->next <= tolerance ? c->next : told;
	c->has_next = true;
	c->next = begin + samples;
	return begin;
}
