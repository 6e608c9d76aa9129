/* Bit 7 of a video message decides before anything else: its packet type 7 (ModEx) would pass for
 * the classic codec 7 (AVC). The enhanced header of both media is read by one walk:
 *
 *   first byte -> ModEx ... ModEx -> [multitrack byte] -> FourCC -> track, track, ...
 */
#include "codec/part.h"

enum { FRAME_KEY = 1, FRAME_COMMAND = 5 };
enum { CLASSIC_AVC = 7, CLASSIC_HEVC = 12, CLASSIC_AV1 = 13 };
enum { CLASSIC_AAC = 10, CLASSIC_OPUS = 13, CLASSIC_EX = 9 };

/* Packet types; Metadata and MultichannelConfig share their number, multitrack differs. */
enum {
	PACKET_START = 0,
	PACKET_CODED = 1,
	PACKET_END = 2,
	PACKET_CODED_X = 3,
	PACKET_META = 4,
	PACKET_TS_START = 5,
	PACKET_VIDEO_MULTI = 6,
	PACKET_AUDIO_MULTI = 5,
	PACKET_MODEX = 7,
};
enum { ONE_TRACK = 0, MANY_TRACKS = 1, MANY_CODECS = 2, PLAIN = -1, NO_PART = -2 };

static const uint32_t classic_video[16] = {
	[2] = FOURCC('h', '2', '6', '3'),
	[3] = FOURCC('f', 's', 'v', '1'),
	[4] = FOURCC('v', 'p', '6', 'f'),
	[5] = FOURCC('v', 'p', '6', 'a'),
	[6] = FOURCC('f', 's', 'v', '2'),
	[CLASSIC_AVC] = CODEC_AVC,
	[CLASSIC_HEVC] = CODEC_HEVC,
	[CLASSIC_AV1] = CODEC_AV1,
	[14] = CODEC_VP8,
	[15] = CODEC_VP9,
};

static const uint32_t classic_audio[16] = {
	[2] = CODEC_MP3,
	[7] = CODEC_ALAW,
	[8] = CODEC_ULAW,
	[CLASSIC_AAC] = CODEC_AAC,
	[11] = FOURCC('s', 'p', 'x', ' '),
	[CLASSIC_OPUS] = CODEC_OPUS,
	[14] = CODEC_MP3,
};

/* Skips the ModEx packets in front; *packet is the type of what follows them. */
static void skip_modex(uint8_t *packet, struct cur *c)
{
	while (*packet == PACKET_MODEX && cur_ok(c)) {
		size_t size = cur_u8(c) + (size_t)1;
		if (size == 256)
			size = cur_u16(c) + (size_t)1;
		cur_skip(c, size);
		*packet = cur_u8(c) & 15;
	}
}

/* What stands between the first byte and the first track. */
static void begin_enhanced(struct part_walk *w, uint8_t multi)
{
	w->is_enhanced = true;
	w->layout = PLAIN;
	skip_modex(&w->packet, &w->c);
	if (w->packet == multi) {
		uint8_t byte = cur_u8(&w->c);
		w->layout = byte >> 4;
		w->packet = byte & 15;
		if (w->packet == multi || w->packet == PACKET_MODEX || w->layout > MANY_CODECS)
			w->layout = NO_PART;
	}
	if (w->layout != MANY_CODECS)
		w->codec = cur_u32(&w->c);
	if (!cur_ok(&w->c))
		w->layout = NO_PART;
}

static bool has_packet_type(unsigned codec)
{
	return codec == CLASSIC_AVC || codec == CLASSIC_HEVC || codec == CLASSIC_AV1;
}

void part_begin_video(struct part_walk *w, struct span payload)
{
	*w = (struct part_walk){.c = cur_of(payload.p, payload.n), .is_video = true};
	uint8_t first = cur_u8(&w->c);
	unsigned type = first >> 4 & 7;
	w->is_key = type == FRAME_KEY;
	if (first & 0x80) {
		w->packet = first & 15;
		begin_enhanced(w, PACKET_VIDEO_MULTI);
		if (w->packet != PACKET_META && type == FRAME_COMMAND)
			w->layout = NO_PART;
		return;
	}
	w->codec = classic_video[first & 15];
	w->packet = has_packet_type(first & 15) ? cur_u8(&w->c) : PACKET_CODED;
	w->layout = PLAIN;
	if (!cur_ok(&w->c))
		w->packet = PACKET_END;
	if (payload.n == 0 || type == 0 || type >= FRAME_COMMAND)
		w->layout = NO_PART;
}

void part_begin_audio(struct part_walk *w, struct span payload)
{
	*w = (struct part_walk){.c = cur_of(payload.p, payload.n), .layout = NO_PART};
	if (payload.n == 0) /* silence */
		return;
	uint8_t first = cur_u8(&w->c);
	if (first >> 4 == CLASSIC_EX) {
		w->packet = first & 15;
		begin_enhanced(w, PACKET_AUDIO_MULTI);
		return;
	}
	w->codec = classic_audio[first >> 4];
	w->packet = first >> 4 == CLASSIC_AAC ? cur_u8(&w->c) : PACKET_CODED;
	w->layout = PLAIN;
	if (!cur_ok(&w->c))
		w->packet = PACKET_END;
}

/* One track's header and bytes. False behind the last one and for nonsense. */
static bool next_body(struct part_walk *w, struct part *part)
{
	size_t size = cur_left(&w->c);
	if (w->layout == PLAIN) {
		w->layout = NO_PART;
	} else if (w->layout == NO_PART || size == 0) {
		return false;
	} else {
		if (w->layout == MANY_CODECS)
			w->codec = cur_u32(&w->c);
		part->track = cur_u8(&w->c);
		size = w->layout == ONE_TRACK ? cur_left(&w->c) : cur_u24(&w->c);
	}
	part->codec = w->codec;
	if (size > 0 || !cur_ok(&w->c))
		part->body = cur_bytes(&w->c, size);
	return cur_ok(&w->c) || !w->is_enhanced;
}

static enum part_kind kind_of(const struct part_walk *w)
{
	if (w->packet == PACKET_START)
		return PART_HEADER;
	if (w->packet == PACKET_CODED ||
	    (w->is_enhanced && w->is_video && w->packet == PACKET_CODED_X))
		return PART_CODED;
	if (!w->is_enhanced)
		return PART_OTHER;
	if (w->is_video && w->packet == PACKET_TS_START)
		return PART_HEADER;
	return w->packet == PACKET_META ? PART_META : PART_OTHER;
}

/* The signed 24-bit composition time in front of the body: of all classic packets that have a type,
 * and of enhanced coded packets of the codecs that reorder pictures. */
static bool has_cts(const struct part_walk *w)
{
	static const uint32_t reordering[] = {
		CODEC_AVC,
		CODEC_HEVC,
		CODEC_VVC,
	};
	if (!w->is_video)
		return false;
	if (!w->is_enhanced)
		return w->codec == CODEC_AV1 || w->codec == reordering[0] ||
		       w->codec == reordering[1];
	for (size_t i = 0; i < sizeof(reordering) / sizeof(*reordering); i++)
		if (w->packet == PACKET_CODED && w->codec == reordering[i])
			return true;
	return false;
}

static void take_cts(struct part *part)
{
	struct cur c = cur_of(part->body.p, part->body.n);
	uint32_t raw = cur_u24(&c);
	if (part->codec != CODEC_AV1) /* its temporal units are in order of display */
		part->cts = (int32_t)(raw << 8) >> 8;
	part->body = cur_bytes(&c, cur_left(&c));
}

bool part_next(struct part_walk *w, struct part *part)
{
	*part = (struct part){.body = {NULL, 0}};
	if (!next_body(w, part)) {
		w->layout = NO_PART;
		return false;
	}
	part->kind = kind_of(w);
	part->is_key = w->is_video && w->is_key && part->kind == PART_CODED;
	if (has_cts(w))
		take_cts(part);
	return true;
}

bool part_default(struct part_walk *w, struct part *part)
{
	struct part one;
	if (w->layout == PLAIN) /* nearly all are */
		return part_next(w, part) && (cur_ok(&w->c) || !w->is_enhanced);
	bool has_any = false;
	for (; part_next(w, &one); has_any = true)
		if (!has_any || (one.track == 0 && part->track != 0))
			*part = one;
	return has_any && (cur_ok(&w->c) || !w->is_enhanced);
}
