#include "codec/au.h"

void au_begin(struct au_walk *w, const struct msg *msg)
{
	struct span payload = msg_span(msg);
	*w = (struct au_walk){.type = msg->type, .ts = msg->ts};
	if (msg->type == MSG_VIDEO)
		part_begin_video(&w->parts, payload);
	else
		part_begin_audio(&w->parts, msg->type == MSG_AUDIO ? payload : (struct span){0});
}

bool au_next(struct au_walk *w, struct au *au)
{
	struct part part;
	while (part_next(&w->parts, &part)) {
		if (part.kind != PART_HEADER && part.kind != PART_CODED)
			continue;
		bool is_header = part.kind == PART_HEADER;
		*au = (struct au){
			.type = w->type,
			.track = part.track,
			.is_header = is_header,
			.is_key = !is_header && (w->type == MSG_AUDIO || part.is_key),
			.codec = part.codec,
			.dts = w->ts,
			.pts = w->ts + (is_header ? 0 : part.cts),
			.data = part.body,
		};
		return true;
	}
	return false;
}

enum { ENHANCED_VIDEO = 0x80, ENHANCED_AUDIO = 0x90, FRAME_KEY = 1, FRAME_INTER = 2 };
enum { PACKET_START = 0, PACKET_CODED = 1, VIDEO_MULTI = 6, AUDIO_MULTI = 5, ONE_TRACK = 0 };
enum { AVC = 7, AAC_SOUND = 0xAF, MP3_SOUND = 0x2F, ALAW_SOUND = 0x72, ULAW_SOUND = 0x82 };

static void write_enhanced(struct buf *b, const struct au *au, uint8_t first, uint8_t multi)
{
	uint8_t packet = au->is_header ? PACKET_START : PACKET_CODED;
	buf_u8(b, first | (au->track ? multi : packet));
	if (au->track)
		buf_u8(b, ONE_TRACK << 4 | packet);
	buf_u32(b, au->codec);
	if (au->track)
		buf_u8(b, au->track);
}

static void write_video(struct buf *b, const struct au *au)
{
	uint8_t type = au->is_key || au->is_header ? FRAME_KEY : FRAME_INTER;
	bool is_avc = au->codec == CODEC_AVC;
	bool is_reordering = is_avc || au->codec == CODEC_HEVC || au->codec == CODEC_VVC;
	if (is_avc && au->track == 0) {
		buf_u8(b, (uint8_t)(type << 4 | AVC));
		buf_u8(b, au->is_header ? PACKET_START : PACKET_CODED);
		buf_u24(b, (uint32_t)(au->pts - au->dts) & 0xFFFFFF);
		return;
	}
	write_enhanced(b, au, (uint8_t)(ENHANCED_VIDEO | type << 4), VIDEO_MULTI);
	if (is_reordering && !au->is_header)
		buf_u24(b, (uint32_t)(au->pts - au->dts) & 0xFFFFFF);
}

/* The first byte of the classic form of a codec's frames; 0 when it has none. */
static uint8_t classic_sound(uint32_t codec)
{
	switch (codec) {
	case CODEC_MP3:
		return MP3_SOUND;
	case CODEC_ALAW:
		return ALAW_SOUND;
	case CODEC_ULAW:
		return ULAW_SOUND;
	default:
		return 0;
	}
}

static void write_audio(struct buf *b, const struct au *au)
{
	/* Of the classic forms AAC's alone tells a header from a frame. */
	uint8_t first = au->track == 0 && !au->is_header ? classic_sound(au->codec) : 0;
	if (au->codec == CODEC_AAC && au->track == 0) {
		buf_u8(b, AAC_SOUND);
		buf_u8(b, au->is_header ? PACKET_START : PACKET_CODED);
	} else if (first) {
		buf_u8(b, first);
	} else {
		write_enhanced(b, au, ENHANCED_AUDIO, AUDIO_MULTI);
	}
}

void au_write(struct buf *b, const struct au *au)
{
	if (au->type == MSG_VIDEO)
		write_video(b, au);
	else
		write_audio(b, au);
	buf_put(b, au->data.p, au->data.n);
}
