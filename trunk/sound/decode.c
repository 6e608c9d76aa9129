/* Whatever libavcodec decodes. */
#ifdef WITH_SOUND
#include "sound/decode.h"
#include "base/mem.h"
#include "codec/part.h"
#include "sound/libs.h"

#include <stdlib.h>

enum { RATE = 48000, G711_RATE = 8000 };

struct decode {
	uint32_t codec;
	struct buf config; /* the decoder's */
	AVCodecContext *decoder;
	AVPacket *packet;
	AVFrame *frame;
	SwrContext *resampler;
	int in_rate, in_format, in_channels; /* that it was made for */
};

static enum AVCodecID id_of(uint32_t codec)
{
	switch (codec) {
	case CODEC_AAC:
		return AV_CODEC_ID_AAC;
	case CODEC_MP3:
		return AV_CODEC_ID_MP3;
	case CODEC_AC3:
		return AV_CODEC_ID_AC3;
	case CODEC_EAC3:
		return AV_CODEC_ID_EAC3;
	case CODEC_FLAC:
		return AV_CODEC_ID_FLAC;
	case CODEC_ALAW:
		return AV_CODEC_ID_PCM_ALAW;
	case CODEC_ULAW:
		return AV_CODEC_ID_PCM_MULAW;
	}
	return AV_CODEC_ID_NONE;
}

struct decode *decode_new(void)
{
	struct decode *t = mem_new(struct decode);
	t->config.max = UINT16_MAX;
	t->packet = libs.av_packet_alloc();
	t->frame = libs.av_frame_alloc();
	return t;
}

void decode_free(struct decode **decode)
{
	struct decode *t = *decode;
	*decode = NULL;
	if (!t)
		return;
	libs.avcodec_free_context(&t->decoder);
	libs.av_packet_free(&t->packet);
	libs.av_frame_free(&t->frame);
	libs.swr_free(&t->resampler);
	buf_free(&t->config);
	free(t);
}

static bool open_decoder(struct decode *t)
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

static bool ready_decoder(struct decode *t, uint32_t codec, struct span config)
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
static bool ready_resampler(struct decode *t, int wanted)
{
	const AVFrame *f = t->frame;
	int channels = f->ch_layout.nb_channels;
	if (t->resampler && t->in_rate == f->sample_rate && t->in_format == f->format &&
	    t->in_channels == channels)
		return true;
	wanted = wanted ? wanted : channels == 1 ? 1 : 2;
	AVChannelLayout out, in = {0};
	libs.av_channel_layout_default(&out, wanted);
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

static const char *take_decoded(struct decode *t, int64_t ts, const struct decode_to *to)
{
	if (!ready_resampler(t, to->channels) ||
	    (to->on_channels && !to->on_channels(to->ctx, t->in_channels == 1 ? 1 : 2)))
		return "the sound cannot be resampled";
	ts -= libs.swr_get_delay(t->resampler, RATE);
	if (!fifo_place(to->fifo, ts, to->off_max, to->fill_max))
		return NULL;
	int most = libs.swr_get_out_samples(t->resampler, t->frame->nb_samples);
	float *room = fifo_room(to->fifo, most);
	if (!room)
		return NULL;
	uint8_t *planes[] = {(uint8_t *)room};
	const uint8_t *in[AV_NUM_DATA_POINTERS];
	for (int i = 0; i < AV_NUM_DATA_POINTERS; i++)
		in[i] = t->frame->data[i];
	int n = libs.swr_convert(t->resampler, planes, most, in, t->frame->nb_samples);
	to->fifo->n += n > 0 ? n : 0;
	to->on_samples(to->ctx);
	return NULL;
}

const char *decode_take(struct decode *t, uint32_t codec, struct span config, struct span frame,
			int64_t ts, const struct decode_to *to)
{
	const char *failure = NULL;
	if (!ready_decoder(t, codec, config))
		return "the decoder does not take its configuration";
	if (libs.av_new_packet(t->packet, (int)frame.n) != 0)
		return NULL;
	memcpy(t->packet->data, frame.p, frame.n);
	int failed = libs.avcodec_send_packet(t->decoder, t->packet);
	libs.av_packet_unref(t->packet);
	while (!failed && libs.avcodec_receive_frame(t->decoder, t->frame) == 0) {
		const char *why = take_decoded(t, ts, to);
		failure = failure ? failure : why;
		ts += (int64_t)t->frame->nb_samples * RATE /
		      (t->frame->sample_rate ? t->frame->sample_rate : RATE);
		libs.av_frame_unref(t->frame);
	}
	return failure;
}
#else
typedef int nothing;
#endif
