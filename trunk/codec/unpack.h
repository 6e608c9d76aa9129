/* unpack - the payloads of one picture, in order, as an access unit: H.264, H.265, AV1, VP9. Layer: codec. */
#pragma once
#include "base/buf.h"

enum { UNPACK_UNIT_MAX = 8 << 20, UNPACK_FRAMES_MAX = 8 };

struct unpack {
	uint32_t codec;
	struct buf
		unit; /* NAL units behind lengths of four bytes; OBUs with their sizes; a frame of VP9 */
	size_t piece_at; /* of the unit that is being put together, in `unit` */
	bool in_piece, is_bad;
	struct buf piece;                   /* of AV1 */
	uint32_t frames[UNPACK_FRAMES_MAX]; /* of VP9: bytes of each layer */
	int frame_count;
};

/* Zeroed memory; anew for each picture. */
void unpack_begin(struct unpack *u, uint32_t codec);
/* The next payload; empty ones (probes) are skipped. */
void unpack_take(struct unpack *u, struct span payload);
/* All payloads were taken. False: something is missing at an end, or is nonsense. Then and when the unit
 * is empty there is no picture. */
bool unpack_end(struct unpack *u, struct span *unit);
void unpack_free(struct unpack *u);
/* A picture may begin with this payload: it does not continue one before it. */
bool unpack_is_first(uint32_t codec, struct span payload);
