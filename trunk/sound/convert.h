/* convert - the converters behind sound.h, which run on any thread, one at a time. Layer: sound. */
#pragma once
#include "base/buf.h"
#include "sound/sound.h"

enum { CONVERT_OUT_MAX = 1 << 20 };

/* What came out. */
struct converted {
	struct buf bytes;
	struct converted_frame {
		uint32_t off, n;
		int64_t ts;
	} * v;
	int count, room;
	struct buf config;  /* AudioSpecificConfig, once it is known */
	const char *failed; /* what went wrong, first; NULL: nothing */
};

void converted_add(struct converted *out, const void *p, size_t n, int64_t ts);
void converted_clear(struct converted *out);
void converted_free(struct converted *out);

struct converter {
	void *(*start)(int bitrate);
	/* `config` is the decoder configuration that came before; of none it is empty. */
	void (*take)(void *state, uint32_t codec, struct span config, struct span frame, int64_t ts,
		     struct converted *out);
	void (*free)(void *state);
};
extern const struct converter convert_to_opus, convert_to_aac;

/* Samples that wait to be encoded, and where on the timeline they are. */
enum { FIFO_CHANNELS = 2, FIFO_SAMPLES = 48000 };
struct fifo {
	float *v; /* interleaved */
	int channels, n;
	bool is_anchored;
	int64_t ts; /* of the first sample */
};
/* Where a frame at ts has its place: fills a gap with silence up to fill_max samples, begins anew behind a
 * longer one. False: the frame is of the past, and is dropped. */
bool fifo_place(struct fifo *f, int64_t ts, int off_max, int fill_max);
/* Room for so many samples more; NULL: it is full. */
float *fifo_room(struct fifo *f, int samples);
void fifo_drop(struct fifo *f, int samples);
void fifo_free(struct fifo *f);
