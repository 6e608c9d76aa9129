/* The first bytes of a payload (FLV specification E.4, Enhanced RTMP v2).
 *
 * Bit 7 of a video message decides before anything else: its packet type 7 (ModEx) would pass for
 * the classic codec 7 (AVC). The enhanced header of both media is read by one walk:
 *
 *   first byte -> ModEx ... ModEx -> [multitrack byte] -> FourCC -> track, track, ...
 *
 * A message of several tracks is described by its default track 0 if that is among them, else by
 * its first one. */
#include "codec/frame.h"
#include "base/cur.h"
#include "codec/record.h"

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
enum { ONE_TRACK = 0, MANY_TRACKS = 1, MANY_CODECS = 2, PLAIN = -1 };

struct ex {
	uint8_t packet;
	uint32_t codec;
	uint8_t track;
	struct span body;
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

/* One track of a message. False behind the last one and for nonsense, which is a bad cursor. */
static bool next_track(struct ex *track, struct cur *c, int layout)
{
	if (cur_left(c) == 0)
		return false;
	if (layout == MANY_CODECS)
		track->codec = cur_u32(c);
	track->track = cur_u8(c);
	size_t size = layout == ONE_TRACK ? cur_left(c) : cur_u24(c);
	track->body = cur_bytes(c, size);
	return cur_ok(c);
}

static bool choose_track(struct ex *ex, struct cur *c, int layout)
{
	struct ex one = *ex;
	int n = 0;
	bool is_default = false;
	for (; next_track(&one, c, layout); n++) {
		if (n == 0 || (one.track == 0 && !is_default))
			*ex = one;
		is_default |= one.track == 0;
	}
	return n > 0 && cur_ok(c);
}

/* What stands behind the ModEx packets. */
static bool read_ex(struct ex *ex, struct cur *c, uint8_t multi)
{
	int layout = PLAIN;
	if (ex->packet == multi) {
		uint8_t byte = cur_u8(c);
		layout = byte >> 4;
		ex->packet = byte & 15;
		if (ex->packet == multi || ex->packet == PACKET_MODEX || layout > MANY_CODECS)
			return false;
	}
	if (layout != MANY_CODECS)
		ex->codec = cur_u32(c);
	if (layout != PLAIN)
		return choose_track(ex, c, layout);
	ex->body = cur_bytes(c, cur_left(c));
	return cur_ok(c);
}

static bool read_ex_video(struct ex *ex, struct span payload)
{
	struct cur c = cur_of(payload.p, payload.n);
	uint8_t first = cur_u8(&c);
	*ex = (struct ex){.packet = first & 15};
	skip_modex(&ex->packet, &c);
	if (ex->packet != PACKET_META && (first >> 4 & 7) == FRAME_COMMAND)
		return false;
	return read_ex(ex, &c, PACKET_VIDEO_MULTI);
}

static bool read_ex_audio(struct ex *ex, struct span payload)
{
	struct cur c = cur_of(payload.p, payload.n);
	*ex = (struct ex){.packet = cur_u8(&c) & 15};
	skip_modex(&ex->packet, &c);
	return read_ex(ex, &c, PACKET_AUDIO_MULTI);
}

static bool is_ex_video(struct span payload)
{
	return payload.n > 0 && payload.p[0] & 0x80;
}

static bool is_ex_audio(struct span payload)
{
	return payload.n > 0 && payload.p[0] >> 4 == CLASSIC_EX;
}

static const uint32_t classic_video[16] = {
	[2] = FOURCC('h', '2', '6', '3'),
	[3] = FOURCC('f', 's', 'v', '1'),
	[4] = FOURCC('v', 'p', '6', 'f'),
	[5] = FOURCC('v', 'p', '6', 'a'),
	[6] = FOURCC('f', 's', 'v', '2'),
	[CLASSIC_AVC] = FOURCC('a', 'v', 'c', '1'),
	[CLASSIC_HEVC] = FOURCC('h', 'v', 'c', '1'),
	[CLASSIC_AV1] = FOURCC('a', 'v', '0', '1'),
	[14] = FOURCC('v', 'p', '0', '8'),
	[15] = FOURCC('v', 'p', '0', '9'),
};

static const uint32_t classic_audio[16] = {
	[2] = FOURCC('.', 'm', 'p', '3'),  [7] = FOURCC('a', 'l', 'a', 'w'),
	[8] = FOURCC('u', 'l', 'a', 'w'),  [CLASSIC_AAC] = FOURCC('m', 'p', '4', 'a'),
	[11] = FOURCC('s', 'p', 'x', ' '), [CLASSIC_OPUS] = FOURCC('O', 'p', 'u', 's'),
	[14] = FOURCC('.', 'm', 'p', '3'),
};

static bool has_packet_type(unsigned codec)
{
	return codec == CLASSIC_AVC || codec == CLASSIC_HEVC || codec == CLASSIC_AV1;
}

static struct frame classic_frame(struct span payload)
{
	struct cur c = cur_of(payload.p, payload.n);
	uint8_t first = cur_u8(&c);
	unsigned type = first >> 4, codec = first & 15;
	struct frame f = {.codec = classic_video[codec]};
	if (type == 0 || type >= FRAME_COMMAND)
		return (struct frame){0};
	uint8_t packet = has_packet_type(codec) ? cur_u8(&c) : PACKET_CODED;
	f.is_header = cur_ok(&c) && packet == PACKET_START;
	f.is_coded = cur_ok(&c) && packet == PACKET_CODED;
	f.is_key = f.is_coded && type == FRAME_KEY;
	return f;
}

static struct frame ex_frame(struct span payload)
{
	struct ex ex;
	if (!read_ex_video(&ex, payload))
		return (struct frame){0};
	struct frame f = {.codec = ex.codec, .track = ex.track};
	f.is_header = ex.packet == PACKET_START || ex.packet == PACKET_TS_START;
	f.is_meta = ex.packet == PACKET_META;
	f.is_coded = ex.packet == PACKET_CODED || ex.packet == PACKET_CODED_X;
	f.is_key = f.is_coded && f.track == 0 && (payload.p[0] >> 4 & 7) == FRAME_KEY;
	return f;
}

struct frame frame_of_video(struct span payload)
{
	return is_ex_video(payload) ? ex_frame(payload) : classic_frame(payload);
}

struct frame frame_of_audio(struct span payload)
{
	struct frame f = {0};
	if (payload.n == 0) /* silence */
		return f;
	if (is_ex_audio(payload)) {
		struct ex ex;
		if (!read_ex_audio(&ex, payload))
			return f;
		f.codec = ex.codec;
		f.track = ex.track;
		f.is_header = ex.packet == PACKET_START;
		f.is_meta = ex.packet == PACKET_META;
		f.is_coded = ex.packet == PACKET_CODED;
		return f;
	}
	unsigned codec = payload.p[0] >> 4;
	f.codec = classic_audio[codec];
	if (codec != CLASSIC_AAC) {
		f.is_coded = true;
	} else if (payload.n >= 2) {
		f.is_header = payload.p[1] == PACKET_START;
		f.is_coded = payload.p[1] == PACKET_CODED;
	}
	return f;
}

/* What follows the header of a message that is a sequence start. */
static struct span video_record(struct span payload)
{
	struct ex ex;
	if (is_ex_video(payload))
		return read_ex_video(&ex, payload) ? ex.body : (struct span){0};
	struct cur c = cur_of(payload.p, payload.n);
	cur_skip(&c, 5); /* frame, packet type, composition time */
	return cur_bytes(&c, cur_left(&c));
}

static struct span audio_record(struct span payload)
{
	struct ex ex;
	if (is_ex_audio(payload))
		return read_ex_audio(&ex, payload) ? ex.body : (struct span){0};
	struct cur c = cur_of(payload.p, payload.n);
	cur_skip(&c, 2);
	return cur_bytes(&c, cur_left(&c));
}

void video_info_read(struct video_info *info, struct span payload)
{
	struct frame f = frame_of_video(payload);
	*info = (struct video_info){.codec = f.codec};
	if (!f.is_header)
		return;
	if (f.codec == FOURCC('a', 'v', 'c', '1'))
		record_read_avc(info, video_record(payload));
	else if (f.codec == FOURCC('h', 'v', 'c', '1'))
		record_read_hevc(info, video_record(payload));
}

/* The classic first byte: rate and channels are told by bits which some codecs do not heed. */
static void classic_sound(struct audio_info *info, uint8_t first)
{
	static const int rates[4] = {5512, 11025, 22050, 44100};
	static const int fixed[16] = {[4] = 16000, [5] = 8000,   [7] = 8000,
				      [8] = 8000,  [11] = 16000, [CLASSIC_OPUS] = 48000,
				      [14] = 8000};
	unsigned codec = first >> 4;
	bool is_mono = codec == 4 || codec == 5 || codec == 11;
	info->sample_rate = fixed[codec] ? fixed[codec] : rates[first >> 2 & 3];
	info->channels = is_mono ? 1 : 1 + (first & 1);
}

void audio_info_read(struct audio_info *info, struct span payload)
{
	struct frame f = frame_of_audio(payload);
	*info = (struct audio_info){.codec = f.codec};
	if (payload.n > 0 && !is_ex_audio(payload))
		classic_sound(info, payload.p[0]);
	if (!f.is_header)
		return;
	if (f.codec == FOURCC('m', 'p', '4', 'a'))
		record_read_aac(info, audio_record(payload));
	else if (f.codec == FOURCC('O', 'p', 'u', 's'))
		record_read_opus(info, audio_record(payload));
}

const char *codec_name(uint32_t codec)
{
	static const struct {
		uint32_t codec;
		const char *name;
	} names[] = {
		{FOURCC('a', 'v', 'c', '1'), "H264"}, {FOURCC('h', 'v', 'c', '1'), "HEVC"},
		{FOURCC('v', 'v', 'c', '1'), "VVC"},  {FOURCC('a', 'v', '0', '1'), "AV1"},
		{FOURCC('v', 'p', '0', '8'), "VP8"},  {FOURCC('v', 'p', '0', '9'), "VP9"},
		{FOURCC('v', 'p', '6', 'f'), "VP6"},  {FOURCC('v', 'p', '6', 'a'), "VP6"},
		{FOURCC('m', 'p', '4', 'a'), "AAC"},  {FOURCC('.', 'm', 'p', '3'), "MP3"},
		{FOURCC('O', 'p', 'u', 's'), "Opus"}, {FOURCC('f', 'L', 'a', 'C'), "FLAC"},
		{FOURCC('a', 'c', '-', '3'), "AC3"},  {FOURCC('e', 'c', '-', '3'), "EAC3"},
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].codec == codec)
			return names[i].name;
	return "Other";
}

static const char *avc_profile_name(int profile)
{
	switch (profile) {
	case 66:
		return "Baseline";
	case 77:
		return "Main";
	case 88:
		return "Extended";
	case 100:
		return "High";
	case 110:
		return "High(10)";
	case 122:
		return "High(422)";
	case 244:
		return "High(444)";
	}
	return "Other";
}

static const char *hevc_profile_name(int profile)
{
	switch (profile) {
	case 1:
		return "Main";
	case 2:
		return "Main10";
	case 3:
		return "Main Still Picture";
	case 4:
		return "Rext";
	}
	return "Other";
}

const char *video_profile_name(const struct video_info *info)
{
	if (info->codec == FOURCC('a', 'v', 'c', '1'))
		return avc_profile_name(info->profile);
	if (info->codec == FOURCC('h', 'v', 'c', '1'))
		return hevc_profile_name(info->profile);
	return "Other";
}

const char *audio_profile_name(const struct audio_info *info)
{
	if (info->codec != FOURCC('m', 'p', '4', 'a'))
		return "Other";
	switch (info->profile) {
	case 1:
		return "Main";
	case 2:
		return "LC";
	case 3:
		return "SSR";
	case 5:
		return "HE";
	case 29:
		return "HEv2";
	}
	return "Other";
}
