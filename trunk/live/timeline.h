/* timeline - one rising clock for a source, whatever its publishers send. Layer: live.
 *
 * A publisher's 32-bit timestamps are unwrapped and shifted by an offset. A new publisher (a
 * reconnect, another origin) is shifted so that its newest message stands where the old one's
 * would stand now: the distance to live stays what it was. What it sends in a burst from its
 * cache is then older than what was shown last; those messages follow one another by a
 * millisecond until the stream has caught up, so nothing ever goes back. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum timeline_mode { TIMELINE_FULL, TIMELINE_ZERO, TIMELINE_OFF };
enum { TIMELINE_AUDIO, TIMELINE_VIDEO, TIMELINE_DATA, TIMELINE_KINDS };

struct timeline {
	enum timeline_mode mode;
	bool absolute;                /* atc: the publisher's own times, unshifted */
	bool begun;                   /* a message of the current publisher was mapped */
	bool used;                    /* any message was ever mapped */
	int64_t raw;                  /* the last raw time, unwrapped */
	int64_t offset;               /* mapped = raw + offset */
	int64_t last[TIMELINE_KINDS]; /* mapped, per kind */
	int64_t max;                  /* the largest mapped time */
	int64_t floor;                /* a new publisher maps above this; INT64_MIN for none */
	int64_t lead;      /* how far `max` is ahead of the monotonic clock, at its best */
	int64_t lead_next; /* the same within the window that began at lead_ms */
	int64_t lead_ms;
	int64_t settle_ms; /* until then the offset may still be lowered */
};

void timeline_init(struct timeline *tl, enum timeline_mode mode, bool absolute);
/* The publisher's own times are kept as they are. */
bool timeline_is_raw(const struct timeline *tl);
/* Another publisher begins. */
void timeline_begin(struct timeline *tl);
/* Another publisher begins, and its raw time is known to mean `mapped`. */
void timeline_anchor(struct timeline *tl, uint32_t raw, int64_t mapped);
/* The source's time of a message of this kind that arrived now. Never lower than the last one of
 * its kind, except in mode off. Data says nothing about the clock: it follows the other kinds. */
int64_t timeline_map(struct timeline *tl, int kind, uint32_t raw, int64_t now_ms);
