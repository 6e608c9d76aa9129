#include "codec/mp4.h"
#include "codec/mp4_box.h"

uint32_t mp4_timescale(const struct track *t)
{
	return t->type == MSG_VIDEO || t->sound.rate <= 0 ? 90000 : (uint32_t)t->sound.rate;
}

static void write_matrix(struct buf *b)
{
	static const uint32_t identity[9] = {0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000};
	for (size_t i = 0; i < 9; i++)
		buf_u32(b, identity[i]);
}

static void write_ftyp(struct buf *b)
{
	size_t box = box_begin(b, "ftyp");
	buf_put(b, "iso6\0\0\2\0iso6iso5cmfcmp41dashhlsf", 32);
	box_end(b, box);
}

void mp4_write_styp(struct buf *b)
{
	size_t box = box_begin(b, "styp");
	buf_put(b, "msdh\0\0\0\0msdhmsixiso6cmfc", 24);
	box_end(b, box);
}

static void write_mvhd(struct buf *b, size_t tracks)
{
	size_t box = box_begin_full(b, "mvhd", 0, 0);
	box_zeros(b, 8); /* creation, modification */
	buf_u32(b, 1000);
	buf_u32(b, 0);
	buf_u32(b, 0x10000);
	buf_u16(b, 0x100);
	box_zeros(b, 10);
	write_matrix(b);
	box_zeros(b, 24);
	buf_u32(b, (uint32_t)tracks + 1);
	box_end(b, box);
}

static void write_tkhd(struct buf *b, const struct track *t, uint32_t id)
{
	enum { ENABLED_IN_MOVIE = 3 };
	size_t box = box_begin_full(b, "tkhd", 0, ENABLED_IN_MOVIE);
	box_zeros(b, 8);
	buf_u32(b, id);
	box_zeros(b, 4 + 4 + 8 + 2 + 2); /* duration, layer, group */
	buf_u16(b, t->type == MSG_AUDIO ? 0x100 : 0);
	buf_u16(b, 0);
	write_matrix(b);
	buf_u32(b, (uint32_t)t->width << 16);
	buf_u32(b, (uint32_t)t->height << 16);
	box_end(b, box);
}

static void write_box(struct buf *b, const char *type, struct span content)
{
	size_t box = box_begin(b, type);
	buf_put(b, content.p, content.n);
	box_end(b, box);
}

/* A box whose content begins with version and flags. */
static void write_full_box(struct buf *b, const char *type, uint8_t version, struct span content)
{
	size_t box = box_begin_full(b, type, version, 0);
	buf_put(b, content.p, content.n);
	box_end(b, box);
}

/* Descriptors of ISO 14496-1 7.2.6, their sizes in four bytes. */
static size_t descriptor_begin(struct buf *b, uint8_t tag)
{
	buf_u8(b, tag);
	buf_u32(b, 0);
	return b->n;
}

static void descriptor_end(struct buf *b, size_t at)
{
	uint32_t n = (uint32_t)(b->n - at);
	box_set_u32(b, at - 4,
		    0x80808000 | (n >> 21 & 127) << 24 | (n >> 14 & 127) << 16 |
			    (n >> 7 & 127) << 8 | (n & 127));
}

static void write_esds(struct buf *b, const struct track *t)
{
	enum { AAC = 0x40, MP3_MPEG2 = 0x69, MP3_MPEG1 = 0x6B, AUDIO_STREAM = 0x15 };
	bool is_aac = t->codec == CODEC_AAC;
	size_t box = box_begin_full(b, "esds", 0, 0);
	size_t es = descriptor_begin(b, 3);
	buf_u24(b, 0); /* id, flags */
	size_t config = descriptor_begin(b, 4);
	buf_u8(b, is_aac ? AAC : t->sound.rate >= 32000 ? MP3_MPEG1 : MP3_MPEG2);
	buf_u8(b, AUDIO_STREAM);
	box_zeros(b, 11); /* buffer, bit rates */
	if (is_aac) {
		size_t specific = descriptor_begin(b, 5);
		buf_put(b, t->record.p, t->record.n);
		descriptor_end(b, specific);
	}
	descriptor_end(b, config);
	size_t sync = descriptor_begin(b, 6);
	buf_u8(b, 2);
	descriptor_end(b, sync);
	descriptor_end(b, es);
	box_end(b, box);
}

static void write_dac3(struct buf *b, const struct ac3 *a)
{
	size_t box = box_begin(b, "dac3");
	buf_u24(b, (uint32_t)a->fscod << 22 | (uint32_t)a->bsid << 17 | (uint32_t)a->bsmod << 14 |
			   (uint32_t)a->acmod << 11 | (uint32_t)a->has_lfe << 10 |
			   (uint32_t)a->rate_code << 5);
	box_end(b, box);
}

static void write_config(struct buf *b, const struct track *t)
{
	struct span record = buf_span(&t->record);
	switch (t->codec) {
	case CODEC_AVC:
		write_box(b, "avcC", record);
		break;
	case CODEC_HEVC:
		write_box(b, "hvcC", record);
		break;
	case CODEC_AV1:
		write_box(b, "av1C", record);
		break;
	case CODEC_VP9:
		write_full_box(b, "vpcC", 1, record);
		break;
	case CODEC_OPUS:
		write_box(b, "dOps", record);
		break;
	case CODEC_FLAC:
		write_full_box(b, "dfLa", 0, record);
		break;
	case CODEC_AC3:
		write_dac3(b, &t->ac3);
		break;
	default:
		write_esds(b, t);
	}
}

static void write_visual_entry(struct buf *b, const struct track *t)
{
	box_zeros(b, 16);
	buf_u16(b, (uint16_t)t->width);
	buf_u16(b, (uint16_t)t->height);
	buf_u32(b, 0x480000); /* 72 dpi */
	buf_u32(b, 0x480000);
	buf_u32(b, 0);
	buf_u16(b, 1);    /* frames a sample */
	box_zeros(b, 32); /* compressor */
	buf_u16(b, 24);
	buf_u16(b, 0xFFFF);
}

static void write_audio_entry(struct buf *b, const struct track *t)
{
	box_zeros(b, 8);
	buf_u16(b, (uint16_t)(t->sound.channels ? t->sound.channels : 2));
	buf_u16(b, 16);
	buf_u32(b, 0);
	buf_u32(b, t->sound.rate > 0xFFFF ? 0 : (uint32_t)t->sound.rate << 16);
}

static void write_stsd(struct buf *b, const struct track *t)
{
	char type[5] = {(char)(t->codec >> 24), (char)(t->codec >> 16), (char)(t->codec >> 8),
			(char)t->codec};
	size_t box = box_begin_full(b, "stsd", 0, 0);
	buf_u32(b, 1);
	size_t entry = box_begin(b, t->codec == CODEC_MP3 ? "mp4a" : type);
	box_zeros(b, 6);
	buf_u16(b, 1); /* data reference */
	if (t->type == MSG_VIDEO)
		write_visual_entry(b, t);
	else
		write_audio_entry(b, t);
	write_config(b, t);
	box_end(b, entry);
	box_end(b, box);
}

/* The tables of samples, which are empty: samples are in fragments. */
static void write_stbl(struct buf *b, const struct track *t)
{
	static const uint8_t zeros[8];
	size_t box = box_begin(b, "stbl");
	write_stsd(b, t);
	write_full_box(b, "stts", 0, span_of(zeros, 4));
	write_full_box(b, "stsc", 0, span_of(zeros, 4));
	write_full_box(b, "stsz", 0, span_of(zeros, 8));
	write_full_box(b, "stco", 0, span_of(zeros, 4));
	box_end(b, box);
}

static void write_minf(struct buf *b, const struct track *t)
{
	size_t box = box_begin(b, "minf");
	size_t head = t->type == MSG_VIDEO ? box_begin_full(b, "vmhd", 0, 1)
					   : box_begin_full(b, "smhd", 0, 0);
	box_zeros(b, t->type == MSG_VIDEO ? 8 : 4);
	box_end(b, head);
	size_t dinf = box_begin(b, "dinf");
	size_t dref = box_begin_full(b, "dref", 0, 0);
	buf_u32(b, 1);
	box_end(b, box_begin_full(b, "url ", 0, 1)); /* in this file */
	box_end(b, dref);
	box_end(b, dinf);
	write_stbl(b, t);
	box_end(b, box);
}

static void write_mdia(struct buf *b, const struct track *t)
{
	bool is_video = t->type == MSG_VIDEO;
	size_t box = box_begin(b, "mdia");
	size_t mdhd = box_begin_full(b, "mdhd", 0, 0);
	box_zeros(b, 8);
	buf_u32(b, mp4_timescale(t));
	buf_u32(b, 0);
	buf_u16(b, 0x55C4); /* language "und" */
	buf_u16(b, 0);
	box_end(b, mdhd);
	size_t hdlr = box_begin_full(b, "hdlr", 0, 0);
	buf_u32(b, 0);
	buf_put(b, is_video ? "vide" : "soun", 4);
	box_zeros(b, 12);
	buf_put(b, is_video ? "video" : "audio", 6);
	box_end(b, hdlr);
	write_minf(b, t);
	box_end(b, box);
}

static void write_trak(struct buf *b, const struct track *t, uint32_t id)
{
	size_t box = box_begin(b, "trak");
	write_tkhd(b, t, id);
	write_mdia(b, t);
	box_end(b, box);
}

static void write_trex(struct buf *b, uint32_t id)
{
	size_t box = box_begin_full(b, "trex", 0, 0);
	buf_u32(b, id);
	buf_u32(b, 1);
	box_zeros(b, 12);
	box_end(b, box);
}

void mp4_write_init(struct buf *b, const struct track *const tracks[], size_t n)
{
	write_ftyp(b);
	size_t moov = box_begin(b, "moov");
	write_mvhd(b, n);
	for (uint32_t i = 0; i < n; i++)
		write_trak(b, tracks[i], i + 1);
	size_t mvex = box_begin(b, "mvex");
	for (uint32_t i = 0; i < n; i++)
		write_trex(b, i + 1);
	box_end(b, mvex);
	box_end(b, moov);
}
