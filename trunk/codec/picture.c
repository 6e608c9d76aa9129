#include "codec/picture.h"
#include "base/cur.h"
#include "codec/bits.h"

enum { AV1_SEQUENCE = 1 };

static size_t leb128(struct cur *c)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < 8 && cur_ok(c); i++) {
		uint8_t byte = cur_u8(c);
		v |= (uint64_t)(byte & 127) << (7 * i);
		if (!(byte & 128))
			return v;
	}
	c->bad = true;
	return 0;
}

bool av1_next(struct cur *c, unsigned *type, struct span *obu, struct span *body)
{
	if (cur_left(c) == 0)
		return false;
	const uint8_t *start = c->p;
	uint8_t head = cur_u8(c);
	*type = head >> 3 & 15;
	if (head & 4)
		cur_skip(c, 1); /* temporal and spatial layer */
	size_t n = head & 2 ? leb128(c) : cur_left(c);
	*body = cur_bytes(c, n);
	if (!cur_ok(c) || head & 0x80)
		return false;
	*obu = span_of(start, (size_t)(c->p - start));
	return true;
}

static void skip_timing(struct bits *b, bool *has_decoder_model, unsigned *delay_bits)
{
	bits_skip(b, 64); /* units, time scale */
	if (bits_get(b, 1))
		bits_ue(b);
	*has_decoder_model = bits_get(b, 1);
	if (!*has_decoder_model)
		return;
	*delay_bits = bits_get(b, 5) + 1;
	bits_skip(b, 32 + 5 + 5);
}

static void skip_operating_points(struct bits *b, bool has_decoder_model, unsigned delay_bits)
{
	bool has_delay = bits_get(b, 1);
	for (unsigned n = bits_get(b, 5) + 1; n > 0 && !b->bad; n--) {
		bits_skip(b, 12);
		if (bits_get(b, 5) > 7)
			bits_skip(b, 1);
		if (has_decoder_model && bits_get(b, 1))
			bits_skip(b, 2 * delay_bits + 1);
		if (has_delay && bits_get(b, 1))
			bits_skip(b, 4);
	}
}

static bool sequence_size(struct span body, int *width, int *height)
{
	struct bits b = bits_of(body);
	bool has_model = false;
	unsigned delay_bits = 0;
	bits_skip(&b, 4); /* profile, still picture */
	if (bits_get(&b, 1)) {
		bits_skip(&b, 5); /* reduced header: the level alone */
	} else {
		if (bits_get(&b, 1))
			skip_timing(&b, &has_model, &delay_bits);
		skip_operating_points(&b, has_model, delay_bits);
	}
	unsigned width_bits = bits_get(&b, 4) + 1, height_bits = bits_get(&b, 4) + 1;
	*width = (int)bits_get(&b, width_bits) + 1;
	*height = (int)bits_get(&b, height_bits) + 1;
	return !b.bad;
}

bool picture_size_av1(struct span obus, int *width, int *height)
{
	struct cur c = cur_of(obus.p, obus.n);
	struct span obu, body;
	unsigned type;
	while (av1_next(&c, &type, &obu, &body))
		if (type == AV1_SEQUENCE)
			return sequence_size(body, width, height);
	return false;
}

/* Up to the colours of a key frame; false: it is none. */
static bool read_vp9_head(struct bits *b, unsigned *profile)
{
	if (bits_get(b, 2) != 2)
		return false;
	*profile = bits_get(b, 1);
	*profile |= bits_get(b, 1) << 1;
	if (*profile == 3)
		bits_skip(b, 1);
	bool is_shown_again = bits_get(b, 1), is_inter = bits_get(b, 1);
	bits_skip(b, 2);
	return !is_shown_again && !is_inter && bits_get(b, 24) == 0x498342;
}

bool picture_is_key_vp9(struct span frame)
{
	struct bits b = bits_of(frame);
	unsigned profile;
	return read_vp9_head(&b, &profile);
}

bool picture_size_vp9(struct span frame, int *width, int *height)
{
	struct bits b = bits_of(frame);
	unsigned profile;
	if (!read_vp9_head(&b, &profile))
		return false;
	if (profile >= 2)
		bits_skip(&b, 1); /* bit depth */
	bool is_rgb = bits_get(&b, 3) == 7;
	if (!is_rgb)
		bits_skip(&b, 1); /* range */
	if (profile & 1)
		bits_skip(&b, is_rgb ? 1 : 3); /* sub-sampling, reserved */
	*width = (int)bits_get(&b, 16) + 1;
	*height = (int)bits_get(&b, 16) + 1;
	return !b.bad;
}
