#include "codec/track.h"
#include "codec/bits.h"
#include "codec/nal.h"
#include "codec/picture.h"
#include "codec/record.h"

enum { RECORD_MAX = 65536 };

static void set(struct buf *b, struct span s)
{
	buf_clear(b);
	b->bad = false;
	b->max = RECORD_MAX;
	buf_put(b, s.p, s.n);
}

static struct span skip_box_header(struct span s)
{
	static const uint8_t version_flags[4] = {1, 0, 0, 0};
	bool has = s.n >= 12 && memcmp(s.p, version_flags, 4) == 0;
	return has ? span_of(s.p + 4, s.n - 4) : s;
}

/* An avcC of the parameter sets that an encoder has sent as Annex B. */
static void avcc_of_annexb(struct buf *b, struct span sent)
{
	for (unsigned type = AVC_SPS; type <= AVC_PPS; type++) {
		struct cur c = cur_of(sent.p, sent.n);
		struct span nal;
		size_t count_at = 0;
		while (nal_next(&c, NAL_ANNEXB, &nal)) {
			if (avc_nal_type(nal) != type || nal.n < 4 || nal.n > UINT16_MAX)
				continue;
			if (b->n == 0) {
				buf_u8(b, 1);
				buf_put(b, nal.p + 1, 3);
				buf_u16(b, 0xFFE0);
				count_at = b->n - 1;
			} else if (count_at == 0) {
				count_at = b->n;
				buf_u8(b, 0);
			}
			buf_u16(b, (uint16_t)nal.n);
			buf_put(b, nal.p, nal.n);
			if (buf_ok(b) && (b->p[count_at] & 31) < 31)
				b->p[count_at]++;
		}
		if (count_at == 0)
			return; /* a decoder needs both kinds */
	}
}

enum { AVC_RECORD_MIN = 7, HEVC_RECORD_MIN = 23, AVC_LENGTH_AT = 4, HEVC_LENGTH_AT = 21 };

static bool has_params(const struct track *t)
{
	struct param_walk w;
	struct span nal;
	unsigned n = 0;
	for (param_begin(&w, t->codec, buf_span(&t->record)); param_next(&w, &nal); n++)
		;
	return n >= 2 && cur_ok(&w.c);
}

static bool take_nal_record(struct track *t, struct span sent)
{
	bool is_avc = t->codec == CODEC_AVC;
	struct video_info info = {0};
	t->form = param_form(t->codec, sent);
	set(&t->record, sent);
	if (is_avc && t->form == NAL_ANNEXB) {
		set(&t->record, (struct span){0});
		avcc_of_annexb(&t->record, sent);
	}
	if (!buf_ok(&t->record) || t->record.n < (is_avc ? AVC_RECORD_MIN : HEVC_RECORD_MIN) ||
	    t->record.p[0] != 1)
		return false;
	t->record.p[is_avc ? AVC_LENGTH_AT : HEVC_LENGTH_AT] |= 3;
	(is_avc ? record_read_avc : record_read_hevc)(&info, buf_span(&t->record));
	t->width = info.width;
	t->height = info.height;
	return has_params(t);
}

/* An identification header (RFC 7845 5.1, little-endian) as a dOps box has it (big-endian). */
static bool take_opus(struct track *t, struct span sent)
{
	struct cur c = cur_of(sent.p, sent.n);
	set(&t->record, (struct span){0});
	t->sound = (struct sound){.rate = 48000, .channels = 2, .samples = 960};
	if (sent.n == 0) { /* permitted: stereo at 48 kHz */
		static const uint8_t usual[11] = {0, 2, 0, 0, 0, 0, 0xBB, 0x80};
		buf_put(&t->record, usual, sizeof(usual));
		return true;
	}
	if (!span_is(cur_bytes(&c, 8), "OpusHead"))
		return false;
	cur_skip(&c, 1);
	t->sound.channels = cur_u8(&c);
	buf_u8(&t->record, 0);
	buf_u8(&t->record, (uint8_t)t->sound.channels);
	buf_u16(&t->record, __builtin_bswap16(cur_u16(&c)));
	buf_u32le(&t->record, cur_u32(&c));
	buf_u16(&t->record, __builtin_bswap16(cur_u16(&c)));
	uint8_t family = cur_u8(&c);
	buf_u8(&t->record, family);
	if (family) {
		struct span table = cur_bytes(&c, 2 + (size_t)t->sound.channels);
		buf_put(&t->record, table.p, table.n);
	}
	return cur_ok(&c) && t->sound.channels > 0;
}

/* STREAMINFO (RFC 9639 8.2), with or without the marker and the header of its block. */
static bool take_flac(struct track *t, struct span sent)
{
	enum { STREAMINFO = 34 };
	struct cur c = cur_of(sent.p, sent.n);
	if (sent.n >= 4 && memcmp(sent.p, "fLaC", 4) == 0)
		cur_skip(&c, 4);
	if (cur_left(&c) >= STREAMINFO + 4)
		cur_skip(&c, 4);
	struct span info = cur_bytes(&c, STREAMINFO);
	set(&t->record, (struct span){0});
	if (!cur_ok(&c))
		return false;
	buf_u32(&t->record, 0x80000000 | STREAMINFO);
	buf_put(&t->record, info.p, info.n);
	struct bits b = bits_of(info);
	unsigned least = bits_get(&b, 16), most = bits_get(&b, 16);
	bits_skip(&b, 48);
	t->sound.samples = least == most ? most : 0;
	t->sound.rate = (int)bits_get(&b, 20);
	t->sound.channels = (int)bits_get(&b, 3) + 1;
	return t->sound.rate > 0;
}

static bool take_record(struct track *t, struct span sent)
{
	switch (t->codec) {
	case CODEC_AVC:
	case CODEC_HEVC:
		return take_nal_record(t, sent);
	case CODEC_AV1:
		set(&t->record, sent);
		if (sent.n < 4)
			return false;
		picture_size_av1(span_of(sent.p + 4, sent.n - 4), &t->width, &t->height);
		return buf_ok(&t->record);
	case CODEC_VP9:
		set(&t->record, skip_box_header(sent));
		return buf_ok(&t->record) && t->record.n >= 8;
	case CODEC_AAC:
		set(&t->record, sent);
		if (!aac_read(&t->aac, sent) || !buf_ok(&t->record))
			return false;
		t->sound = t->aac.sound;
		return true;
	case CODEC_OPUS:
		return take_opus(t, sent);
	case CODEC_FLAC:
		return take_flac(t, sent);
	}
	return false;
}

/* A unit of another codec: whatever was known is of no use. */
static void begin_codec(struct track *t, uint32_t codec)
{
	track_free(t);
	t->codec = codec;
	t->is_ready = false;
	t->width = t->height = 0;
	t->sound = (struct sound){0};
}

static bool take_header(struct track *t, const struct au *au)
{
	bool is_same = t->codec == au->codec && t->sent.n == au->data.n && t->sent.max > 0;
	if (is_same && (au->data.n == 0 || memcmp(t->sent.p, au->data.p, au->data.n) == 0))
		return false;
	bool was_ready = t->is_ready;
	begin_codec(t, au->codec);
	set(&t->sent, au->data);
	t->is_ready = buf_ok(&t->sent) && take_record(t, au->data);
	return was_ready || t->is_ready;
}

/* Codecs whose frames say all there is to know. */
static bool take_self_described(struct track *t, const struct au *au)
{
	struct sound now = {0};
	struct ac3 ac3 = {0};
	bool is_mp3 = au->codec == CODEC_MP3;
	if (!(is_mp3 ? sound_read_mp3(&now, au->data) : ac3_read(&ac3, au->data)))
		return false;
	if (!is_mp3)
		now = ac3.sound;
	if (t->is_ready && t->codec == au->codec && now.rate == t->sound.rate &&
	    now.channels == t->sound.channels)
		return false;
	begin_codec(t, au->codec);
	t->sound = now;
	t->ac3 = ac3;
	t->is_ready = true;
	return true;
}

/* VP9 may come without a header, and its size is in the key frames alone. */
static bool take_vp9(struct track *t, const struct au *au)
{
	int width = 0, height = 0;
	if (!au->is_key || !picture_size_vp9(au->data, &width, &height))
		return false;
	bool has_changed = t->codec != au->codec || width != t->width || height != t->height;
	if (t->codec != au->codec)
		begin_codec(t, au->codec);
	t->width = width;
	t->height = height;
	if (!t->is_ready) { /* profile from the frame, level unknown, 8 bits, 4:2:0 */
		uint8_t profile = (uint8_t)((au->data.p[0] >> 5 & 1) | (au->data.p[0] >> 3 & 2));
		uint8_t record[8] = {profile, 0, 0x82, 2, 2, 2};
		set(&t->record, span_of(record, sizeof(record)));
		t->is_ready = profile == 0;
	}
	return has_changed && t->is_ready;
}

bool track_take(struct track *t, const struct au *au)
{
	if (t->codec == 0) {
		t->type = au->type;
		t->id = au->track;
	}
	if (au->type != t->type || au->track != t->id)
		return false;
	if (au->is_header)
		return take_header(t, au);
	switch (au->codec) {
	case CODEC_MP3:
	case CODEC_AC3:
		return take_self_described(t, au);
	case CODEC_VP9:
		return take_vp9(t, au);
	}
	return false;
}

bool track_fits(const struct track *t, const struct au *au)
{
	return !au->is_header && t->is_ready && au->type == t->type && au->track == t->id &&
	       au->codec == t->codec && au->data.n > 0;
}

void track_free(struct track *t)
{
	buf_free(&t->sent);
	buf_free(&t->record);
	t->sent = t->record = (struct buf){0};
}

unsigned track_samples(const struct track *t, struct span data)
{
	return t->codec == CODEC_OPUS ? opus_samples(data) : t->sound.samples;
}
