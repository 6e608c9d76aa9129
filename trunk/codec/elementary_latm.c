/* AAC in LATM (ISO 14496-3 1.7.3): one program of one layer, as broadcasters and cameras send it. */
#include "codec/bits.h"
#include "codec/elementary_parts.h"
#include "codec/sound.h"

enum { FRAME_MAX = 8192, CONFIG_MAX = 8, SUB_FRAMES_MAX = 64 };

/* LatmGetValue(). */
static void skip_value(struct bits *b)
{
	unsigned bytes = bits_get(b, 2) + 1;
	bits_skip(b, 8 * bytes);
}

/* Copies bits into bytes. */
static void copy_bits(struct buf *to, struct bits *b, size_t bits)
{
	for (; bits >= 8; bits -= 8)
		buf_u8(to, (uint8_t)bits_get(b, 8));
	if (bits)
		buf_u8(to, (uint8_t)(bits_get(b, (unsigned)bits) << (8 - bits)));
}

static size_t bits_read(const struct bits *b)
{
	return 8 * b->at - b->left;
}

/* GASpecificConfig (4.4.1) of the object types that cameras use. */
static bool skip_general(struct bits *b)
{
	bits_skip(b, 1);
	if (bits_get(b, 1))
		bits_skip(b, 14);
	return bits_get(b, 1) == 0;
}

/* How many bits the AudioSpecificConfig at the reader has, which says so nowhere; 0: it is none of ours. */
static size_t config_length(struct bits b)
{
	enum { SBR = 5, PARAMETRIC = 29, OTHER_RATE = 15, LTP = 4 };
	size_t from = bits_read(&b);
	unsigned object = bits_get(&b, 5);
	if (bits_get(&b, 4) == OTHER_RATE)
		bits_skip(&b, 24);
	unsigned layout = bits_get(&b, 4);
	if (object == SBR || object == PARAMETRIC) {
		if (bits_get(&b, 4) == OTHER_RATE)
			bits_skip(&b, 24);
		object = bits_get(&b, 5);
	}
	bool known = object >= 1 && object <= LTP && layout != 0 && skip_general(&b);
	return known && !b.bad ? bits_read(&b) - from : 0;
}

static bool take_config(struct elementary *e, struct bits *b)
{
	struct buf record = {.max = CONFIG_MAX};
	struct aac aac;
	size_t bits = config_length(*b);
	if (bits)
		copy_bits(&record, b, bits);
	bool ok = bits && buf_ok(&record) && aac_read(&aac, buf_span(&record));
	if (ok) {
		struct au au = {.type = MSG_AUDIO, .codec = CODEC_AAC};
		e->latm.rate = (unsigned)aac.sound.rate;
		e->latm.samples = aac.sound.samples;
		es_put_record(e, &au, &record, e->pts);
	}
	buf_free(&record);
	return ok;
}

/* What stands behind the frames and is no sound. */
static void skip_other_length(struct bits *b, bool newer)
{
	if (newer) {
		skip_value(b);
		return;
	}
	while (bits_get(b, 1) && !b->bad)
		bits_skip(b, 8);
	bits_skip(b, 8);
}

/* StreamMuxConfig. */
static bool take_mux(struct elementary *e, struct bits *b)
{
	bool newer = bits_get(b, 1);
	if (newer && bits_get(b, 1))
		return false;
	if (newer)
		skip_value(b); /* taraBufferFullness */
	bool same_framing = bits_get(b, 1);
	unsigned frames = bits_get(b, 6) + 1, programs = bits_get(b, 4), layers = bits_get(b, 3);
	if (b->bad || !same_framing || programs || layers)
		return false;
	if (newer)
		skip_value(b); /* of the configuration: it tells its own length */
	if (!take_config(e, b) || bits_get(b, 3) != 0)
		return false;
	bits_skip(b, 8); /* latmBufferFullness */
	if (bits_get(b, 1))
		skip_other_length(b, newer);
	if (bits_get(b, 1))
		bits_skip(b, 8); /* checksum */
	e->latm.frames = frames;
	e->latm.is_known = !b->bad;
	return e->latm.is_known;
}

static bool take_payload(struct elementary *e, struct bits *b, int64_t time)
{
	struct buf frame = {.max = FRAME_MAX};
	size_t n = 0;
	unsigned byte;
	do {
		byte = bits_get(b, 8);
		n += byte;
	} while (byte == 255 && !b->bad);
	bool fits = !b->bad && n > 0 && n <= FRAME_MAX;
	if (fits)
		copy_bits(&frame, b, 8 * n);
	bool ok = fits && !b->bad && buf_ok(&frame);
	if (ok) {
		struct au au = {.type = MSG_AUDIO,
				.is_key = true,
				.codec = CODEC_AAC,
				.data = buf_span(&frame)};
		e->out->counts.units++;
		es_put(e->out, &au, time);
	}
	buf_free(&frame);
	return ok;
}

bool es_latm_take(struct elementary *e, struct span element)
{
	struct bits b = bits_of(element);
	if (bits_get(&b, 1) == 0)
		e->latm.is_known = take_mux(e, &b);
	if (!e->latm.is_known)
		return false;
	for (unsigned i = 0; i < e->latm.frames; i++) {
		int64_t later = (int64_t)e->latm.samples * i * 90000 / e->latm.rate;
		if (!take_payload(e, &b, e->pts + later))
			return false;
	}
	return true;
}
