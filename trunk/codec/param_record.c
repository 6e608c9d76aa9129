#include "codec/param_record.h"
#include "codec/bits.h"
#include "codec/nal.h"
#include "codec/part.h"
#include "codec/picture.h"

enum { LENGTHS = 4, SETS_MAX = 31, AV1_SEQUENCE = 1, AV1_FRAME_HEADER = 3, AV1_FRAME = 6 };

static bool next_nal(struct cur *c, struct span *nal)
{
	return nal_next(c, LENGTHS, nal);
}

/* ---- what a picture is ---- */

static unsigned nal_type(uint32_t codec, struct span nal)
{
	return codec == CODEC_AVC ? avc_nal_type(nal) : hevc_nal_type(nal);
}

struct unit_facts nal_facts(uint32_t codec, struct span nal)
{
	unsigned type = nal_type(codec, nal);
	if (codec == CODEC_AVC)
		return (struct unit_facts){.is_key = type == AVC_IDR,
					   .has_picture = type >= AVC_SLICE && type <= AVC_IDR};
	return (struct unit_facts){.is_key = type >= HEVC_BLA && type <= HEVC_CRA,
				   .has_picture = type < HEVC_VPS};
}

static struct unit_facts nals_facts(uint32_t codec, struct span unit)
{
	struct cur c = cur_of(unit.p, unit.n);
	struct unit_facts facts = {0};
	struct span nal;
	while (next_nal(&c, &nal)) {
		struct unit_facts f = nal_facts(codec, nal);
		facts.has_picture |= f.has_picture;
		facts.is_key |= f.is_key;
	}
	return facts;
}

/* Encoders for WebRTC send a sequence header with each key frame and with nothing else. */
static struct unit_facts av1_facts(struct span unit)
{
	struct cur c = cur_of(unit.p, unit.n);
	struct unit_facts facts = {0};
	struct span obu, body;
	unsigned type;
	while (av1_next(&c, &type, &obu, &body)) {
		facts.is_key |= type == AV1_SEQUENCE;
		facts.has_picture |= type == AV1_FRAME || type == AV1_FRAME_HEADER;
	}
	return facts;
}

struct unit_facts unit_facts(uint32_t codec, struct span unit)
{
	if (codec == CODEC_VP9)
		return (struct unit_facts){.is_key = picture_is_key_vp9(unit),
					   .has_picture = unit.n > 0};
	return codec == CODEC_AVC || codec == CODEC_HEVC ? nals_facts(codec, unit)
							 : av1_facts(unit);
}

/* ---- records ---- */

/* The sets of one type, each behind its length of two bytes; returns how many. */
static unsigned put_sets(struct buf *out, uint32_t codec, struct span unit, unsigned type,
			 struct span *first)
{
	struct cur c = cur_of(unit.p, unit.n);
	struct span nal;
	unsigned n = 0;
	while (n < SETS_MAX && next_nal(&c, &nal)) {
		if (nal_type(codec, nal) != type || nal.n > UINT16_MAX)
			continue;
		if (n++ == 0)
			*first = nal;
		buf_u16(out, (uint16_t)nal.n);
		buf_put(out, nal.p, nal.n);
	}
	return n;
}

static bool write_avc(struct buf *out, struct span unit)
{
	struct buf sps = {.max = UINT16_MAX}, pps = {.max = UINT16_MAX};
	struct span first = {0}, unused;
	unsigned spss = put_sets(&sps, CODEC_AVC, unit, AVC_SPS, &first);
	unsigned ppss = put_sets(&pps, CODEC_AVC, unit, AVC_PPS, &unused);
	bool ok = spss && ppss && first.n >= 4 && buf_ok(&sps) && buf_ok(&pps);
	if (ok) {
		buf_u8(out, 1);
		buf_put(out, first.p + 1, 3);
		buf_u8(out, 0xFC | (LENGTHS - 1));
		buf_u8(out, (uint8_t)(0xE0 | spss));
		buf_put(out, sps.p, sps.n);
		buf_u8(out, (uint8_t)ppss);
		buf_put(out, pps.p, pps.n);
	}
	buf_free(&sps);
	buf_free(&pps);
	return ok && buf_ok(out);
}

/* Profile, tier and level of an SPS, without emulation bytes, and what the record has of its pictures
 * (H.265 7.3.2.2). */
static void put_hevc_head(struct buf *out, struct span sps)
{
	enum { GENERAL = 12 };
	struct bits b = bits_of_nal(span_rest(sps, 2));
	bits_skip(&b, 4);
	unsigned layers = bits_get(&b, 3), nested = bits_get(&b, 1);
	buf_u8(out, 1);
	for (int i = 0; i < GENERAL; i++)
		buf_u8(out, (uint8_t)bits_get(&b, 8));
	unsigned has_profile = 0, has_level = 0;
	for (unsigned i = 0; i < layers; i++) {
		has_profile |= bits_get(&b, 1) << i;
		has_level |= bits_get(&b, 1) << i;
	}
	if (layers)
		bits_skip(&b, 2 * (8 - layers));
	for (unsigned i = 0; i < layers; i++)
		bits_skip(&b, (has_profile >> i & 1) * 88 + (has_level >> i & 1) * 8);
	bits_ue(&b);
	unsigned chroma = bits_ue(&b);
	if (chroma == 3)
		bits_skip(&b, 1);
	bits_ue(&b);
	bits_ue(&b);
	if (bits_get(&b, 1))
		for (int i = 0; i < 4; i++)
			bits_ue(&b);
	unsigned luma = bits_ue(&b), depth = bits_ue(&b);
	buf_u16(out, 0xF000); /* no spatial segmentation */
	buf_u8(out, 0xFC);
	buf_u8(out, (uint8_t)(0xFC | (chroma & 3)));
	buf_u8(out, (uint8_t)(0xF8 | (luma & 7)));
	buf_u8(out, (uint8_t)(0xF8 | (depth & 7)));
	buf_u16(out, 0); /* frame rate unknown */
	buf_u8(out, (uint8_t)((layers + 1) << 3 | nested << 2 | (LENGTHS - 1)));
}

static bool write_hevc(struct buf *out, struct span unit)
{
	struct span firsts[3] = {{0}};
	struct buf lists = {.max = UINT16_MAX};
	bool ok = true;
	for (unsigned i = 0; i < 3; i++) {
		struct buf sets = {.max = UINT16_MAX};
		unsigned n = put_sets(&sets, CODEC_HEVC, unit, HEVC_VPS + i, &firsts[i]);
		ok = ok && n && buf_ok(&sets);
		buf_u8(&lists, (uint8_t)(0x80 | (HEVC_VPS + i))); /* there are no others */
		buf_u16(&lists, (uint16_t)n);
		buf_put(&lists, sets.p, sets.n);
		buf_free(&sets);
	}
	if (ok && buf_ok(&lists)) {
		put_hevc_head(out, firsts[1]);
		buf_u8(out, 3);
		buf_put(out, lists.p, lists.n);
	}
	ok = ok && buf_ok(&lists);
	buf_free(&lists);
	return ok && buf_ok(out);
}

/* The level of the first operating point (AV1 5.5.1). Pictures for WebRTC have 8 bits, 4:2:0. */
static bool write_av1(struct buf *out, struct span unit)
{
	struct cur c = cur_of(unit.p, unit.n);
	struct span obu, body;
	unsigned type;
	while (av1_next(&c, &type, &obu, &body)) {
		if (type != AV1_SEQUENCE)
			continue;
		struct bits b = bits_of(body);
		unsigned profile = bits_get(&b, 3), level = 0, tier = 0;
		bits_skip(&b, 1);
		bool reduced = bits_get(&b, 1), has_timing = !reduced && bits_get(&b, 1);
		if (reduced) {
			level = bits_get(&b, 5);
		} else if (!has_timing) {
			bits_skip(&b, 1 + 5 + 12);
			level = bits_get(&b, 5);
			tier = level > 7 ? bits_get(&b, 1) : 0;
		} else {
			level = 8; /* 4.0 */
		}
		buf_u8(out, 0x81);
		buf_u8(out, (uint8_t)(profile << 5 | level));
		buf_u8(out, (uint8_t)(tier << 7 | 0x0C));
		buf_u8(out, 0);
		buf_put(out, obu.p, obu.n);
		return buf_ok(out) && !b.bad;
	}
	return false;
}

/* The lowest level that has room for such pictures (VP9 bitstream specification, annex A). */
static uint8_t vp9_level(int width, int height)
{
	static const struct {
		int64_t samples;
		uint8_t level;
	} levels[] = {{36864, 10},  {73728, 11},   {122880, 20},  {245760, 21},  {552960, 30},
		      {983040, 31}, {2228224, 40}, {8912896, 50}, {35651584, 60}};
	size_t i = 0;
	while (i + 1 < sizeof(levels) / sizeof(levels[0]) &&
	       (int64_t)width * height > levels[i].samples)
		i++;
	return levels[i].level;
}

/* VPCodecConfigurationRecord: what a key frame says of its pictures. Those for WebRTC are of profile 0, or of
 * profile 2 with ten bits. */
static bool write_vp9(struct buf *out, struct span unit)
{
	int width, height;
	if (!picture_size_vp9(unit, &width, &height))
		return false;
	uint8_t profile = (uint8_t)((unit.p[0] >> 5 & 1) | (unit.p[0] >> 3 & 2));
	unsigned depth = profile >= 2 ? 10 : 8, chroma = profile & 1 ? 3 : 1;
	buf_u8(out, profile);
	buf_u8(out, vp9_level(width, height));
	buf_u8(out, (uint8_t)(depth << 4 | chroma << 1));
	buf_u24(out, 0x020202); /* colours are not said */
	buf_u16(out, 0);
	return buf_ok(out);
}

bool param_record_write(struct buf *record, uint32_t codec, struct span unit)
{
	return codec == CODEC_AVC    ? write_avc(record, unit)
	       : codec == CODEC_HEVC ? write_hevc(record, unit)
	       : codec == CODEC_VP9  ? write_vp9(record, unit)
				     : write_av1(record, unit);
}

/* ---- as by RTMP ---- */

bool nal_is_set(uint32_t codec, struct span nal)
{
	unsigned type = nal_type(codec, nal);
	return codec == CODEC_AVC ? type == AVC_SPS || type == AVC_PPS
				  : type >= HEVC_VPS && type <= HEVC_PPS;
}

bool nal_is_plain(uint32_t codec, struct span nal)
{
	unsigned type = nal_type(codec, nal);
	if (codec == CODEC_AVC)
		return type < AVC_SPS;
	return type < HEVC_VPS || type > HEVC_FILLER;
}

void unit_write_plain(struct buf *out, uint32_t codec, struct span unit)
{
	struct cur c = cur_of(unit.p, unit.n);
	struct span nal;
	if (codec != CODEC_AVC && codec != CODEC_HEVC) {
		buf_put(out, unit.p, unit.n);
		return;
	}
	while (next_nal(&c, &nal)) {
		if (!nal_is_plain(codec, nal))
			continue;
		buf_u32(out, (uint32_t)nal.n);
		buf_put(out, nal.p, nal.n);
	}
}
