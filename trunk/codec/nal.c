#include "codec/nal.h"
#include "codec/part.h"

/* Where the next start code begins; the end if there is none. */
static size_t find_start(struct span s, size_t from)
{
	for (size_t i = from; i + 3 <= s.n; i++) {
		const uint8_t *zero = memchr(s.p + i, 0, s.n - i);
		if (!zero)
			return s.n;
		i = (size_t)(zero - s.p);
		if (i + 3 <= s.n && s.p[i + 1] == 0 && s.p[i + 2] == 1)
			return i;
	}
	return s.n;
}

/* Zeros in front of the next start code belong to it, not to the unit (Annex B.1). */
static size_t without_trailing_zeros(const uint8_t *p, size_t n)
{
	while (n > 0 && p[n - 1] == 0)
		n--;
	return n;
}

static bool next_annexb(struct cur *c, struct span *nal)
{
	while (cur_left(c) > 0) {
		struct span rest = {c->p, c->n};
		size_t start = find_start(rest, 0);
		if (start == rest.n)
			return false;
		size_t begin = start + 3, end = find_start(rest, begin);
		cur_skip(c, end);
		nal->p = rest.p + begin;
		nal->n = without_trailing_zeros(nal->p, end - begin);
		if (nal->n > 0)
			return true;
	}
	return false;
}

bool nal_next(struct cur *c, unsigned form, struct span *nal)
{
	if (form == NAL_ANNEXB)
		return next_annexb(c, nal);
	while (cur_left(c) > 0) {
		*nal = cur_bytes(c, cur_be(c, form));
		if (cur_ok(c) && nal->n > 0)
			return true;
	}
	return false;
}

static bool fits(struct span data, unsigned form)
{
	struct cur c = cur_of(data.p, data.n);
	struct span nal;
	while (nal_next(&c, form, &nal))
		;
	return cur_ok(&c);
}

static bool has_start(struct span s)
{
	return s.n >= 4 && s.p[0] == 0 && s.p[1] == 0 &&
	       (s.p[2] == 1 || (s.p[2] == 0 && s.p[3] == 1));
}

unsigned nal_form(struct span data, unsigned form)
{
	if (form == NAL_ANNEXB || (has_start(data) && !fits(data, form)))
		return NAL_ANNEXB;
	return form;
}

void nal_write_lengths(struct buf *b, struct span data, unsigned form)
{
	struct cur c = cur_of(data.p, data.n);
	struct span nal;
	if (form == 4) {
		while (nal_next(&c, form, &nal))
			;
		if (cur_ok(&c)) { /* as most encoders send it */
			buf_put(b, data.p, data.n);
			return;
		}
		c = cur_of(data.p, data.n);
	}
	while (nal_next(&c, form, &nal)) {
		buf_u32(b, (uint32_t)nal.n);
		buf_put(b, nal.p, nal.n);
	}
}

static bool is_hevc(uint32_t codec)
{
	return codec == CODEC_HEVC;
}

enum { AVC_LENGTH_AT = 4, HEVC_LENGTH_AT = 21 };

unsigned param_form(uint32_t codec, struct span record)
{
	size_t at = is_hevc(codec) ? HEVC_LENGTH_AT : AVC_LENGTH_AT;
	if (has_start(record) || record.n <= at)
		return NAL_ANNEXB;
	return (record.p[at] & 3) + 1u;
}

void param_begin(struct param_walk *w, uint32_t codec, struct span record)
{
	*w = (struct param_walk){.c = cur_of(record.p, record.n)};
	if (has_start(record)) {
		w->layout = PARAMS_ANNEXB;
	} else if (is_hevc(codec)) {
		w->layout = PARAMS_HEVC;
		cur_skip(&w->c, HEVC_LENGTH_AT + 1);
		w->lists = cur_u8(&w->c);
	} else if (codec == CODEC_AVC) {
		w->layout = PARAMS_AVC;
		cur_skip(&w->c, AVC_LENGTH_AT + 1);
		w->units = cur_u8(&w->c) & 31; /* sequence parameter sets */
		w->lists = 1;
	} else {
		w->layout = PARAMS_NONE;
	}
}

/* The units of the lists that are empty are none. False when all lists are over. */
static bool next_list(struct param_walk *w)
{
	while (w->units == 0 && w->lists > 0 && cur_ok(&w->c)) {
		w->lists--;
		if (w->layout == PARAMS_AVC) {
			w->units = cur_u8(&w->c);
		} else {
			cur_skip(&w->c, 1);
			w->units = cur_u16(&w->c);
		}
	}
	return w->units > 0 && cur_ok(&w->c);
}

bool param_next(struct param_walk *w, struct span *nal)
{
	if (w->layout == PARAMS_NONE)
		return false;
	if (w->layout == PARAMS_ANNEXB)
		return nal_next(&w->c, NAL_ANNEXB, nal);
	while (next_list(w)) {
		w->units--;
		*nal = cur_bytes(&w->c, cur_u16(&w->c));
		if (cur_ok(&w->c) && nal->n > 0)
			return true;
	}
	return false;
}
