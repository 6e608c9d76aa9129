/* mp4 - a writer of fragmented MP4 (ISO 14496-12, CMAF). Layer: codec.
 * An initialization segment that says what the tracks are, and fragments (moof and mdat) with their
 * samples. Pure: the same samples give the same bytes. */
#pragma once
#include "codec/sample.h"

enum { MP4_TRACKS = 2 };

/* Ticks per second of a track's times: 90000 for video, the sampling rate for audio. */
uint32_t mp4_timescale(const struct track *t);

/* ftyp and moov. Track ids are 1 for the first, 2 for the second. */
void mp4_write_init(struct buf *b, const struct track *const tracks[], size_t n);
/* The brand of a segment, in front of its first fragment. */
void mp4_write_styp(struct buf *b);

struct mp4_sample {
	uint32_t size, duration;
	int32_t cts; /* presentation minus decoding time */
	bool is_key;
};

/* The samples of one track in a fragment that is being gathered. */
struct mp4_run {
	const struct track *track; /* borrowed */
	int64_t first_dts;
	struct mp4_sample *samples;
	size_t count, room;
	struct buf data;
};

struct mp4_fragment {
	struct mp4_run runs[MP4_TRACKS];
	size_t tracks;
	size_t written; /* bytes of samples, since mp4_fragment_begin() */
};

/* Zeroed memory. At most `data_max` bytes of samples a track. */
void mp4_fragment_init(struct mp4_fragment *f, const struct track *const tracks[], size_t n,
		       size_t data_max);
void mp4_fragment_fini(struct mp4_fragment *f);
/* A sample of track number `i`, in its timescale; the dts of all but the first is where the one
 * before ended. False: nothing to write (sample_write_mp4), or no room. */
bool mp4_fragment_add(struct mp4_fragment *f, size_t i, const struct au *au, int64_t dts,
		      int32_t cts, uint32_t duration);
bool mp4_fragment_is_empty(const struct mp4_fragment *f);
/* moof and mdat of what was added; the fragment is empty afterwards. */
void mp4_fragment_write(struct mp4_fragment *f, struct buf *b, uint32_t sequence);
/* The same in pieces: all that stands in front of the samples; and then at most n bytes of them, until that was the
 * last piece: false. */
void mp4_fragment_begin(struct mp4_fragment *f, struct buf *b, uint32_t sequence);
bool mp4_fragment_next(struct mp4_fragment *f, struct buf *b, size_t n);
