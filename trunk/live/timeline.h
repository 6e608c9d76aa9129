/* timeline - one rising clock for a source, whatever its publishers send. Layer: live.
 *
 * A publisher's 32-bit timestamps are unwrapped and shifted by an offset. A new publisher (a
 * reconnect, another origin) is shifted so that its newest message stands where the old one's
 * would stand now: the distance to live stays what it was. What it sends in a burst from its
 * cache is then older than what was shown last; those messages follow one another by a
 * millisecond until the stream has caught up, so nothing ever goes back.
 *
 * All tracks of a publisher share one offset, so that their distances stay what the encoder says. A
 * track whose time nothing explains (it counts from another base, it jumps alone) gets one of its own
 * and keeps it; one whose time stands still is paced by arrival. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum timeline_mode { TIMELINE_FULL, TIMELINE_ZERO, TIMELINE_OFF };
enum { TIMELINE_AUDIO, TIMELINE_VIDEO, TIMELINE_DATA };
enum { TIMELINE_TRACKS = 8 }; /* with times of their own; more share the last one */

struct timeline_track {
	uint8_t kind, id;
	bool begun;       /* a message of the current publisher was mapped */
	bool still;       /* its time does not move: arrival paces it */
	int64_t raw;      /* the last raw time, unwrapped */
	int64_t moved_ms; /* monotonic; when that last changed */
	int64_t own;      /* added to the common offset */
	int64_t last;     /* mapped */
};

struct timeline {
	enum timeline_mode mode;
	bool absolute;            /* atc: the publisher's own times, unshifted */
	bool begun;               /* a message of the current publisher was mapped */
	bool used;                /* any message was ever mapped */
	int64_t raw;              /* the last raw time of any track, unwrapped */
	int64_t offset;           /* mapped = raw + offset + own */
	int64_t reached;          /* where the last message wanted to stand */
	int64_t max;              /* the largest mapped time */
	int64_t min_ts;           /* a new publisher maps above this; INT64_MIN for none */
	int64_t live_offset;      /* how far `max` is ahead of the monotonic clock, at its best */
	int64_t live_offset_next; /* the same within the window that began at window_ms */
	int64_t window_ms;
	int64_t settle_ms; /* until then the offset may still be lowered */
	struct timeline_track tracks[TIMELINE_TRACKS];
	int track_count;
};

void timeline_init(struct timeline *tl, enum timeline_mode mode, bool absolute);
/* The publisher's own times are kept as they are. */
bool timeline_is_raw(const struct timeline *tl);
/* Another publisher begins. */
void timeline_begin(struct timeline *tl);
/* Another publisher begins, and its raw time is known to mean `mapped`. */
void timeline_anchor(struct timeline *tl, uint32_t raw, int64_t mapped);
/* The source's time of a message of this track that arrived now. Never lower than the last one of its
 * track, except in mode off. Data says nothing about the clock: it follows the other kinds. */
int64_t timeline_map(struct timeline *tl, int kind, int track, uint32_t raw, int64_t now_ms);
/* The time for a header of this track, which often carries none: that of the last message there. */
int64_t timeline_header(struct timeline *tl, int kind, int track);
