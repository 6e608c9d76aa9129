/* Whatever libavcodec decodes, as Opus: frames of 20 ms at 48 kHz. */
#ifdef WITH_SOUND
#include "base/mem.h"
#include "codec/part.h"
#include "sound/convert.h"
#include "sound/libs.h"

#include <stdlib.h>

enum {
	RATE = 48000,
	FRAME = 960,
	COMPLEXITY = 5,
	OFF_MAX = 100 * SOUND_CLOCK,  /* an encoder's clock may be off by so much */
	FILL_MAX = 500 * SOUND_CLOCK, /* a longer gap is one */
	PACKET_MAX = 1275,
	G711_RATE = 8000,
};

struct to_opus {
	int bitrate;
	uint32_t codec;
	struct buf config; /* the decoder's */
	AVCodecContext *decoder;
	AVPacket *packet;
	AVFrame *frame;
	SwrContext *resampler;
	int in_rate, in_format, in_channels; /* that it was made for */
	OpusEncoder *encoder;
	int encoder_channels, lookahead;
	struct fifo fifo;
};

static enum AVCodecID id_of(uint32_t codec)
{
	switch (codec) {
	case FOURCC('m', 'p', '4', 'a'):
		return AV_CODEC_ID_AAC;
	case FOURCC('.', 'm', 'p', '3'):
		return AV_CODEC_ID_MP3;
	case FOURCC('a', 'c', '-', '3'):
		return AV_CODEC_ID_AC3;
	case FOURCC('e', 'c', '-', '3'):
		return AV_CODEC_ID_EAC3;
	case FOURCC('f', 'L', 'a', 'C'):
		return AV_CODEC_ID_FLAC;
	case FOURCC('a', 'l', 'a', 'w'):
		return AV_CODEC_ID_PCM_ALAW;
	case FOURCC('u', 'l', 'a', 'w'):
		return AV_CODEC_ID_PCM_MULAW;
	}
	return AV_CODEC_ID_NONE;
}

static void *start(int bitrate)
{
	struct to_opus *t = mem_new(struct to_opus);
	t->bitrate = bitrate;
	t->config.max = UINT16_MAX;
	t->packet = libs.av_packet_alloc();
	t->frame = libs.av_frame_alloc();
	return t;
}

static void finish(void *state)
{
	struct to_opus *t = state;
	libs.avcodec_free_context(&t->decoder);
	libs.av_packet_free(&t->packet);
	libs.av_frame_free(&t->frame);
	libs.swr_free(&t->resampler);
	if (t->encoder)
		libs.opus_encoder_destroy(t->encoder);
	fifo_free(&t->fifo);
	buf_free(&t->config);
	free(t);
}

/* ---- decoding ---- */

static bool open_decoder(struct to_opus *t)
{
	const AVCodec *codec = libs.avcodec_find_decoder(id_of(t->codec));
	libs.avcodec_free_context(&t->decoder);
	t->decoder = codec ? libs.avcodec_alloc_context3(codec) : NULL;
	if (!t->decoder)
		return false;
	t->decoder->thread_count = 1;
	t->decoder->pkt_timebase = (AVRational){1, RATE};
	/* What G.711 does not say of itself; other codecs do. */
	t->decoder->sample_rate = G711_RATE;
	libs.av_channel_layout_default(&t->decoder->ch_layout, 1);
	if (t->config.n) {
		t->decoder->extradata = libs.av_mallocz(t->config.n + AV_INPUT_BUFFER_PADDING_SIZE);
		if (!t->decoder->extradata)
			return false;
		memcpy(t->decoder->extradata, t->config.p, t->config.n);
		t->decoder->extradata_size = (int)t->config.n;
	}
	return libs.avcodec_open2(t->decoder, codec, NULL) == 0;
}

static bool ready_decoder(struct to_opus *t, uint32_t codec, struct span config)
{
	bool is_same = t->codec == codec && t->config.n == config.n &&
		       (!config.n || memcmp(t->config.p, config.p, config.n) == 0);
	if (is_same)
		return t->decoder;
	t->codec = codec;
	buf_clear(&t->config);
	buf_put(&t->config, config.p, config.n);
	if (buf_ok(&t->config) && open_decoder(t))
		return true;
	libs.avcodec_free_context(&t->decoder);
	return false;
}

/* Streams change their rate and their channels. */
static bool ready_resampler(struct to_opus *t)
{
	const AVFrame *f = t->frame;
	int channels = f->ch_layout.nb_channels;
	if (t->resampler && t->in_rate == f->sample_rate && t->in_format == f->format &&
	    t->in_channels == channels)
		return true;
	AVChannelLayout out, in = {0};
	libs.av_channel_layout_default(&out, channels == 1 ? 1 : 2);
	if (f->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC)
		libs.av_channel_layout_default(&in, channels);
	else if (libs.av_channel_layout_copy(&in, &f->ch_layout) != 0)
		return false;
	libs.swr_free(&t->resampler);
	int failed =
		libs.swr_alloc_set_opts2(&t->resampler, &out, AV_SAMPLE_FMT_FLT, RATE, &in,
					 (enum AVSampleFormat)f->format, f->sample_rate, 0, NULL);
	libs.av_channel_layout_uninit(&in);
	t->in_rate = f->sample_rate;
	t->in_format = f->format;
	t->in_channels = channels;
	return !failed && libs.swr_init(t->resampler) == 0;
}

/* ---- encoding ---- */

static bool ready_encoder(struct to_opus *t)
{
	int channels = t->in_channels == 1 ? 1 : 2, failed = 0;
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

static void take_decoded(struct to_opus *t, int64_t ts, struct converted *out)
{
	if (!ready_resampler(t) || !ready_encoder(t)) {
		out->failed = "the sound cannot be resampled";
		return;
	}
	ts -= libs.swr_get_delay(t->resampler, RATE);
	if (!fifo_place(&t->fifo, ts, OFF_MAX, FILL_MAX))
		return;
	int most = libs.swr_get_out_samples(t->resampler, t->frame->nb_samples);
	float *room = fifo_room(&t->fifo, most);
	if (!room)
		return;
	uint8_t *planes[] = {(uint8_t *)room};
	const uint8_t *in[AV_NUM_DATA_POINTERS];
	for (int i = 0; i < AV_NUM_DATA_POINTERS; i++)
		in[i] = t->frame->data[i];
	int n = libs.swr_convert(t->resampler, planes, most, in, t->frame->nb_samples);
	t->fifo.n += n > 0 ? n : 0;
	encode(t, out);
}

static void take(void *state, uint32_t codec, struct span config, struct span frame, int64_t ts,
		 struct converted *out)
{
	struct to_opus *t = state;
	if (!ready_decoder(t, codec, config)) {
		out->failed = "the decoder does not take its configuration";
		return;
	}
	if (libs.av_new_packet(t->packet, (int)frame.n) != 0)
		return;
	memcpy(t->packet->data, frame.p, frame.n);
	int failed = libs.avcodec_send_packet(t->decoder, t->packet);
	libs.av_packet_unref(t->packet);
	while (!failed && libs.avcodec_receive_frame(t->decoder, t->frame) == 0) {
		take_decoded(t, ts, out);
		ts += (int64_t)t->frame->nb_samples * RATE /
		      (t->frame->sample_rate ? t->frame->sample_rate : RATE);
		libs.av_frame_unref(t->frame);
	}
}

const struct converter convert_to_opus = {.start = start, .take = take, .free = finish};
#else
typedef int nothing;
#endif
