/* sample_clock - times of audio by counted samples instead of rounded milliseconds. Layer: codec.
 * RTMP's milliseconds make frames of 23 or 24 ms out of 1,024 samples, which some players make
 * audible. Within a segment the frames follow one another by their samples; a time that is further
 * away than the rounding explains is a gap, and the clock goes on from there, never backwards. What is
 * less than that, but more than rounding (a publisher that was away for a moment, times that jump, an
 * encoder whose clock is not good), is made up for little by little: sound stays beside its pictures. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct sample_clock {
	uint32_t rate;
	bool has_next;
	int64_t next; /* where the next frame begins, in samples */
};

enum {
	SAMPLE_CLOCK_TOLERANCE_MS = 80,
	SAMPLE_CLOCK_ROUNDING_MS = 2,    /* of two times */
	SAMPLE_CLOCK_DISORDER_MS = 1000, /* a time that goes back by more says nothing */
	SAMPLE_CLOCK_STEP = 64,          /* this part of what is off at each frame */
	SAMPLE_CLOCK_OVERLAP = 8,        /* and no more than this part of the frame */
};

/* How far a frame begins beside the end of the one before it, which is `off` from where it should. */
static inline int64_t sample_clock_step(const struct sample_clock *c, int64_t off, unsigned samples)
{
	int64_t most = samples / SAMPLE_CLOCK_OVERLAP, step = off / SAMPLE_CLOCK_STEP;
	int64_t thousandfold = off * 1000, rounding = (int64_t)c->rate * SAMPLE_CLOCK_ROUNDING_MS;
	if (thousandfold > -rounding && thousandfold < rounding)
		return 0;
	if (thousandfold < -(int64_t)c->rate * SAMPLE_CLOCK_DISORDER_MS)
		return 0;
	return step < -most ? -most : step;
}

/* Where a frame of `samples` (0: unknown) with this time begins, in ticks of `rate`. */
static inline int64_t sample_clock_map(struct sample_clock *c, int64_t ms, unsigned samples)
{
	int64_t told = (ms * c->rate + 500) / 1000, off = told - c->next;
	int64_t tolerance = samples ? (int64_t)c->rate * SAMPLE_CLOCK_TOLERANCE_MS / 1000 : 0;
	bool follows = c->has_next && off <= tolerance;
	int64_t begin = follows ? c->next + sample_clock_step(c, off, samples) : told;
	c->has_next = true;
	c->next = begin + samples;
	return begin;
}
