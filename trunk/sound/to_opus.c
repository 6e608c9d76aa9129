/* Whatever libavcodec decodes, as Opus: frames of 20 ms at 48 kHz. */
#ifdef WITH_SOUND
#include "base/mem.h"
#include "codec/part.h"
#include "sound/decode.h"
#include "sound/libs.h"

#include <stdlib.h>

enum {
	RATE = 48000,
	FRAME = 960,
	COMPLEXITY = 5,
	OFF_MAX = 100 * SOUND_CLOCK,  /* an encoder's clock may be off by so much */
	FILL_MAX = 500 * SOUND_CLOCK, /* a longer gap is one */
	PACKET_MAX = 1275,
};

struct to_opus {
	int bitrate;
	struct decode *decode;
	struct converted *out; /* of what is converted now */
	OpusEncoder *encoder;
	int encoder_channels, lookahead;
	struct fifo fifo;
};

static void *start(int bitrate)
{
	struct to_opus *t = mem_new(struct to_opus);
	t->bitrate = bitrate;
	t->decode = decode_new();
	return t;
}

static void finish(void *state)
{
	struct to_opus *t = state;
	decode_free(&t->decode);
	if (t->encoder)
		libs.opus_encoder_destroy(t->encoder);
	fifo_free(&t->fifo);
	free(t);
}

/* ---- encoding ---- */

static bool ready_encoder(struct to_opus *t, int channels)
{
	int failed = 0;
	if (t->encoder && t->encoder_channels == channels)
		return true;
	if (t->encoder)
		libs.opus_encoder_destroy(t->encoder);
	t->encoder = libs.opus_encoder_create(RATE, channels, OPUS_APPLICATION_AUDIO, &failed);
	if (!t->encoder || failed)
		return false;
	libs.opus_encoder_ctl(t->encoder, OPUS_SET_BITRATE(t->bitrate));
	libs.opus_encoder_ctl(t->encoder, OPUS_SET_COMPLEXITY(COMPLEXITY));
	libs.opus_encoder_ctl(t->encoder, OPUS_GET_LOOKAHEAD(&t->lookahead));
	t->encoder_channels = t->fifo.channels = channels;
	t->fifo.n = 0;
	t->fifo.is_anchored = false;
	return true;
}

static void encode(struct to_opus *t, struct converted *out)
{
	uint8_t packet[PACKET_MAX];
	while (t->fifo.n >= FRAME) {
		int n = libs.opus_encode_float(t->encoder, t->fifo.v, FRAME, packet,
					       sizeof(packet));
		if (n > 0)
			converted_add(out, packet, (size_t)n, t->fifo.ts - t->lookahead);
		fifo_drop(&t->fifo, FRAME);
	}
}

static void on_samples(void *ctx)
{
	struct to_opus *t = ctx;
	encode(t, t->out);
}

static bool on_channels(void *ctx, int channels)
{
	return ready_encoder(ctx, channels);
}

static void take(void *state, uint32_t codec, struct span config, struct span frame, int64_t ts,
		 struct converted *out)
{
	struct to_opus *t = state;
	t->out = out;
	const char *failure = decode_take(t->decode, codec, config, frame, ts,
					  &(struct decode_to){.fifo = &t->fifo,
							      .off_max = OFF_MAX,
							      .fill_max = FILL_MAX,
							      .on_channels = on_channels,
							      .on_samples = on_samples,
							      .ctx = t});
	out->failed = out->failed ? out->failed : failure;
}

const struct converter convert_to_opus = {.start = start, .take = take, .free = finish};
#else
typedef int nothing;
#endif
