/* render - the bytes of a segment. Layer: output. The same units give the same bytes. */
#pragma once
#include "co/co.h"
#include "codec/sample_clock.h"
#include "output/segmenter.h"

enum { RENDER_SEGMENT_MAX = 192 << 20 };

/* Whether all tracks that are there have a place in a transport stream. */
bool render_fits_ts(const struct segmenter *s);
/* The open segment, which was ended, as a transport stream. `exact`: audio has its own times (else
 * they are counted by samples). */
void render_ts(struct segmenter *s, struct buf *out, bool exact) BLOCKS;
/* The same as fragmented MP4, without initialization. */
void render_mp4(struct segmenter *s, struct buf *out) BLOCKS;
/* Some units of it as one fragment, which may be sent before the rest is there. */
struct render_part {
	size_t from, to;            /* units */
	int64_t end;                /* where the last picture ends, milliseconds */
	uint32_t sequence;          /* rising */
	struct sample_clock *clock; /* of the segment's audio; its rate is filled in */
};
void render_mp4_part(struct segmenter *s, const struct render_part *part, struct buf *out) BLOCKS;
void render_mp4_init(const struct segmenter *s, struct buf *out);
/* Codecs as CODECS of a master playlist has them: "avc1.64001e,mp4a.40.2". */
void render_codecs(const struct segmenter *s, struct buf *out);
