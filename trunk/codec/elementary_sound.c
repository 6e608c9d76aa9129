/* Sound whose frames describe themselves: pieces become frames, frames become messages with times by samples. */
#include "base/cur.h"
#include "codec/bits.h"
#include "codec/elementary_parts.h"
#include "codec/sound.h"

enum {
	CLOCK = 90000,
	HEAD_MIN = 16,
	OPUS_RATE = 48000,
	OPUS_HEAD = 19,
	G711_RATE = 8000,
	REST_MAX = 1 << 16
};

/* A frame as its header tells it. */
struct es_frame {
	size_t n, head; /* bytes of all of it; of its header, which no message has */
	unsigned rate, samples;
	uint8_t config[2]; /* AudioSpecificConfig of ADTS */
};

/* ---- headers ---- */

/* Several raw data blocks in a frame are not told apart without decoding them: nobody sends that. */
static bool read_adts(struct es_frame *f, struct span s)
{
	static const uint32_t rates[13] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
					   22050, 16000, 12000, 11025, 8000,  7350};
	struct bits b = bits_of(s);
	if (bits_get(&b, 12) != 0xFFF)
		return false;
	bits_skip(&b, 1);
	unsigned layer = bits_get(&b, 2), bare = bits_get(&b, 1);
	unsigned object = bits_get(&b, 2) + 1, index = bits_get(&b, 4);
	bits_skip(&b, 1);
	unsigned layout = bits_get(&b, 3);
	bits_skip(&b, 4);
	f->n = bits_get(&b, 13);
	bits_skip(&b, 11);
	unsigned more_blocks = bits_get(&b, 2);
	f->head = bare ? 7 : 9;
	if (b.bad || layer || index >= 13 || layout == 0 || more_blocks || f->n <= f->head)
		return false;
	f->rate = rates[index];
	f->samples = 1024;
	f->config[0] = (uint8_t)(object << 3 | index >> 1);
	f->config[1] = (uint8_t)(index << 7 | layout << 3);
	return true;
}

static bool read_latm(struct es_frame *f, struct span s)
{
	struct bits b = bits_of(s);
	if (bits_get(&b, 11) != 0x2B7)
		return false;
	f->head = 3;
	f->n = bits_get(&b, 13) + f->head;
	return !b.bad && f->n > f->head;
}

static bool read_mp3(struct es_frame *f, struct span s)
{
	struct sound sound;
	if (!sound_read_mp3(&sound, s) || sound.bytes <= 4)
		return false;
	*f = (struct es_frame){
		.n = sound.bytes, .rate = (unsigned)sound.rate, .samples = sound.samples};
	return true;
}

/* ATSC A/52 table 5.18. */
static bool read_ac3(struct es_frame *f, struct span s)
{
	static const uint16_t kbits[19] = {32,  40,  48,  56,  64,  80,  96,  112, 128, 160,
					   192, 224, 256, 320, 384, 448, 512, 576, 640};
	struct ac3 ac3;
	if (!ac3_read(&ac3, s) || ac3.rate_code >= 19)
		return false;
	unsigned rate = (unsigned)ac3.sound.rate, words = kbits[ac3.rate_code] * 96000u / rate;
	bool is_longer = rate == 44100 && s.p[4] & 1;
	*f = (struct es_frame){.n = 2 * (size_t)(words + is_longer), .rate = rate, .samples = 1536};
	return true;
}

/* ATSC A/52 E.1.2. */
static bool read_eac3(struct es_frame *f, struct span s)
{
	static const uint16_t rates[3] = {48000, 44100, 32000};
	static const uint8_t blocks[4] = {1, 2, 3, 6};
	struct bits b = bits_of(s);
	if (bits_get(&b, 16) != 0x0B77)
		return false;
	bits_skip(&b, 5);
	f->n = 2 * ((size_t)bits_get(&b, 11) + 1);
	unsigned rate = bits_get(&b, 2), half = bits_get(&b, 2);
	if (b.bad || (rate == 3 && half == 3) || f->n < HEAD_MIN)
		return false;
	f->rate = rate == 3 ? rates[half] / 2u : rates[rate];
	f->samples = 256u * (rate == 3 ? 6 : blocks[half]);
	return true;
}

/* Opus in MPEG-TS: control header (ETSI TS 103 491 annex B). */
static bool read_opus(struct es_frame *f, struct span s)
{
	struct cur c = cur_of(s.p, s.n);
	unsigned head = cur_u16(&c);
	if (head >> 5 != 0x3FF)
		return false;
	size_t size = 0;
	uint8_t byte;
	do {
		byte = cur_u8(&c);
		size += byte;
	} while (byte == 255 && cur_ok(&c));
	cur_skip(&c, (head & 0x10 ? 2 : 0) + (head & 8 ? 2 : 0));
	if (head & 4)
		cur_skip(&c, cur_u8(&c));
	if (!cur_ok(&c) || size == 0)
		return false;
	f->head = s.n - cur_left(&c);
	f->n = f->head + size;
	f->rate = OPUS_RATE;
	f->samples = cur_left(&c) ? opus_samples(span_of(c.p, cur_left(&c))) : 0;
	return true;
}

static bool read_frame(enum es_kind kind, struct es_frame *f, struct span s)
{
	*f = (struct es_frame){0};
	switch (kind) {
	case ES_ADTS:
		return read_adts(f, s);
	case ES_LATM:
		return read_latm(f, s);
	case ES_MP3:
		return read_mp3(f, s);
	case ES_AC3:
		return read_ac3(f, s);
	case ES_EAC3:
		return read_eac3(f, s);
	case ES_OPUS:
		return read_opus(f, s);
	default:
		return false;
	}
}

/* ---- messages ---- */

static uint32_t codec_of(enum es_kind kind)
{
	switch (kind) {
	case ES_MP3:
		return CODEC_MP3;
	case ES_AC3:
		return CODEC_AC3;
	case ES_EAC3:
		return CODEC_EAC3;
	case ES_OPUS:
		return CODEC_OPUS;
	case ES_ALAW:
		return CODEC_ALAW;
	case ES_ULAW:
		return CODEC_ULAW;
	default:
		return CODEC_AAC;
	}
}

/* Times of frames are counted in samples: those of PES packets are rounded, and not each frame has one. */
static void advance(struct elementary *e, unsigned samples, unsigned rate)
{
	uint64_t ticks = (uint64_t)samples * CLOCK + e->fraction;
	e->pts += (int64_t)(ticks / rate);
	e->fraction = (uint32_t)(ticks % rate);
}

static void put_config(struct elementary *e, const uint8_t config[2])
{
	struct buf record = {.max = 2};
	struct au au = {.type = MSG_AUDIO, .codec = codec_of(e->kind)};
	buf_put(&record, config, 2);
	es_put_record(e, &au, &record, e->pts);
	buf_free(&record);
}

/* The identification header (RFC 7845 5.1). */
static void put_opus_head(struct elementary *e)
{
	uint8_t head[OPUS_HEAD] = "OpusHead\1";
	struct buf record = {.max = OPUS_HEAD};
	struct au au = {.type = MSG_AUDIO, .codec = codec_of(e->kind)};
	head[9] = e->channels == 1 ? 1 : 2;
	head[12] = 0x80; /* 48000, little-endian */
	head[13] = 0xBB;
	buf_put(&record, head, sizeof(head));
	es_put_record(e, &au, &record, e->pts);
	buf_free(&record);
}

static void put_sound(struct elementary *e, struct span data)
{
	struct au au = {
		.type = MSG_AUDIO, .is_key = true, .codec = codec_of(e->kind), .data = data};
	e->out->counts.units++;
	es_put(e->out, &au, e->pts);
}

static void put_frame(struct elementary *e, const struct es_frame *f, struct span all)
{
	struct span data = span_rest(all, f->head);
	if (!e->has_time) {
		e->out->counts.skipped += all.n;
		return;
	}
	if (e->kind == ES_LATM) {
		if (!es_latm_take(e, data))
			e->out->counts.broken++;
		else if (e->latm.rate)
			advance(e, e->latm.samples * e->latm.frames, e->latm.rate);
		return;
	}
	if (e->kind == ES_ADTS)
		put_config(e, f->config);
	else if (e->kind == ES_OPUS)
		put_opus_head(e);
	put_sound(e, data);
	advance(e, f->samples, f->rate);
}

/* ---- pieces ---- */

static void set_time(struct elementary *e, size_t at)
{
	if (e->mark_pts == ES_NO_TIME || at < e->mark)
		return;
	e->pts = e->mark_pts;
	e->fraction = 0;
	e->has_time = true;
	e->mark_pts = ES_NO_TIME;
}

/* What looks like a frame while the stream is not followed is one only if another one stands behind it. */
static bool is_believed(const struct elementary *e, struct span rest, const struct es_frame *f)
{
	struct es_frame next;
	struct span behind = span_rest(rest, f->n);
	return e->in_sync || behind.n < HEAD_MIN || read_frame(e->kind, &next, behind);
}

/* Returns how many bytes are done with. */
static size_t take_frames(struct elementary *e)
{
	struct span all = buf_span(&e->bytes);
	size_t at = 0;
	while (at < all.n) {
		struct es_frame f;
		struct span rest = span_rest(all, at);
		if (rest.n < HEAD_MIN && !read_frame(e->kind, &f, rest))
			break;
		if (!read_frame(e->kind, &f, rest) || !is_believed(e, rest, &f)) {
			e->in_sync = false;
			e->out->counts.skipped++;
			at++;
			continue;
		}
		if (f.n > rest.n)
			break;
		set_time(e, at);
		put_frame(e, &f, span_head(rest, f.n));
		e->in_sync = true;
		at += f.n;
	}
	return at;
}

static void take_g711(struct elementary *e, struct span bytes)
{
	if (bytes.n == 0 || !e->has_time)
		return;
	put_sound(e, bytes);
	advance(e, (unsigned)bytes.n, G711_RATE);
}

void es_sound_take(struct elementary *e, struct span bytes, int64_t pts)
{
	if (bytes.n > REST_MAX) {
		e->out->counts.skipped += bytes.n - REST_MAX;
		bytes = span_head(bytes, REST_MAX);
	}
	if (pts != ES_NO_TIME) {
		e->mark = e->bytes.n;
		e->mark_pts = pts;
	}
	if (e->kind == ES_ALAW || e->kind == ES_ULAW) {
		set_time(e, 0);
		take_g711(e, bytes);
		return;
	}
	buf_put(&e->bytes, bytes.p, bytes.n);
	size_t done = take_frames(e);
	buf_drop(&e->bytes, done);
	e->mark = e->mark > done ? e->mark - done : 0;
}
