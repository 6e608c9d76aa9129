/* H.264 and H.265 in Annex B: pieces become access units, access units become messages. */
#include "codec/elementary_parts.h"
#include "codec/nal.h"
#include "codec/param_record.h"

enum { RECORD_MAX = 65536, LENGTH = 4, TICKS = 90, HEAD_MAX = 16 };

/* What the NAL units of some bytes are. */
struct survey {
	size_t units; /* of all kinds */
	bool has_picture, has_sets, is_key;
};

static uint32_t codec_of(const struct elementary *e)
{
	return e->kind == ES_AVC ? CODEC_AVC : CODEC_HEVC;
}

/* ---- where a picture ends ---- */

/* The first slice of a picture: of H.264 that with macroblock 0 (7.4.3), of H.265 that with the flag (7.3.6.1). */
static bool is_first_slice(const struct elementary *e, struct span nal)
{
	size_t at = e->kind == ES_AVC ? 1 : 2;
	return nal.n > at && nal.p[at] & 0x80;
}

static bool is_slice(const struct elementary *e, struct span nal)
{
	unsigned type = e->kind == ES_AVC ? avc_nal_type(nal) : hevc_nal_type(nal);
	return e->kind == ES_AVC ? type >= AVC_SLICE && type <= AVC_IDR : type < HEVC_VPS;
}

/* Whether a unit behind a slice belongs to the next picture (H.264 7.4.1.2.3, H.265 7.4.2.4.4). */
static bool begins_picture(const struct elementary *e, struct span nal)
{
	enum {
		AVC_PREFIX = 14,
		AVC_PREFIX_END = 18,
		HEVC_SEI = 39,
		HEVC_RESERVED = 41,
		HEVC_RESERVED_END = 44
	};
	if (is_slice(e, nal))
		return is_first_slice(e, nal);
	if (e->kind == ES_AVC) {
		unsigned type = avc_nal_type(nal);
		return (type >= AVC_SEI && type <= AVC_AUD) ||
		       (type >= AVC_PREFIX && type <= AVC_PREFIX_END);
	}
	unsigned type = hevc_nal_type(nal);
	return (type >= HEVC_VPS && type <= HEVC_AUD) || type == HEVC_SEI ||
	       (type >= HEVC_RESERVED && type <= HEVC_RESERVED_END);
}

/* The bytes of the first picture of `rest`, with what stands in front of it. */
static struct span first_picture(const struct elementary *e, struct span rest)
{
	struct cur c = cur_of(rest.p, rest.n);
	struct span nal;
	bool has_slice = false;
	while (nal_next(&c, NAL_ANNEXB, &nal)) {
		if (has_slice && begins_picture(e, nal))
			return span_of(rest.p, (size_t)(nal.p - rest.p) - 3);
		has_slice |= is_slice(e, nal);
	}
	return rest;
}

/* ---- messages ---- */

static struct survey survey_of(const struct elementary *e, struct span unit)
{
	struct cur c = cur_of(unit.p, unit.n);
	struct survey s = {0};
	for (struct span nal; nal_next(&c, NAL_ANNEXB, &nal); s.units++) {
		struct unit_facts f = nal_facts(codec_of(e), nal);
		s.has_picture |= f.has_picture;
		s.is_key |= f.is_key;
		s.has_sets |= nal_is_set(codec_of(e), nal);
	}
	return s;
}

static void put_record(struct elementary *e, struct span unit, int64_t dts)
{
	struct buf lengths = {.max = ES_UNIT_MAX + RECORD_MAX}, record = {.max = RECORD_MAX};
	struct au au = {.type = MSG_VIDEO, .codec = codec_of(e)};
	nal_write_lengths(&lengths, unit, NAL_ANNEXB);
	if (param_record_write(&record, au.codec, buf_span(&lengths)))
		es_put_record(e, &au, &record, dts);
	buf_free(&record);
	buf_free(&lengths);
}

/* The units behind their lengths, without those that a sequence header has. */
static size_t write_units(const struct elementary *e, uint8_t *to, struct span unit)
{
	struct cur c = cur_of(unit.p, unit.n);
	uint8_t *at = to;
	for (struct span nal; nal_next(&c, NAL_ANNEXB, &nal);) {
		if (!nal_is_plain(codec_of(e), nal))
			continue;
		be_put(at, nal.n, LENGTH);
		memcpy(at + LENGTH, nal.p, nal.n);
		at += LENGTH + nal.n;
	}
	return (size_t)(at - to);
}

static void put_picture(struct elementary *e, struct span unit, const struct survey *s, int64_t dts,
			int64_t pts)
{
	struct au au = {.type = MSG_VIDEO, .is_key = s->is_key, .codec = codec_of(e)};
	struct buf head = {.max = HEAD_MAX};
	au.dts = dts / TICKS;
	au.pts = pts / TICKS;
	au_write(&head, &au);
	/* A start code has three bytes at least, a length four. */
	struct msg *m = msg_new(MSG_VIDEO, 0, head.n + unit.n + s->units);
	if (m) {
		memcpy(m->payload, head.p, head.n);
		size_t n = write_units(e, m->payload + head.n, unit);
		struct msg *fitting = msg_resize(m, head.n + n);
		m = fitting ? fitting : m;
	}
	buf_free(&head);
	e->out->counts.units += m != NULL;
	es_put_msg(e->out, m, dts);
}

static void take_picture(struct elementary *e, struct span unit, int64_t dts, int64_t pts)
{
	struct survey s = survey_of(e, unit);
	if (s.has_sets)
		put_record(e, unit, dts);
	if (!s.has_picture)
		return;
	if (e->record.n == 0) {
		e->out->counts.early++;
		return;
	}
	put_picture(e, unit, &s, dts, pts);
}

/* ---- pieces ---- */

static size_t count_pictures(const struct elementary *e, struct span rest)
{
	size_t n = 0;
	while (rest.n > 0) {
		rest = span_rest(rest, first_picture(e, rest).n);
		n++;
	}
	return n;
}

/* Several pictures with one time divide what there is until the next time. */
void es_video_end(struct elementary *e)
{
	struct span rest = buf_span(&e->bytes);
	if (!buf_ok(&e->bytes)) {
		e->out->counts.broken++;
		buf_release(&e->bytes);
		e->bytes.max = ES_UNIT_MAX;
		return;
	}
	if (rest.n == 0 || !e->has_time)
		return;
	size_t count = count_pictures(e, rest);
	for (size_t i = 0; i < count; i++) {
		struct span unit = first_picture(e, rest);
		int64_t later = e->interval * (int64_t)i / (int64_t)count;
		take_picture(e, unit, e->dts + later, e->pts + later);
		rest = span_rest(rest, unit.n);
	}
	buf_clear(&e->bytes);
}

/* Cameras send parameter sets and slices of one picture in PES packets of their own, with the same time. */
void es_video_take(struct elementary *e, struct span bytes, int64_t dts, int64_t pts)
{
	enum { INTERVAL_MAX = 90000 };
	bool is_next = dts != ES_NO_TIME &&
		       (!e->has_time || dts != e->dts || pts != e->pts || e->is_broken);
	if (is_next) {
		int64_t interval = e->has_time ? dts - e->dts : 0;
		e->interval = interval > 0 && interval < INTERVAL_MAX ? interval : e->interval;
		es_video_end(e);
		e->has_time = true;
		e->is_broken = false;
		e->dts = dts;
		e->pts = pts;
	}
	if (e->has_time && !e->is_broken)
		buf_put(&e->bytes, bytes.p, bytes.n);
}
