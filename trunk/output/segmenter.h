/* segmenter - where segments begin and end, and their numbers. Layer: output. Pure: no clock, no I/O.
 *
 * All is derived from the encoder's own times, so that two origins that carry one run of an encoder
 * cut the same segments and give them the same numbers: segment k begins with the first key frame at
 * or behind k times the fragment. The number is k plus a base, which is the same wherever the first
 * run is seen: what k lacks to the wall clock, rounded coarsely. Numbers of a stream have no gaps:
 * another run goes on where the one before has ended. */
#pragma once
#include "codec/track.h"

struct segmenter_opts {
	int64_t fragment_ms;
	int64_t longest_ms; /* without a key frame it ends here all the same */
	bool wait_key;      /* off: ends at any picture */
	size_t bytes_max;   /* likewise */
	bool any_start;     /* a run need not begin with a key frame */
};

struct unit {
	struct msg *msg; /* one reference */
	struct au au;    /* dts and pts: the encoder's own, milliseconds, without its wraps */
};

/* The units of a segment. */
struct cut {
	struct unit *units;
	size_t count, room, bytes;
	int64_t begin,
		end; /* milliseconds; end: where the next one begins, or the last unit ends */
	int64_t number;
	int64_t wall_ms; /* of its beginning, since 1970; 0: nobody has said what time it is */
	bool is_discontinuous; /* its times or its decoders do not follow from the one before */
	bool is_fixed; /* by the caller: parts of it are with players, so no further track can join */
	bool is_independent; /* begins with a key frame, or has sound alone */
};

/* Segments of before the server was started. */
struct segmenter_past {
	int64_t number;   /* of the last segment; 0: none */
	int64_t clock_ms; /* the wall clock minus the encoder's time, then; 0: not known */
	int64_t wall_ms;  /* when it ended, since 1970 */
	bool is_old;      /* its list is not gone on with, so that numbers need only be higher */
};

struct segmenter {
	struct segmenter_opts opts;
	struct track video, audio;
	struct cut cut;         /* open while it has units */
	unsigned configuration; /* counts changes of the tracks */
	unsigned sealed;        /* the configuration of the last segment */
	bool is_running, has_break, is_waiting;
	/* Of the run: the encoder's time minus the source's, also of each kind alone, since some encoders
	 * count audio from another base. */
	int64_t offset, offsets[2];
	bool has_offset[2];
	int64_t newest; /* time of a unit */
	int64_t base, last_number;
	int64_t clock_ms; /* the wall clock minus the time in the run */
	struct segmenter_past past;
};

void segmenter_init(struct segmenter *s, const struct segmenter_opts *opts, int64_t last_number);
void segmenter_fini(struct segmenter *s);
/* Before the first unit: numbers are higher than those before. A run that goes on, by its clock, has the numbers that
 * it would have had, which may leave some out, or come to those of before once more; any other follows without a
 * gap. */
void segmenter_resume(struct segmenter *s, const struct segmenter_past *past);

enum segment_end {
	SEGMENT_GOES_ON,
	SEGMENT_AT_KEY,    /* as it should be */
	SEGMENT_BY_TIME,   /* no key frame came in time */
	SEGMENT_BY_CHANGE, /* other decoders, or times that jump */
};
/* Whether the open segment is over before this unit of the message; it has s->cut.end then. The
 * caller makes use of s->cut and calls segmenter_close(). */
enum segment_end segmenter_ends(struct segmenter *s, const struct msg *msg, const struct au *au);
/* Lets go of the units; the next one begins with the next unit. */
void segmenter_close(struct segmenter *s);
/* Takes the unit, or the header. wall_ms: now. */
void segmenter_add(struct segmenter *s, struct msg *msg, const struct au *au, int64_t wall_ms);
/* The time of a unit of this message in the run, milliseconds. */
int64_t segmenter_time(const struct segmenter *s, const struct msg *msg);
/* Whether something may begin with this unit: a picture, or sound where there are none. */
bool segmenter_can_begin(const struct segmenter *s, const struct au *au);
/* The open segment does not follow from the one before it, as far as is known now. */
bool segmenter_is_discontinuous(const struct segmenter *s);
/* Nothing follows for now: the end of the open segment is that of its last unit. False: there is none. */
bool segmenter_finish(struct segmenter *s);
/* Messages were lost: what follows does not continue. */
void segmenter_break(struct segmenter *s);
