/* Profile and level stand in fixed places of the records; the size is in the sequence parameter
 * set (H.264 7.3.2.1.1, H.265 7.3.2.2), which is a string of Exp-Golomb codes. */
#include "codec/record.h"
#include "base/cur.h"
#include "codec/bits.h"
#include "codec/nal.h"
#include "codec/picture.h"
enum { SIZE_MAX_SANE = 65535 };

static int sane(int64_t size)
{
	return size > 0 && size <= SIZE_MAX_SANE ? (int)size : 0;
}

/* The size that is left of width and height in samples after cropping by units. */
static void set_size(struct video_info *info, struct bits *b, int64_t width, int64_t height,
		     int64_t unit_x, int64_t unit_y)
{
	if (bits_get(b, 1)) {
		int64_t left = bits_ue(b), right = bits_ue(b);
		int64_t top = bits_ue(b), bottom = bits_ue(b);
		width -= (left + right) * unit_x;
		height -= (top + bottom) * unit_y;
	}
	if (b->bad)
		return;
	info->width = sane(width);
	info->height = sane(height);
}

static bool has_chroma_format(uint32_t profile)
{
	static const uint8_t profiles[] = {100, 110, 122, 244, 44,  83, 86,
					   118, 128, 138, 139, 134, 135};
	return profile && memchr(profiles, (int)profile, sizeof(profiles));
}

static void skip_scaling_list(struct bits *b, unsigned size)
{
	int32_t last = 8, next = 8;
	for (unsigned i = 0; i < size && next != 0 && !b->bad; i++) {
		next = (int32_t)(((uint32_t)last + (uint32_t)bits_se(b)) & 255);
		last = next ? next : last;
	}
}

/* Returns ChromaArrayType. */
static uint32_t avc_chroma(struct bits *b)
{
	uint32_t format = bits_ue(b);
	uint32_t array_type = format == 3 && bits_get(b, 1) ? 0 : format;
	bits_ue(b); /* bit depths */
	bits_ue(b);
	bits_skip(b, 1); /* lossless bypass */
	if (bits_get(b, 1)) {
		unsigned lists = format == 3 ? 12 : 8;
		for (unsigned i = 0; i < lists && !b->bad; i++)
			if (bits_get(b, 1))
				skip_scaling_list(b, i < 6 ? 16 : 64);
	}
	return array_type;
}

static void avc_picture_order(struct bits *b)
{
	uint32_t type = bits_ue(b);
	if (type == 0) {
		bits_ue(b);
	} else if (type == 1) {
		bits_skip(b, 1);
		bits_se(b);
		bits_se(b);
		for (uint32_t n = bits_ue(b); n > 0 && !b->bad; n--)
			bits_se(b);
	}
}

static void avc_sps(struct video_info *info, struct span sps)
{
	struct bits b = bits_of_nal(sps);
	bits_skip(&b, 8);
	uint32_t profile = bits_get(&b, 8);
	bits_skip(&b, 16); /* constraints and level */
	bits_ue(&b);       /* id */
	uint32_t chroma = has_chroma_format(profile) ? avc_chroma(&b) : 1;
	bits_ue(&b); /* frame number bits */
	avc_picture_order(&b);
	bits_ue(&b); /* reference frames */
	bits_skip(&b, 1);
	int64_t width = ((int64_t)bits_ue(&b) + 1) * 16;
	int64_t height = ((int64_t)bits_ue(&b) + 1) * 16;
	int64_t fields = bits_get(&b, 1) ? 1 : 2;
	if (fields == 2)
		bits_skip(&b, 1);
	bits_skip(&b, 1);
	int64_t unit_x = chroma == 1 || chroma == 2 ? 2 : 1;
	int64_t unit_y = (chroma == 1 ? 2 : 1) * fields;
	set_size(info, &b, width, height * fields, unit_x, unit_y);
}

void record_read_avc(struct video_info *info, struct span record)
{
	struct cur c = cur_of(record.p, record.n);
	cur_skip(&c, 1);
	int profile = cur_u8(&c);
	cur_skip(&c, 1);
	int level = cur_u8(&c);
	if (!cur_ok(&c))
		return;
	info->profile = profile;
	info->level = level;
	cur_skip(&c, 1);
	if ((cur_u8(&c) & 31) > 0)
		avc_sps(info, cur_bytes(&c, cur_u16(&c)));
}

/* profile_tier_level() behind the general part. */
static void hevc_sub_layers(struct bits *b, uint32_t n)
{
	bool has_profile[8] = {0}, has_level[8] = {0};
	for (uint32_t i = 0; i < n; i++) {
		has_profile[i] = bits_get(b, 1);
		has_level[i] = bits_get(b, 1);
	}
	if (n > 0)
		bits_skip(b, 2 * (8 - n));
	for (uint32_t i = 0; i < n; i++)
		bits_skip(b, (has_profile[i] ? 88 : 0) + (has_level[i] ? 8 : 0));
}

static void hevc_sps(struct video_info *info, struct span sps)
{
	struct bits b = bits_of_nal(sps);
	bits_skip(&b, 16 + 4);
	uint32_t sub_layers = bits_get(&b, 3);
	bits_skip(&b, 1 + 96);
	hevc_sub_layers(&b, sub_layers);
	bits_ue(&b); /* id */
	uint32_t chroma = bits_ue(&b);
	if (chroma == 3)
		bits_skip(&b, 1);
	int64_t width = bits_ue(&b), height = bits_ue(&b);
	set_size(info, &b, width, height, chroma == 1 || chroma == 2 ? 2 : 1, chroma == 1 ? 2 : 1);
}

void record_read_hevc(struct video_info *info, struct span record)
{
	struct cur c = cur_of(record.p, record.n);
	cur_skip(&c, 1);
	int profile = cur_u8(&c) & 31;
	cur_skip(&c, 10);
	int level = cur_u8(&c);
	if (!cur_ok(&c))
		return;
	info->profile = profile;
	info->level = level;
	cur_skip(&c, 9);
	for (unsigned arrays = cur_u8(&c); arrays > 0 && cur_ok(&c); arrays--) {
		unsigned type = cur_u8(&c) & 63;
		for (unsigned n = cur_u16(&c); n > 0 && cur_ok(&c); n--) {
			struct span nal = cur_bytes(&c, cur_u16(&c));
			if (type == HEVC_SPS && cur_ok(&c)) {
				hevc_sps(info, nal);
				return;
			}
		}
	}
}

static int aac_rate(struct bits *b)
{
	static const int rates[16] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
				      22050, 16000, 12000, 11025, 8000,  7350};
	uint32_t index = bits_get(b, 4);
	return index == 15 ? (int)bits_get(b, 24) : rates[index];
}

void record_read_aac(struct audio_info *info, struct span record)
{
	static const int channels[16] = {0, 1, 2, 3, 4, 5, 6, 8, [11] = 7, [12] = 8, [14] = 8};
	struct bits b = bits_of(record);
	uint32_t object = bits_get(&b, 5);
	if (object == 31)
		object = 32 + bits_get(&b, 6);
	int rate = aac_rate(&b);
	uint32_t layout = bits_get(&b, 4);
	if (object == 5 || object == 29) /* SBR: the rate that is heard follows */
		rate = aac_rate(&b);
	if (b.bad)
		return;
	info->profile = (int)object;
	info->sample_rate = rate;
	info->channels = channels[layout];
}

void record_read_opus(struct audio_info *info, struct span record)
{
	struct cur c = cur_of(record.p, record.n);
	bool is_head = span_is(cur_bytes(&c, 8), "OpusHead");
	cur_skip(&c, 1);
	int channels = cur_u8(&c);
	info->sample_rate = 48000; /* Opus always decodes to that */
	if (is_head && cur_ok(&c))
		info->channels = channels;
}

void record_read_av1(struct video_info *info, struct span record)
{
	struct cur c = cur_of(record.p, record.n);
	cur_skip(&c, 1);
	uint8_t byte = cur_u8(&c);
	cur_skip(&c, 2);
	if (!cur_ok(&c))
		return;
	info->profile = byte >> 5;
	info->level = byte & 31;
	if (!picture_size_av1(cur_bytes(&c, cur_left(&c)), &info->width, &info->height))
		info->width = info->height = 0;
}

void record_read_vp(struct video_info *info, struct span record)
{
	static const uint8_t box[] = {1, 0, 0, 0};
	struct cur c = cur_of(record.p, record.n);
	if (record.n > sizeof(box) && memcmp(record.p, box, sizeof(box)) == 0)
		cur_skip(&c, sizeof(box));
	int profile = cur_u8(&c), level = cur_u8(&c);
	if (!cur_ok(&c))
		return;
	info->profile = profile;
	info->level = level;
}

void record_read_vp8_frame(struct video_info *info, struct span frame)
{
	struct cur c = cur_of(frame.p, frame.n);
	bool is_key = !(cur_u8(&c) & 1);
	cur_skip(&c, 2);
	bool is_start = cur_u24(&c) == 0x9D012A;
	unsigned width = cur_u8(&c);
	width |= (cur_u8(&c) & 63u) << 8;
	unsigned height = cur_u8(&c);
	height |= (cur_u8(&c) & 63u) << 8;
	if (!cur_ok(&c) || !is_key || !is_start)
		return;
	info->width = (int)width;
	info->height = (int)height;
}

void record_read_flac(struct audio_info *info, struct span record)
{
	enum { STREAMINFO = 34, RATE_AT = 10 };
	struct cur c = cur_of(record.p, record.n);
	if (record.n >= 4 && memcmp(record.p, "fLaC", 4) == 0)
		cur_skip(&c, 4);
	if (cur_left(&c) >= STREAMINFO + 4)
		cur_skip(&c, 4);
	cur_skip(&c, RATE_AT);
	struct bits b = bits_of(cur_bytes(&c, cur_left(&c)));
	int rate = (int)bits_get(&b, 20), channels = (int)bits_get(&b, 3) + 1;
	if (b.bad || !cur_ok(&c) || rate == 0)
		return;
	info->sample_rate = rate;
	info->channels = channels;
}

void record_read_eac3_frame(struct audio_info *info, struct span frame)
{
	static const int rates[4] = {48000, 44100, 32000, 0}, halves[4] = {24000, 22050, 16000, 0};
	static const uint8_t channels[8] = {2, 1, 2, 3, 3, 4, 4, 5};
	struct bits b = bits_of(frame);
	if (bits_get(&b, 16) != 0x0B77)
		return;
	bits_skip(&b, 2 + 3 + 11); /* stream type, sub-stream, size */
	unsigned fscod = bits_get(&b, 2);
	unsigned code = bits_get(&b, 2); /* of half the rates, or the number of blocks */
	unsigned acmod = bits_get(&b, 3);
	int has_lfe = (int)bits_get(&b, 1);
	int rate = fscod == 3 ? halves[code] : rates[fscod];
	if (b.bad || rate == 0)
		return;
	info->sample_rate = rate;
	info->channels = channels[acmod] + has_lfe;
}
