#include "codec/pack.h"
#include "base/vec.h"
#include "codec/nal.h"

#include <stdlib.h>

enum { GATHER_MAX = 16, TIED = 2 /* size bytes of an aggregated unit */ };

/* What differs between H.264 and H.265. */
struct kind {
	size_t header;                /* bytes of a NAL unit's own */
	unsigned aggregate, fragment; /* types of payloads */
	unsigned (*type)(struct span nal);
	void (*put_header)(uint8_t *out, unsigned type, const struct span *nals, int count);
};

/* Units that wait to go out together. */
struct gather {
	const struct kind *kind;
	struct payloads *out;
	size_t max, n; /* n: bytes as an aggregate */
	struct span nals[GATHER_MAX];
	int count;
	bool failed, has_picture;
};

uint8_t *payloads_add(struct payloads *p, size_t n)
{
	if (p->count >= PACK_PAYLOADS_MAX || n > UINT16_MAX)
		return NULL;
	size_t off = p->bytes.n;
	uint8_t *at = buf_grow(&p->bytes, n);
	if (!at)
		return NULL;
	vec_reserve(p->v, p->room, p->count + 1);
	p->v[p->count++] = (struct payload){(uint32_t)off, (uint16_t)n};
	return at;
}

void payloads_free(struct payloads *p)
{
	buf_free(&p->bytes);
	free(p->v);
	*p = (struct payloads){0};
}

/* ---- headers ---- */

/* The forbidden bit if one has it, the highest importance (RFC 6184 5.7.1). */
static void put_avc(uint8_t *out, unsigned type, const struct span *nals, int count)
{
	uint8_t forbidden = 0, importance = 0;
	for (int i = 0; i < count; i++) {
		forbidden |= nals[i].p[0] & 0x80;
		if ((nals[i].p[0] & 0x60) > importance)
			importance = nals[i].p[0] & 0x60;
	}
	out[0] = (uint8_t)(forbidden | importance | type);
}

/* The lowest layer and the lowest temporal layer (RFC 7798 4.4.2). */
static void put_hevc(uint8_t *out, unsigned type, const struct span *nals, int count)
{
	unsigned forbidden = 0, layer = 63, temporal = 7;
	for (int i = 0; i < count; i++) {
		unsigned word = (unsigned)nals[i].p[0] << 8 | nals[i].p[1];
		forbidden |= word & 0x8000;
		layer = (word >> 3 & 63) < layer ? word >> 3 & 63 : layer;
		temporal = (word & 7) < temporal ? word & 7 : temporal;
	}
	unsigned word = forbidden | type << 9 | layer << 3 | temporal;
	out[0] = (uint8_t)(word >> 8);
	out[1] = (uint8_t)word;
}

static const struct kind avc = {1, 24, 28, avc_nal_type, put_avc};
static const struct kind hevc = {2, 48, 49, hevc_nal_type, put_hevc};

/* ---- NAL units into payloads ---- */

static void put_single(struct gather *g, struct span nal)
{
	uint8_t *out = payloads_add(g->out, nal.n);
	if (out)
		memcpy(out, nal.p, nal.n);
	g->failed |= !out;
}

static void put_aggregate(struct gather *g)
{
	uint8_t *out = payloads_add(g->out, g->n);
	g->failed |= !out;
	if (!out)
		return;
	g->kind->put_header(out, g->kind->aggregate, g->nals, g->count);
	out += g->kind->header;
	for (int i = 0; i < g->count; i++) {
		struct span nal = g->nals[i];
		out[0] = (uint8_t)(nal.n >> 8);
		out[1] = (uint8_t)nal.n;
		memcpy(out + TIED, nal.p, nal.n);
		out += TIED + nal.n;
	}
}

static void flush(struct gather *g)
{
	if (g->count == 1)
		put_single(g, g->nals[0]);
	else if (g->count > 1)
		put_aggregate(g);
	g->count = 0;
	g->n = 0;
}

/* Fragments of one size, the last one may be shorter: the kernel cuts such packets out of one piece. */
static void put_fragments(struct gather *g, struct span nal)
{
	enum { BEGINS = 0x80, ENDS = 0x40 };
	size_t header = g->kind->header;
	struct span rest = span_rest(nal, header);
	size_t most = g->max - header - 1, pieces = (rest.n + most - 1) / most;
	size_t size = (rest.n + pieces - 1) / pieces;
	uint8_t flags = BEGINS;
	while (rest.n > 0) {
		size_t n = rest.n < size ? rest.n : size;
		uint8_t *out = payloads_add(g->out, header + 1 + n);
		g->failed |= !out;
		if (!out)
			return;
		flags |= n == rest.n ? ENDS : 0;
		g->kind->put_header(out, g->kind->fragment, &nal, 1);
		out[header] = (uint8_t)(flags | g->kind->type(nal));
		memcpy(out + header + 1, rest.p, n);
		rest = span_rest(rest, n);
		flags = 0;
	}
}

static void put_nal(struct gather *g, struct span nal)
{
	if (nal.n > g->max) {
		flush(g);
		put_fragments(g, nal);
		return;
	}
	if (g->count == GATHER_MAX || (g->count && g->n + TIED + nal.n > g->max))
		flush(g);
	if (g->count == 0)
		g->n = g->kind->header;
	g->n += TIED + nal.n;
	g->nals[g->count++] = nal;
}

/* ---- which units are sent ---- */

static bool is_params(const struct kind *k, struct span nal)
{
	unsigned type = k->type(nal);
	return k == &avc ? type == AVC_SPS || type == AVC_PPS
			 : type >= HEVC_VPS && type <= HEVC_PPS;
}

static bool is_sent(const struct kind *k, struct span nal, const struct pack_opts *opts)
{
	unsigned type = k->type(nal);
	if (nal.n < k->header + 1)
		return false;
	if (k == &avc)
		return type != 0 && type != AVC_AUD && type < AVC_END &&
		       (type != AVC_SEI || opts->keep_sei);
	return type < HEVC_AUD || (opts->keep_sei && (type == 39 || type == 40));
}

static bool brings_params(const struct kind *k, struct span data, unsigned form)
{
	struct cur c = cur_of(data.p, data.n);
	struct span nal;
	unsigned found = 0;
	while (nal_next(&c, form, &nal))
		if (is_params(k, nal))
			found |= 1u << k->type(nal) % 32;
	unsigned sps = k == &avc ? AVC_SPS : HEVC_SPS;
	unsigned pps = k == &avc ? AVC_PPS : HEVC_PPS;
	return (found >> sps % 32 & 1) && (found >> pps % 32 & 1);
}

static void put_params(struct gather *g, const struct au *au, const struct pack_opts *opts)
{
	struct param_walk w;
	struct span nal;
	for (param_begin(&w, au->codec, opts->record); param_next(&w, &nal);)
		if (is_params(g->kind, nal) && is_sent(g->kind, nal, opts))
			put_nal(g, nal);
}

static bool pack_nals(struct payloads *out, const struct au *au, const struct pack_opts *opts,
		      const struct kind *kind)
{
	struct gather g = {.kind = kind, .out = out, .max = opts->max};
	unsigned form = nal_form(au->data, opts->form);
	struct cur c = cur_of(au->data.p, au->data.n);
	struct span nal;
	if (au->is_key && !brings_params(kind, au->data, form))
		put_params(&g, au, opts);
	while (nal_next(&c, form, &nal))
		if (is_sent(kind, nal, opts)) {
			put_nal(&g, nal);
			g.has_picture |= !is_params(kind, nal);
		}
	flush(&g);
	return g.has_picture && !g.failed;
}

static const struct kind *kind_of(uint32_t codec)
{
	return codec == CODEC_AVC ? &avc : codec == CODEC_HEVC ? &hevc : NULL;
}

bool pack_knows(uint32_t codec)
{
	return kind_of(codec) || codec == CODEC_AV1 || codec == CODEC_VP9;
}

/* A byte in front of each piece: where a frame begins and ends, and whether it refers to others (RFC 9628, 4.2).
 * Pieces of one size, as above. */
static bool pack_vp9(struct payloads *out, const struct au *au, const struct pack_opts *opts)
{
	enum { INTER = 0x40, BEGINS = 0x08, ENDS = 0x04 };
	struct span rest = au->data;
	size_t most = opts->max - 1, pieces = (rest.n + most - 1) / most;
	uint8_t flags = BEGINS | (au->is_key ? 0 : INTER);
	size_t size = pieces ? (rest.n + pieces - 1) / pieces : 0;
	while (rest.n) {
		size_t n = rest.n < size ? rest.n : size;
		uint8_t *at = payloads_add(out, 1 + n);
		if (!at)
			return false;
		at[0] = flags | (n == rest.n ? ENDS : 0);
		memcpy(at + 1, rest.p, n);
		rest = span_rest(rest, n);
		flags &= (uint8_t)~BEGINS;
	}
	return out->count > 0;
}

bool pack_video(struct payloads *out, const struct au *au, const struct pack_opts *opts)
{
	const struct kind *kind = kind_of(au->codec);
	buf_clear(&out->bytes);
	out->bytes.bad = false;
	out->bytes.max = PACK_UNIT_MAX;
	out->count = 0;
	if (kind)
		return pack_nals(out, au, opts, kind);
	if (au->codec == CODEC_VP9)
		return pack_vp9(out, au, opts);
	return au->codec == CODEC_AV1 && pack_av1(out, au, opts);
}

/* H.264: nal_ref_idc is 0 (7.4.1). H.265: the sub-layer non-reference types are even (table 7-1). */
bool pack_is_droppable(const struct au *au, unsigned form)
{
	const struct kind *kind = kind_of(au->codec);
	struct cur c = cur_of(au->data.p, au->data.n);
	struct span nal;
	bool droppable = false;
	form = nal_form(au->data, form);
	while (kind && nal_next(&c, form, &nal)) {
		unsigned type = kind->type(nal);
		if (kind == &avc ? type < AVC_SLICE || type > AVC_IDR : type > HEVC_CRA)
			continue;
		if (kind == &avc ? nal.p[0] & 0x60 : type >= HEVC_BLA || type % 2)
			return false;
		droppable = true;
	}
	return droppable;
}
