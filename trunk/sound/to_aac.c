/* Opus, and G.711 of cameras, as AAC: 48 kHz, stereo, 1,024 samples a frame. */
#ifdef WITH_SOUND
#include "base/mem.h"
#include "codec/part.h"
#include "codec/sound.h"
#include "sound/decode.h"
#include "sound/libs.h"

#include <stdlib.h>

enum {
	RATE = 48000,
	CHANNELS = 2,
	OPUS_MAX = 5760,                  /* samples of a packet */
	OFF_MAX = 30 * SOUND_CLOCK,       /* of times in milliseconds */
	G711_OFF_MAX = 120 * SOUND_CLOCK, /* cameras send it in bursts, by their own clock */
	CONCEAL_MAX = 60 * SOUND_CLOCK,   /* a lost packet or two are guessed */
	FILL_MAX = 2000 * SOUND_CLOCK,    /* silence that is not sent (DTX) is made again */
};

struct to_aac {
	OpusDecoder *decoder;
	struct decode *decode; /* of other codecs; NULL until one comes */
	struct converted *out; /* of what is converted now */
	AVCodecContext *encoder;
	AVFrame *frame;
	AVPacket *packet;
	struct fifo fifo;
};

static void finish(void *state)
{
	struct to_aac *t = state;
	if (t->decoder)
		libs.opus_decoder_destroy(t->decoder);
	decode_free(&t->decode);
	libs.avcodec_free_context(&t->encoder);
	libs.av_frame_free(&t->frame);
	libs.av_packet_free(&t->packet);
	fifo_free(&t->fifo);
	free(t);
}

static bool open_encoder(struct to_aac *t, int bitrate)
{
	const AVCodec *codec = libs.avcodec_find_encoder(AV_CODEC_ID_AAC);
	t->encoder = codec ? libs.avcodec_alloc_context3(codec) : NULL;
	t->frame = libs.av_frame_alloc();
	t->packet = libs.av_packet_alloc();
	if (!t->encoder || !t->frame || !t->packet)
		return false;
	t->encoder->sample_rate = RATE;
	t->encoder->sample_fmt = AV_SAMPLE_FMT_FLTP;
	t->encoder->bit_rate = bitrate;
	t->encoder->time_base = (AVRational){1, RATE};
	t->encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
	t->encoder->thread_count = 1;
	libs.av_channel_layout_default(&t->encoder->ch_layout, CHANNELS);
	if (libs.avcodec_open2(t->encoder, codec, NULL) != 0)
		return false;
	t->frame->format = AV_SAMPLE_FMT_FLTP;
	t->frame->nb_samples = t->encoder->frame_size;
	t->frame->sample_rate = RATE;
	libs.av_channel_layout_default(&t->frame->ch_layout, CHANNELS);
	return libs.av_frame_get_buffer(t->frame, 0) == 0;
}

static void *start(int bitrate)
{
	struct to_aac *t = mem_new(struct to_aac);
	int failed = 0;
	t->fifo.channels = CHANNELS;
	t->decoder = libs.opus_decoder_create(RATE, CHANNELS, &failed);
	if (!open_encoder(t, bitrate))
		libs.avcodec_free_context(&t->encoder);
	return t;
}

static void encode_one(struct to_aac *t, struct converted *out)
{
	int n = t->encoder->frame_size;
	if (libs.av_frame_make_writable(t->frame) != 0)
		return;
	for (int c = 0; c < CHANNELS; c++)
		for (int i = 0; i < n; i++)
			((float *)t->frame->extended_data[c])[i] = t->fifo.v[i * CHANNELS + c];
	t->frame->pts = t->fifo.ts;
	fifo_drop(&t->fifo, n);
	if (libs.avcodec_send_frame(t->encoder, t->frame) != 0)
		return;
	while (libs.avcodec_receive_packet(t->encoder, t->packet) == 0) {
		converted_add(out, t->packet->data, (size_t)t->packet->size, t->packet->pts);
		libs.av_packet_unref(t->packet);
	}
}

/* Decodes a packet; of none it is guessed what so many samples were. */
static void decode(struct to_aac *t, struct span packet, int samples)
{
	float *room = fifo_room(&t->fifo, packet.p ? OPUS_MAX : samples);
	if (!room)
		return;
	int n = libs.opus_decode_float(t->decoder, packet.p, (int)packet.n, room,
				       packet.p ? OPUS_MAX : samples, 0);
	t->fifo.n += n > 0 ? n : 0;
}

static void encode_all(void *ctx)
{
	struct to_aac *t = ctx;
	while (t->fifo.n >= t->encoder->frame_size)
		encode_one(t, t->out);
}

static void take_opus(struct to_aac *t, struct span frame, int64_t ts)
{
	enum { CONCEAL_STEP = 120 }; /* the decoder guesses multiples of 2.5 ms */
	int64_t gap = ts - (t->fifo.ts + t->fifo.n);
	if (t->fifo.is_anchored && gap > OFF_MAX / 2 && gap <= CONCEAL_MAX)
		decode(t, (struct span){0}, (int)gap / CONCEAL_STEP * CONCEAL_STEP);
	if (!opus_samples(frame) || !fifo_place(&t->fifo, ts, OFF_MAX, FILL_MAX))
		return;
	decode(t, frame, 0);
	encode_all(t);
}

static const char *take_other(struct to_aac *t, uint32_t codec, struct span config,
			      struct span frame, int64_t ts)
{
	if (!t->decode)
		t->decode = decode_new();
	return decode_take(t->decode, codec, config, frame, ts,
			   &(struct decode_to){.fifo = &t->fifo,
					       .channels = CHANNELS,
					       .off_max = G711_OFF_MAX,
					       .fill_max = FILL_MAX,
					       .on_samples = encode_all,
					       .ctx = t});
}

static void take(void *state, uint32_t codec, struct span config, struct span frame, int64_t ts,
		 struct converted *out)
{
	struct to_aac *t = state;
	if (!t->encoder || !t->decoder) {
		out->failed = "there is no AAC encoder";
		return;
	}
	if (!out->config.n) {
		out->config.max = UINT16_MAX;
		buf_put(&out->config, t->encoder->extradata, (size_t)t->encoder->extradata_size);
	}
	t->out = out;
	if (codec == CODEC_OPUS) {
		take_opus(t, frame, ts);
		return;
	}
	const char *failure = take_other(t, codec, config, frame, ts);
	out->failed = out->failed ? out->failed : failure;
}

const struct converter convert_to_aac = {.start = start, .take = take, .free = finish};
#else
typedef int nothing;
#endif
