/* mp4_movie - a whole ("progressive") MP4 of fragments: its moov in front says where each sample is, which
 * editors and old players want. Layer: codec. Pure: no I/O; the samples themselves are copied by the caller, the
 * mdat of each fragment behind the one before. */
#pragma once
#include "codec/mp4_read.h"

/* Equal values in a row, as stts and ctts have them. */
struct mp4_repeats {
	struct buf pairs; /* count and value, each of four bytes */
	uint32_t count, value;
	uint32_t entries;
};

struct mp4_movie_track {
	uint32_t timescale;
	uint64_t first, last,
		end; /* ticks: of the first and the last sample, and where that ends */
	uint32_t samples, keys, chunks, chunk_runs, last_chunk;
	struct mp4_repeats durations, offsets;
	struct buf sizes, key_numbers, chunk_sizes,
		chunk_places; /* as stsz, stss, stsc, co64 have them */
};

/* Zeroed memory. */
struct mp4_movie {
	struct span init; /* borrowed */
	struct mp4_movie_track tracks[MP4_TRACKS];
	size_t count;
	uint64_t bytes; /* of samples */
};

/* `init`: what stands in front of the first fragment; borrowed until the end. False: not as mp4 writes it. */
bool mp4_movie_begin(struct mp4_movie *m, struct span init);
/* A fragment: the content of its moof, and how many bytes that of its mdat has. False: not as mp4 writes it, or
 * more samples than there is room for. */
bool mp4_movie_add(struct mp4_movie *m, struct span moof, uint64_t bytes);
/* All in front of the samples: ftyp, moov, the head of mdat. False: too much for the buffer. */
bool mp4_movie_write(struct mp4_movie *m, struct buf *out);
void mp4_movie_fini(struct mp4_movie *m);
