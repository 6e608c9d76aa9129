#include "codec/ps_demux.h"
#include "base/mem.h"

#include <stdlib.h>

/* The last byte of a start code: which packet it begins (2.5.3, table 2-22). */
enum code {
	CODE_FIRST = 0xB9, /* all below belong to what is inside of packets */
	CODE_END = 0xB9,
	CODE_PACK = 0xBA,
	CODE_MAP = 0xBC,
};

enum { PREFIX = 3, CODE = 4, FIXED = 6, PES_FIXED = 9, PACK_MPEG1 = 12, PACK = 14 };

static const uint8_t prefix[PREFIX] = {0, 0, 1};

struct ps_demux *ps_demux_new(void)
{
	struct ps_demux *d = mem_new(struct ps_demux);
	ps_streams_init(&d->streams);
	return d;
}

void ps_demux_free(struct ps_demux **demux)
{
	struct ps_demux *d = *demux;
	*demux = NULL;
	if (!d)
		return;
	ps_streams_free(&d->streams);
	free(d);
}

bool ps_demux_next(struct ps_demux *d, struct msg **msg, uint32_t *raw)
{
	return es_out_next(&d->streams.out, msg, raw);
}

bool ps_demux_note(struct ps_demux *d, char out[static PS_NOTE])
{
	return ps_streams_note(&d->streams, out);
}

/* ---- bodies ---- */

/* The first bytes of a packet say where it goes. */
static void give(struct ps_demux *d, struct span bytes)
{
	int64_t dts = d->dts, pts = d->pts;
	if (bytes.n == 0 || !d->carries)
		return;
	if (d->is_fresh)
		d->into = ps_streams_begin(&d->streams, d->head[PREFIX], bytes, &dts, &pts);
	if (d->into)
		elementary_take(d->into, bytes, dts, pts);
	d->is_fresh = false;
	d->dts = d->pts = ES_NO_TIME;
}

/* What looked like the beginning of a start code was none. */
static void give_held(struct ps_demux *d)
{
	size_t n = d->held;
	d->held = 0;
	give(d, span_of(prefix, n));
}

/* No packet stands where one must: what follows makes sense from the next pack on. */
static void seek(struct ps_demux *d)
{
	d->broken++;
	d->held = 0;
	d->state = PS_SEEKING;
	ps_streams_lost(&d->streams);
}

static void begin_packet(struct ps_demux *d, uint8_t code)
{
	memcpy(d->head, prefix, PREFIX);
	d->head[PREFIX] = code;
	d->head_n = CODE;
	d->held = 0;
	d->state = PS_HEAD;
}

/* How many of the last bytes could be the beginning of a start code. */
static size_t held_of(struct span s)
{
	for (size_t n = s.n < PREFIX ? s.n : PREFIX; n > 0; n--)
		if (memcmp(s.p + s.n - n, prefix, n) == 0)
			return n;
	return 0;
}

/* The next start code of a packet; NULL: there is none, but its beginning may stand at the end. */
static const uint8_t *find_code(struct span s)
{
	const uint8_t *at = s.p, *end = s.p + s.n;
	while (end - at >= CODE) {
		const uint8_t *one = memchr(at + 2, 1, (size_t)(end - at) - CODE + 1);
		if (!one)
			return NULL;
		if (!one[-1] && !one[-2] && one[1] >= CODE_FIRST)
			return one - 2;
		at = one - 1;
	}
	return NULL;
}

/* With the beginning of a start code at the end of the piece before: true when a packet begins here. */
static bool resolve(struct ps_demux *d, struct span *s)
{
	while (d->held > 0 && s->n > 0) {
		uint8_t byte = *s->p;
		if (d->held == PREFIX && byte >= CODE_FIRST)
			return true;
		if (d->held < PREFIX && byte == prefix[d->held]) {
			d->held++;
		} else if (d->held == 2 && byte == 0) {
			give(d, span_of(prefix, 1));
		} else {
			give_held(d);
			break;
		}
		*s = span_rest(*s, 1);
	}
	return false;
}

/* Of pictures: no unit of H.264 or H.265 has the start code of a packet within it, so that one ends the body even
 * where its length is wrong. Returns the bytes that are done with. */
static size_t take_pictures(struct ps_demux *d, struct span all)
{
	struct span s = d->is_bounded ? span_head(all, d->left) : all;
	struct span rest = s;
	bool found = resolve(d, &rest);
	if (!found && rest.n > 0) {
		const uint8_t *code = find_code(rest);
		found = code != NULL;
		d->held = found ? 0 : held_of(rest);
		give(d, span_head(rest, found ? (size_t)(code - rest.p) : rest.n - d->held));
		rest = found ? span_rest(rest, (size_t)(code - rest.p) + PREFIX)
			     : span_of(rest.p + rest.n, 0);
	}
	size_t done = s.n - rest.n;
	d->left -= d->is_bounded ? done : 0;
	if (found) {
		if (d->is_bounded) { /* it was cut off */
			d->broken++;
			ps_streams_lost(&d->streams);
		}
		begin_packet(d, *rest.p);
		return done + 1;
	}
	if (d->is_bounded && d->left == 0) {
		give_held(d);
		d->state = PS_BETWEEN;
	}
	return done;
}

static size_t take_body(struct ps_demux *d, struct span s)
{
	if (ps_is_video(d->head[PREFIX]))
		return take_pictures(d, s);
	s = span_head(s, d->left);
	give(d, s);
	d->left -= s.n;
	if (d->left == 0)
		d->state = PS_BETWEEN;
	return s.n;
}

/* Which has so many bytes, or ends where a packet begins. */
static void begin_body(struct ps_demux *d, bool is_bounded, size_t length)
{
	d->into = NULL;
	d->is_fresh = d->carries;
	d->is_bounded = is_bounded;
	d->left = length;
	bool has_body = is_bounded ? length > 0 : ps_is_video(d->head[PREFIX]);
	d->state = has_body ? PS_BODY : PS_BETWEEN;
}

/* ---- heads ---- */

/* How many bytes the head has, as far as that is known; 0: it is none. */
static size_t head_size(const struct ps_demux *d)
{
	enum { KIND = 5, MPEG1 = 0x20, MPEG1_MASK = 0xF0, STUFFING = 7 };
	const uint8_t *p = d->head;
	unsigned code = p[PREFIX];
	if (code == CODE_END)
		return CODE;
	if (code == CODE_PACK) {
		if (d->head_n < KIND)
			return KIND;
		if ((p[CODE] & MPEG1_MASK) == MPEG1)
			return PACK_MPEG1;
		if (p[CODE] >> 6 != 1)
			return 0;
		return d->head_n < PACK ? PACK : PACK + (p[PACK - 1] & STUFFING);
	}
	if (d->head_n < FIXED)
		return FIXED;
	if (code == CODE_MAP)
		return FIXED + (size_t)(p[4] << 8 | p[5]);
	if (!pes_has_times(code))
		return FIXED;
	return d->head_n < PES_FIXED ? PES_FIXED : PES_FIXED + p[PES_FIXED - 1];
}

static void take_pes(struct ps_demux *d)
{
	struct pes_head h;
	if (pes_read(&h, span_of(d->head, d->head_n)) != PES_OK) {
		seek(d);
		return;
	}
	if (h.is_scrambled)
		ps_streams_scrambled(&d->streams);
	d->carries = !h.is_scrambled;
	d->dts = h.dts;
	d->pts = h.pts;
	begin_body(d, h.is_bounded, h.length);
}

static void skip_packet(struct ps_demux *d)
{
	d->carries = false;
	begin_body(d, true, (size_t)(d->head[4] << 8 | d->head[5]));
}

static void end_head(struct ps_demux *d)
{
	switch (d->head[PREFIX]) {
	case CODE_PACK:
		d->packs++;
		d->state = PS_BETWEEN;
		break;
	case CODE_END:
		d->state = PS_BETWEEN;
		break;
	case CODE_MAP:
		d->broken +=
			!ps_streams_map(&d->streams, span_of(d->head + FIXED, d->head_n - FIXED));
		d->state = PS_BETWEEN;
		break;
	default:
		if (pes_has_times(d->head[PREFIX]))
			take_pes(d);
		else
			skip_packet(d);
	}
}

static size_t take_head(struct ps_demux *d, struct span s)
{
	size_t size = head_size(d);
	if (size == 0 || size > sizeof(d->head)) {
		seek(d);
		return 0;
	}
	struct span part = span_head(s, size - d->head_n);
	memcpy(d->head + d->head_n, part.p, part.n);
	d->head_n += part.n;
	if (d->head_n == size && head_size(d) == size)
		end_head(d);
	return part.n;
}

/* ---- bytes ---- */

/* Looks for the next pack. */
static size_t take_sought(struct ps_demux *d, struct span s)
{
	uint8_t byte = *s.p;
	if (d->held == PREFIX && byte == CODE_PACK)
		begin_packet(d, byte);
	else if (d->held < PREFIX && byte == prefix[d->held])
		d->held++;
	else if (byte == 0)
		d->held = d->held == 2 ? 2 : 1;
	else
		d->held = 0;
	return 1;
}

/* Zeros may stand in front of a start code; nothing else may. */
static size_t take_between(struct ps_demux *d, struct span s)
{
	uint8_t byte = *s.p;
	if (d->held == PREFIX && byte >= CODE_FIRST)
		begin_packet(d, byte);
	else if (d->held < PREFIX && byte == prefix[d->held])
		d->held++;
	else if (byte != 0 || d->held != 2)
		seek(d);
	return 1;
}

static size_t take_some(struct ps_demux *d, struct span s)
{
	switch (d->state) {
	case PS_SEEKING:
		return take_sought(d, s);
	case PS_BETWEEN:
		return take_between(d, s);
	case PS_HEAD:
		return take_head(d, s);
	default:
		return take_body(d, s);
	}
}

void ps_demux_take(struct ps_demux *d, struct span bytes, int64_t carried)
{
	d->streams.carried = carried;
	while (bytes.n > 0)
		bytes = span_rest(bytes, take_some(d, bytes));
}

void ps_demux_take_sound(struct ps_demux *d, enum es_kind kind, struct span frames)
{
	if (d->into == &d->streams.sound.es)
		d->into = NULL;
	ps_streams_take_sound(&d->streams, kind, frames);
}

void ps_demux_lost(struct ps_demux *d)
{
	d->state = PS_SEEKING;
	d->held = 0;
	ps_streams_lost(&d->streams);
}

void ps_demux_end(struct ps_demux *d)
{
	ps_streams_end(&d->streams);
}
