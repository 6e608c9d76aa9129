/* elementary - elementary streams, as MPEG's containers carry them, become messages. Layer: codec.
 *
 * A demuxer gives the payloads of PES packets, in whatever pieces they come; whole pictures and frames come out
 * as an encoder by RTMP sends them: a sequence header when one is needed or differs from the one before, then
 * access units in the classic or the enhanced form (codec/au.h). Pure; nothing is ever waited for. */
#pragma once
#include "codec/msg.h"

enum es_kind {
	ES_NONE,
	ES_AVC,  /* H.264, Annex B */
	ES_HEVC, /* H.265, Annex B */
	ES_ADTS, /* AAC (ISO 13818-7 6.2) */
	ES_LATM, /* AAC in LOAS frames (ISO 14496-3 1.7) */
	ES_MP3,
	ES_AC3,
	ES_EAC3,
	ES_OPUS, /* behind control headers (Opus in MPEG-TS) */
	ES_ALAW, /* G.711, 8 kHz, mono */
	ES_ULAW,
};

enum { ES_UNIT_MAX = 8 << 20, ES_QUEUE_MAX = 4096 };
/* Times are unwrapped, in 90 kHz. */
#define ES_NO_TIME INT64_MIN

struct es_counts {
	uint64_t units;   /* pictures and frames that became messages */
	uint64_t broken;  /* those of which something was missing */
	uint64_t early;   /* pictures before the parameter sets of their stream */
	uint64_t skipped; /* bytes that belong to no frame */
	uint64_t overrun; /* messages for which there was no room */
};

/* Messages on their way to the caller. Zeroed memory is empty. */
struct es_out {
	struct es_message {
		struct msg *msg;
		uint32_t raw; /* milliseconds, for source_publish() */
	} * v;
	size_t head, tail, cap;
	struct es_counts counts;
};
/* The oldest one; the reference is the caller's. */
bool es_out_next(struct es_out *out, struct msg **msg, uint32_t *raw);
void es_out_free(struct es_out *out);

struct elementary {
	enum es_kind kind;
	uint8_t channels;   /* of Opus, as the container says */
	struct es_out *out; /* borrowed */
	struct buf
		bytes; /* of the unit that is being put together; of a frame that is not whole yet */
	struct buf record; /* the sequence header that was sent */
	bool has_time, is_broken, in_sync;
	int64_t dts, pts;  /* of the picture; of the next frame of sound */
	int64_t interval;  /* between the last two pictures; 0: unknown */
	uint32_t fraction; /* of `pts`: in 1 / rate */
	size_t mark;       /* where in `bytes` what has the time `mark_pts` begins */
	int64_t mark_pts;
	struct {
		bool is_known;
		unsigned frames, rate, samples;
	} latm;
};

/* Zeroed memory. */
void elementary_begin(struct elementary *e, enum es_kind kind, struct es_out *out);
/* The next bytes of its stream. A time belongs to the first unit that begins in them; ES_NO_TIME: they continue
 * what came before. A picture is whole when the time of the next one comes. */
void elementary_take(struct elementary *e, struct span bytes, int64_t dts, int64_t pts);
/* Something is missing behind what was taken. */
void elementary_lost(struct elementary *e);
/* Nothing follows: the picture that is there is whole. */
void elementary_end(struct elementary *e);
void elementary_free(struct elementary *e);

bool es_is_video(enum es_kind kind);
/* Of a stream_type in a program map (ISO 13818-1 2.4.4.10, ATSC A/52, GB/T 28181); ES_NONE: not one of these. */
enum es_kind es_kind_of(unsigned stream_type);
/* "H.264", "AAC", …; of a stream_type that is none of ours too, if it has a name; NULL. */
const char *es_type_name(unsigned stream_type);
