#include "codec/sample.h"
#include "codec/nal.h"
#include "codec/picture.h"

static const uint8_t avc_delimiter[] = {0, 0, 0, 1, AVC_AUD, 0xF0};
static const uint8_t hevc_delimiter[] = {0, 0, 0, 1, HEVC_AUD << 1, 1, 0x50};

struct nal_kind {
	bool is_picture, is_random, is_sps, is_delimiter, is_filler;
};

static struct nal_kind avc_kind(struct span nal)
{
	unsigned type = avc_nal_type(nal);
	return (struct nal_kind){
		.is_picture = type >= AVC_SLICE && type <= AVC_IDR,
		.is_random = type == AVC_IDR,
		.is_sps = type == AVC_SPS,
		.is_delimiter = type == AVC_AUD || type == AVC_END || type == AVC_END_STREAM,
		.is_filler = type == AVC_FILLER,
	};
}

static struct nal_kind hevc_kind(struct span nal)
{
	unsigned type = hevc_nal_type(nal);
	return (struct nal_kind){
		.is_picture = type < HEVC_VPS,
		.is_random = type >= HEVC_BLA && type < 24,
		.is_sps = type == HEVC_SPS,
		.is_delimiter = type == HEVC_AUD || type == HEVC_EOS || type == HEVC_EOB,
		.is_filler = type == HEVC_FILLER,
	};
}

static bool is_hevc(const struct track *t)
{
	return t->codec == CODEC_HEVC;
}

static bool has_nals(const struct track *t)
{
	return is_hevc(t) || t->codec == CODEC_AVC;
}

static struct nal_kind kind_of(const struct track *t, struct span nal)
{
	return is_hevc(t) ? hevc_kind(nal) : avc_kind(nal);
}

static void put_annexb(struct buf *b, struct span nal)
{
	buf_u32(b, 1);
	buf_put(b, nal.p, nal.n);
}

static void put_params(struct buf *b, const struct track *t)
{
	struct param_walk w;
	struct span nal;
	for (param_begin(&w, t->codec, buf_span(&t->record)); param_next(&w, &nal);)
		put_annexb(b, nal);
}

/* What is in the unit at all, before anything is written. */
static struct nal_kind survey(const struct track *t, struct span data, unsigned form)
{
	struct cur c = cur_of(data.p, data.n);
	struct nal_kind all = {0};
	for (struct span nal; nal_next(&c, form, &nal);) {
		struct nal_kind kind = kind_of(t, nal);
		all.is_picture |= kind.is_picture;
		all.is_random |= kind.is_random;
		all.is_sps |= kind.is_sps;
	}
	return all;
}

static bool write_annexb(struct buf *b, const struct track *t, const struct au *au)
{
	unsigned form = nal_form(au->data, t->form);
	struct nal_kind all = survey(t, au->data, form);
	struct cur c = cur_of(au->data.p, au->data.n);
	if (!all.is_picture)
		return false;
	if (is_hevc(t))
		buf_put(b, hevc_delimiter, sizeof(hevc_delimiter));
	else
		buf_put(b, avc_delimiter, sizeof(avc_delimiter));
	if ((au->is_key || all.is_random) && !all.is_sps)
		put_params(b, t);
	for (struct span nal; nal_next(&c, form, &nal);) {
		struct nal_kind kind = kind_of(t, nal);
		if (!kind.is_delimiter && !kind.is_filler)
			put_annexb(b, nal);
	}
	return true;
}

static bool write_lengths(struct buf *b, const struct track *t, const struct au *au)
{
	unsigned form = nal_form(au->data, t->form);
	struct cur c = cur_of(au->data.p, au->data.n);
	if (!survey(t, au->data, form).is_picture)
		return false;
	for (struct span nal; nal_next(&c, form, &nal);) {
		struct nal_kind kind = kind_of(t, nal);
		if (kind.is_delimiter || kind.is_filler)
			continue;
		buf_u32(b, (uint32_t)nal.n);
		buf_put(b, nal.p, nal.n);
	}
	return true;
}

/* The control header (Opus in MPEG-TS, ETSI TS 103 491 annex): the size as a sum of bytes. */
static bool write_opus_ts(struct buf *b, struct span packet)
{
	size_t n = packet.n;
	buf_u16(b, 0x7FE0);
	for (; n >= 255; n -= 255)
		buf_u8(b, 255);
	buf_u8(b, (uint8_t)n);
	buf_put(b, packet.p, packet.n);
	return true;
}

bool sample_write_ts(struct buf *b, const struct track *t, const struct au *au)
{
	if (!track_fits(t, au))
		return false;
	if (has_nals(t))
		return write_annexb(b, t, au);
	if (t->codec == CODEC_AAC)
		return aac_write_adts(b, &t->aac, au->data);
	if (t->codec == CODEC_OPUS)
		return write_opus_ts(b, au->data);
	buf_put(b, au->data.p, au->data.n);
	return true;
}

static bool write_obus(struct buf *b, struct span data)
{
	enum { TEMPORAL_DELIMITER = 2 };
	struct cur c = cur_of(data.p, data.n);
	struct span obu, body;
	unsigned type;
	size_t before = b->n;
	while (av1_next(&c, &type, &obu, &body))
		if (type != TEMPORAL_DELIMITER)
			buf_put(b, obu.p, obu.n);
	return b->n > before;
}

bool sample_write_mp4(struct buf *b, const struct track *t, const struct au *au)
{
	if (!track_fits(t, au))
		return false;
	if (has_nals(t))
		return write_lengths(b, t, au);
	if (t->codec == CODEC_AV1)
		return write_obus(b, au->data);
	buf_put(b, au->data.p, au->data.n);
	return true;
}

bool sample_fits_ts(const struct track *t)
{
	switch (t->is_ready ? t->codec : 0) {
	case CODEC_AVC:
	case CODEC_HEVC:
	case CODEC_MP3:
	case CODEC_AC3:
		return true;
	case CODEC_OPUS:
		return t->sound.channels <= 2;
	case CODEC_AAC:
		return aac_fits_adts(&t->aac);
	}
	return false;
}

bool sample_fits_mp4(const struct track *t)
{
	return t->is_ready;
}
