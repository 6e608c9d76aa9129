#include "codec/ts_demux.h"
#include "base/cur.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { SYNC = 0x47, PID_MASK = 0x1FFF, PID_NULL = 0x1FFF, COUNTERS = 16 };

struct ts_demux *ts_demux_new(const struct ts_demux_opts *opts)
{
	struct ts_demux *d = mem_new(struct ts_demux);
	d->opts = *opts;
	return d;
}

static void stream_end(struct ts_demux_stream *s)
{
	elementary_free(&s->es);
	*s = (struct ts_demux_stream){0};
}

void ts_demux_free(struct ts_demux **demux)
{
	struct ts_demux *d = *demux;
	*demux = NULL;
	if (!d)
		return;
	stream_end(&d->video);
	stream_end(&d->sound);
	es_out_free(&d->out);
	free(d->maps);
	free(d);
}

bool ts_demux_next(struct ts_demux *d, struct msg **msg, uint32_t *raw)
{
	return es_out_next(&d->out, msg, raw);
}

/* ---- what is told ---- */

enum note { NOTE_CODEC, NOTE_MORE, NOTE_SCRAMBLED, NOTE_EMPTY, NOTE_NO_SOUND };

static void note(struct ts_demux *d, enum note which, const char *what, unsigned pid)
{
	static const char *const why[] = {
		[NOTE_CODEC] = "it has no place in our streams",
		[NOTE_MORE] = "one picture and one sound are taken",
		[NOTE_SCRAMBLED] = "it is scrambled",
		[NOTE_EMPTY] = "it has neither pictures nor sound that we know",
	};
	if (!(d->noted & 1u << which))
		snprintf(d->note, sizeof(d->note), "%s (PID %u) is left out: %s", what, pid,
			 why[which]);
	d->noted |= 1u << which;
}

/* Another sound than the one that was named is better than none. */
static void note_no_sound(struct ts_demux *d, unsigned sounds)
{
	if (!(d->noted & 1u << NOTE_NO_SOUND))
		snprintf(d->note, sizeof(d->note),
			 "sound %u was named, and its program has %u: the first one is taken",
			 d->opts.audio, sounds);
	d->noted |= 1u << NOTE_NO_SOUND;
}

bool ts_demux_note(struct ts_demux *d, char out[static TS_DEMUX_NOTE])
{
	memcpy(out, d->note, sizeof(d->note));
	*d->note = '\0';
	return *out != '\0';
}

/* ---- programs ---- */

static void set_stream(struct ts_demux *d, struct ts_demux_stream *s,
		       const struct psi_stream *found)
{
	if (!found) {
		stream_end(s);
		return;
	}
	if (s->pid == found->pid && s->es.kind == found->kind && s->es.channels == found->channels)
		return;
	elementary_end(&s->es);
	stream_end(s);
	s->pid = found->pid;
	elementary_begin(&s->es, found->kind, &d->out);
	s->es.channels = found->channels;
}

/* What is taken of a program. */
struct program_choice {
	const struct psi_stream *video, *sound;
	unsigned sounds; /* that there are */
};

static struct program_choice choose(const struct ts_demux *d, const struct psi_stream *streams,
				    size_t n)
{
	struct program_choice c = {0};
	unsigned wanted = d->opts.audio ? d->opts.audio : 1;
	for (size_t i = 0; i < n; i++) {
		if (streams[i].kind == ES_NONE)
			continue;
		if (!es_is_video(streams[i].kind))
			c.sound = ++c.sounds == wanted || !c.sound ? &streams[i] : c.sound;
		else if (!c.video)
			c.video = &streams[i];
	}
	return c;
}

static void note_rest(struct ts_demux *d, const struct psi_stream *streams, size_t n,
		      const struct program_choice *c)
{
	for (size_t i = 0; i < n; i++) {
		const struct psi_stream *s = &streams[i];
		const char *name = es_type_name(s->type);
		if (s->kind == ES_NONE && name)
			note(d, NOTE_CODEC, name, s->pid);
		else if (s->kind != ES_NONE && s != c->video && s != c->sound)
			note(d, NOTE_MORE, name ? name : "a stream", s->pid);
	}
}

/* Whether this program is, or becomes, the one that is read. */
static bool takes_program(const struct ts_demux *d, uint16_t number, const struct program_choice *c)
{
	if (d->opts.program)
		return d->opts.program == number;
	if (d->program == number)
		return true;
	return (c->video && !d->has_pictures) || (c->sound && !d->program);
}

/* The maps of several programs may share a PID. */
static bool has_program(const struct ts_demux *d, uint16_t number, uint16_t pid)
{
	for (size_t i = 0; i < d->map_count; i++)
		if (d->maps[i].program == number && d->maps[i].pid == pid)
			return true;
	return false;
}

static void take_map(struct ts_demux *d, uint16_t pid, struct span section)
{
	struct psi_stream streams[PSI_STREAMS];
	uint16_t program = (uint16_t)(section.p[3] << 8 | section.p[4]);
	size_t n;
	if (!has_program(d, program, pid) || !psi_read_pmt(section, streams, &n))
		return;
	struct program_choice c = choose(d, streams, n);
	if (!c.video && !c.sound)
		note(d, NOTE_EMPTY, "a program", pid);
	if (!takes_program(d, program, &c))
		return;
	d->program = program;
	d->has_pictures = c.video != NULL;
	set_stream(d, &d->video, c.video);
	set_stream(d, &d->sound, c.sound);
	note_rest(d, streams, n, &c);
	if (c.sounds && d->opts.audio > c.sounds)
		note_no_sound(d, c.sounds);
}

static bool same_maps(const struct ts_demux *d, const struct psi_program *found, size_t n)
{
	bool same = n == d->map_count;
	for (size_t i = 0; same && i < n; i++)
		same = d->maps[i].program == found[i].number && d->maps[i].pid == found[i].pid;
	return same;
}

static void take_programs(struct ts_demux *d, struct span section)
{
	struct psi_program found[PSI_PROGRAMS];
	size_t n;
	bool has_ours = false;
	if (!psi_read_pat(section, found, &n) || same_maps(d, found, n))
		return;
	free(d->maps);
	d->maps = mem_zalloc((n ? n : 1) * sizeof(*d->maps));
	d->map_count = n;
	for (size_t i = 0; i < n; i++) {
		d->maps[i].program = found[i].number;
		d->maps[i].pid = found[i].pid;
		has_ours |= found[i].number == d->program;
	}
	if (!has_ours) { /* another one may be read */
		d->program = 0;
		d->has_pictures = false;
	}
}

/* ---- packets ---- */

struct ts_input {
	uint16_t pid;
	uint8_t counter;
	bool is_damaged, starts, is_scrambled, has_payload, jumps;
	struct span payload;
};

static bool read_packet(struct ts_input *p, const uint8_t *bytes)
{
	enum { DAMAGED = 0x80, STARTS = 0x40, FIELD = 0x20, PAYLOAD = 0x10, DISCONTINUITY = 0x80 };
	struct cur c = cur_of(bytes, TS_DEMUX_PACKET);
	cur_skip(&c, 1);
	unsigned head = cur_u16(&c), flags = cur_u8(&c);
	*p = (struct ts_input){
		.pid = head & PID_MASK,
		.counter = flags % COUNTERS,
		.is_damaged = head >> 8 & DAMAGED,
		.starts = head >> 8 & STARTS,
		.is_scrambled = flags >> 6,
		.has_payload = flags & PAYLOAD,
	};
	if (flags & FIELD) {
		struct span field = cur_bytes(&c, cur_u8(&c));
		p->jumps = field.n > 0 && field.p[0] & DISCONTINUITY;
	}
	p->payload = span_of(c.p, cur_left(&c));
	return cur_ok(&c);
}

enum order { ORDER_NEXT, ORDER_AGAIN, ORDER_GAP };

/* What the counter says about this packet (2.4.3.3). */
static enum order order_of(const struct ts_input *p, bool *has_counter, uint8_t *counter)
{
	bool had = *has_counter;
	uint8_t before = *counter;
	*has_counter = true;
	*counter = p->counter;
	if (!had || p->jumps || p->counter == (before + 1) % COUNTERS)
		return ORDER_NEXT;
	return p->counter == before ? ORDER_AGAIN : ORDER_GAP;
}

/* ---- tables ---- */

/* Whether the packet's payload continues the table. */
static bool table_follows(struct ts_demux_table *t, const struct ts_input *p)
{
	enum order order = order_of(p, &t->has_counter, &t->counter);
	if (order == ORDER_GAP)
		t->section.begun = false;
	return order != ORDER_AGAIN;
}

static void take_pat(struct ts_demux *d, const struct ts_input *p)
{
	struct span payload = p->payload, section;
	bool starts = p->starts;
	if (!table_follows(&d->pat, p))
		return;
	while (psi_take(&d->pat.section, &payload, &starts, &section))
		take_programs(d, section);
}

static void take_pmt(struct ts_demux *d, struct ts_demux_table *map, const struct ts_input *p)
{
	struct span payload = p->payload, section;
	bool starts = p->starts;
	if (!table_follows(map, p))
		return;
	while (psi_take(&map->section, &payload, &starts, &section))
		take_map(d, map->pid, section);
}

/* ---- streams ---- */

static void lose(struct ts_demux *d, struct ts_demux_stream *s)
{
	if (!s->pid)
		return;
	d->lost++;
	s->in_packet = false;
	elementary_lost(&s->es);
}

static void give(struct ts_demux_stream *s, struct span bytes, int64_t dts, int64_t pts)
{
	if (s->is_bounded) {
		bytes = span_head(bytes, s->left);
		s->left -= bytes.n;
		s->in_packet = s->left > 0;
	}
	elementary_take(&s->es, bytes, dts, pts);
}

/* The times of a packet on the program's clock: the time of showing lies within some seconds of decoding. */
static void begin_payload(struct ts_demux *d, struct ts_demux_stream *s, const struct pes_head *h,
			  struct span bytes)
{
	int64_t dts = pes_unwrap(&d->clock, h->dts), pts = dts;
	if (dts != ES_NO_TIME) {
		struct pes_clock shown = {.begun = true, .last = dts};
		pts = pes_unwrap(&shown, h->pts);
	}
	s->is_bounded = h->is_bounded;
	s->left = h->length;
	give(s, bytes, dts, pts);
}

/* The header may stand in several packets. */
static void take_head(struct ts_demux *d, struct ts_demux_stream *s, struct span bytes)
{
	struct pes_head h;
	struct span head = span_head(bytes, sizeof(s->head) - s->head_n);
	size_t before = s->head_n;
	memcpy(s->head + before, head.p, head.n);
	s->head_n += head.n;
	enum pes_result result = pes_read(&h, span_of(s->head, s->head_n));
	if (result == PES_SHORT && s->head_n < sizeof(s->head))
		return;
	s->has_head = true;
	if (result == PES_OK && h.is_scrambled) {
		d->scrambled++;
		note(d, NOTE_SCRAMBLED, "a stream", s->pid);
	}
	s->in_packet = result == PES_OK && !h.is_scrambled && pes_has_times(h.stream_id);
	if (s->in_packet)
		begin_payload(d, s, &h, span_rest(bytes, h.n - before));
}

static void take_stream(struct ts_demux *d, struct ts_demux_stream *s, const struct ts_input *p)
{
	enum order order = order_of(p, &s->has_counter, &s->counter);
	if (order == ORDER_AGAIN)
		return;
	if (order == ORDER_GAP)
		lose(d, s);
	if (p->starts) {
		s->in_packet = true;
		s->has_head = false;
		s->head_n = 0;
	}
	if (!s->in_packet || p->payload.n == 0)
		return;
	if (s->has_head)
		give(s, p->payload, ES_NO_TIME, ES_NO_TIME);
	else
		take_head(d, s, p->payload);
}

/* ---- bytes ---- */

static struct ts_demux_table *map_by_pid(struct ts_demux *d, unsigned pid)
{
	for (size_t i = 0; i < d->map_count; i++)
		if (d->maps[i].pid == pid)
			return &d->maps[i];
	return NULL;
}

static void take_packet(struct ts_demux *d, const uint8_t *bytes)
{
	struct ts_input p;
	d->packets++;
	if (!read_packet(&p, bytes) || p.is_damaged || !p.has_payload || p.pid == PID_NULL)
		return; /* what is damaged is missing: the counter says so */
	struct ts_demux_stream *s = p.pid == 0              ? NULL
				    : p.pid == d->video.pid ? &d->video
				    : p.pid == d->sound.pid ? &d->sound
							    : NULL;
	if (p.is_scrambled) {
		d->scrambled++;
		note(d, NOTE_SCRAMBLED, "a stream", p.pid);
	} else if (s) {
		take_stream(d, s, &p);
	} else if (p.pid == 0) {
		take_pat(d, &p);
	} else {
		struct ts_demux_table *map = map_by_pid(d, p.pid);
		if (map)
			take_pmt(d, map, &p);
	}
}

/* Behind a packet another one begins; elsewhere only where one more stands behind it, if that is known. */
static bool is_packet(const struct ts_demux *d, struct span s)
{
	return s.p[0] == SYNC &&
	       (d->in_sync || s.n <= TS_DEMUX_PACKET || s.p[TS_DEMUX_PACKET] == SYNC);
}

static size_t take_some(struct ts_demux *d, struct span bytes)
{
	if (d->part_n > 0) {
		struct span more = span_head(bytes, TS_DEMUX_PACKET - d->part_n);
		memcpy(d->part + d->part_n, more.p, more.n);
		d->part_n += more.n;
		if (d->part_n == TS_DEMUX_PACKET) {
			d->part_n = 0;
			take_packet(d, d->part);
		}
		return more.n;
	}
	d->in_sync = is_packet(d, bytes);
	if (!d->in_sync) {
		d->skipped++;
		return 1;
	}
	if (bytes.n >= TS_DEMUX_PACKET) {
		take_packet(d, bytes.p);
		return TS_DEMUX_PACKET;
	}
	memcpy(d->part, bytes.p, bytes.n);
	d->part_n = bytes.n;
	return bytes.n;
}

void ts_demux_take(struct ts_demux *d, struct span bytes)
{
	while (bytes.n > 0)
		bytes = span_rest(bytes, take_some(d, bytes));
}

void ts_demux_lost(struct ts_demux *d)
{
	d->part_n = 0;
	lose(d, &d->video);
	lose(d, &d->sound);
	d->pat.section.begun = false;
	for (size_t i = 0; i < d->map_count; i++)
		d->maps[i].section.begun = false;
}

void ts_demux_end(struct ts_demux *d)
{
	elementary_end(&d->video.es);
	elementary_end(&d->sound.es);
}
