#include "codec/unpack.h"
#include "base/cur.h"
#include "codec/nal.h"
#include "codec/part.h"

enum { STAP_A = 24, FU_A = 28, AP = 48, FU = 49, LENGTH = 4 };
enum { BEGINS = 0x80, ENDS = 0x40 };       /* of a fragment */
enum { CONTINUES = 0x80, GOES_ON = 0x40 }; /* of AV1's aggregation header */
enum { DELIMITER = 2, HAS_SIZE = 2, HAS_LAYER = 4 };

void unpack_begin(struct unpack *u, uint32_t codec)
{
	u->codec = codec;
	u->in_piece = u->is_bad = false;
	u->frame_count = 0;
	u->unit.max = u->piece.max = UNPACK_UNIT_MAX;
	buf_clear(&u->unit);
	buf_clear(&u->piece);
	u->unit.bad = u->piece.bad = false;
}

void unpack_free(struct unpack *u)
{
	buf_free(&u->unit);
	buf_free(&u->piece);
	*u = (struct unpack){0};
}

/* ---- H.264 and H.265 ---- */

static void put_nal(struct unpack *u, struct span nal)
{
	buf_u32(&u->unit, (uint32_t)nal.n);
	buf_put(&u->unit, nal.p, nal.n);
}

static void take_aggregate(struct unpack *u, struct span units)
{
	struct cur c = cur_of(units.p, units.n);
	while (cur_left(&c)) {
		struct span nal = cur_bytes(&c, cur_u16(&c));
		if (cur_ok(&c) && nal.n)
			put_nal(u, nal);
	}
	u->is_bad |= !cur_ok(&c);
}

static void end_fragment(struct unpack *u)
{
	size_t n = u->unit.n - u->piece_at - LENGTH;
	u->in_piece = false;
	for (int i = 0; buf_ok(&u->unit) && i < LENGTH; i++)
		u->unit.p[u->piece_at + (size_t)i] = (uint8_t)(n >> 8 * (LENGTH - 1 - i));
}

/* `header` is that of the whole unit; a fragment that begins and ends one is against the rules, and seen. */
static void take_fragment(struct unpack *u, struct span header, uint8_t flags, struct span body)
{
	if (flags & BEGINS) {
		u->is_bad |= u->in_piece;
		u->in_piece = true;
		u->piece_at = u->unit.n;
		buf_u32(&u->unit, 0);
		buf_put(&u->unit, header.p, header.n);
	}
	u->is_bad |= !u->in_piece;
	if (u->is_bad)
		return;
	buf_put(&u->unit, body.p, body.n);
	if (flags & ENDS)
		end_fragment(u);
}

static void take_avc(struct unpack *u, struct span p)
{
	unsigned type = p.p[0] & 31;
	if (type == FU_A) {
		if (p.n < 2) {
			u->is_bad = true;
			return;
		}
		uint8_t header = (uint8_t)((p.p[0] & 0xE0) | (p.p[1] & 31));
		take_fragment(u, span_of(&header, 1), p.p[1], span_rest(p, 2));
		return;
	}
	u->is_bad |= u->in_piece || (type > STAP_A && type != FU_A) || type == 0;
	if (type == STAP_A)
		take_aggregate(u, span_rest(p, 1));
	else if (!u->is_bad)
		put_nal(u, p);
}

static void take_hevc(struct unpack *u, struct span p)
{
	unsigned type = hevc_nal_type(p);
	if (p.n < 3) {
		u->is_bad = true;
		return;
	}
	if (type == FU) {
		uint8_t header[2] = {(uint8_t)((p.p[0] & 0x81) | (p.p[2] & 63) << 1), p.p[1]};
		take_fragment(u, span_of(header, 2), p.p[2], span_rest(p, 3));
		return;
	}
	u->is_bad |= u->in_piece || type > FU;
	if (type == AP)
		take_aggregate(u, span_rest(p, 2));
	else if (!u->is_bad)
		put_nal(u, p);
}

/* ---- AV1 ---- */

static void put_leb128(struct buf *b, size_t n)
{
	for (; n >= 128; n >>= 7)
		buf_u8(b, (uint8_t)(n | 128));
	buf_u8(b, (uint8_t)n);
}

static size_t read_leb128(struct cur *c)
{
	size_t v = 0;
	for (unsigned shift = 0; shift < 35; shift += 7) {
		uint8_t byte = cur_u8(c);
		v |= (size_t)(byte & 127) << shift;
		if (byte < 128)
			return v;
	}
	c->bad = true;
	return 0;
}

static void end_obu(struct unpack *u)
{
	struct span obu = buf_span(&u->piece);
	size_t header = obu.n && obu.p[0] & HAS_LAYER ? 2 : 1;
	u->in_piece = false;
	u->is_bad |= obu.n < header || !buf_ok(&u->piece);
	if (!u->is_bad && (obu.p[0] >> 3 & 15) != DELIMITER) {
		bool sized = obu.p[0] & HAS_SIZE; /* permitted, and left as it is */
		buf_u8(&u->unit, obu.p[0] | HAS_SIZE);
		buf_put(&u->unit, obu.p + 1, header - 1);
		if (!sized)
			put_leb128(&u->unit, obu.n - header);
		buf_put(&u->unit, obu.p + header, obu.n - header);
	}
	buf_clear(&u->piece);
}

static void take_av1(struct unpack *u, struct span p)
{
	struct cur c = cur_of(p.p, p.n);
	uint8_t head = cur_u8(&c);
	unsigned count = head >> 4 & 3;
	bool continues = head & CONTINUES;
	u->is_bad |= continues != u->in_piece;
	for (unsigned i = 1; !u->is_bad && cur_left(&c); i++) {
		size_t n = count && i >= count ? cur_left(&c) : read_leb128(&c);
		struct span element = cur_bytes(&c, n);
		if (!cur_ok(&c))
			break;
		buf_put(&u->piece, element.p, element.n);
		if (cur_left(&c) || !(head & GOES_ON))
			end_obu(u);
		else
			u->in_piece = true;
	}
	u->is_bad |= !cur_ok(&c);
}

/* ---- VP9 ---- */

/* What stands in front of the frame (RFC 9628, 4.2 and 4.2.1). */
static void skip_scalability(struct cur *c)
{
	uint8_t head = cur_u8(c);
	if (head & 0x10)
		cur_skip(c, 4 * ((size_t)(head >> 5) + 1));
	for (unsigned left = head & 0x08 ? cur_u8(c) : 0; left > 0 && cur_ok(c); left--)
		cur_skip(c, cur_u8(c) >> 2 & 3);
}

static void skip_vp9_head(struct cur *c, uint8_t head)
{
	enum { NUMBERED = 0x80, INTER = 0x40, LAYERED = 0x20, FLEXIBLE = 0x10, STRUCTURE = 0x02 };
	if (head & NUMBERED && cur_u8(c) & 0x80)
		cur_skip(c, 1);
	if (head & LAYERED)
		cur_skip(c, head & FLEXIBLE ? 1 : 2);
	if ((head & FLEXIBLE) && (head & INTER))
		for (int i = 0; i < 3 && cur_u8(c) & 1; i++)
			;
	if (head & STRUCTURE)
		skip_scalability(c);
}

static void take_vp9(struct unpack *u, struct span p)
{
	enum { FIRST = 0x08, LAST = 0x04 };
	struct cur c = cur_of(p.p, p.n);
	uint8_t head = cur_u8(&c);
	skip_vp9_head(&c, head);
	u->is_bad |= !cur_ok(&c) || !(head & FIRST) != u->in_piece ||
		     u->frame_count == UNPACK_FRAMES_MAX;
	if (u->is_bad)
		return;
	struct span body = cur_bytes(&c, cur_left(&c));
	if (head & FIRST)
		u->piece_at = u->unit.n;
	buf_put(&u->unit, body.p, body.n);
	u->in_piece = !(head & LAST);
	if (head & LAST)
		u->frames[u->frame_count++] = (uint32_t)(u->unit.n - u->piece_at);
}

/* Layers of one picture are one superframe, for which decoders want to know the size of each (annex B of the
 * bitstream specification). */
static void end_vp9(struct unpack *u)
{
	enum { BYTES = 4 };
	uint8_t mark = (uint8_t)(0xC0 | (BYTES - 1) << 3 | (u->frame_count - 1));
	if (u->codec != CODEC_VP9 || u->frame_count < 2)
		return;
	buf_u8(&u->unit, mark);
	for (int i = 0; i < u->frame_count; i++)
		for (unsigned shift = 0; shift < 8 * BYTES; shift += 8)
			buf_u8(&u->unit, (uint8_t)(u->frames[i] >> shift));
	buf_u8(&u->unit, mark);
}

/* ---- all of them ---- */

void unpack_take(struct unpack *u, struct span payload)
{
	if (payload.n == 0 || u->is_bad)
		return;
	if (u->codec == CODEC_AVC)
		take_avc(u, payload);
	else if (u->codec == CODEC_HEVC)
		take_hevc(u, payload);
	else if (u->codec == CODEC_AV1)
		take_av1(u, payload);
	else if (u->codec == CODEC_VP9)
		take_vp9(u, payload);
	else
		u->is_bad = true;
}

bool unpack_end(struct unpack *u, struct span *unit)
{
	end_vp9(u);
	*unit = buf_span(&u->unit);
	return !u->is_bad && !u->in_piece && buf_ok(&u->unit);
}

bool unpack_is_first(uint32_t codec, struct span p)
{
	if (p.n == 0)
		return true;
	if (codec == CODEC_AVC)
		return (p.p[0] & 31) != FU_A || (p.n > 1 && p.p[1] & BEGINS);
	if (codec == CODEC_HEVC)
		return hevc_nal_type(p) != FU || (p.n > 2 && p.p[2] & BEGINS);
	if (codec == CODEC_VP9)
		return p.p[0] & 0x08;
	return !(p.p[0] & CONTINUES);
}
