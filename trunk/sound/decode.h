/* decode - what libavcodec decodes, at 48 kHz in a fifo. Layer: sound, for the converters. */
#pragma once
#include "sound/convert.h"

struct decode;

/* Where the samples go. */
struct decode_to {
	struct fifo *fifo;
	int channels;          /* 0: one or two, as the sound has them */
	int off_max, fill_max; /* see fifo_place() */
	/* So many channels come now; false: that cannot be taken. NULL: it can. */
	bool (*on_channels)(void *ctx, int channels);
	/* The fifo has more. */
	void (*on_samples)(void *ctx);
	void *ctx;
};

struct decode *decode_new(void);
void decode_free(struct decode **decode);
/* A frame; `config` is the configuration that came before, or empty. NULL, or what went wrong. */
const char *decode_take(struct decode *d, uint32_t codec, struct span config, struct span frame,
			int64_t ts, const struct decode_to *to);
