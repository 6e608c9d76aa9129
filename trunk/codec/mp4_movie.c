#include "codec/mp4_movie.h"
#include "codec/mp4_box.h"

enum { TABLE_MAX = 32 << 20, MOVIE_SCALE = 1000, DEPTH_MAX = 3 }; /* moov, trak, mdia, minf */

static void begin_track(struct mp4_movie_track *t, uint32_t timescale)
{
	t->timescale = timescale;
	t->durations.pairs.max = t->offsets.pairs.max = TABLE_MAX;
	t->sizes.max = t->key_numbers.max = t->chunk_sizes.max = t->chunk_places.max = TABLE_MAX;
}

bool mp4_movie_begin(struct mp4_movie *m, struct span init)
{
	struct mp4_init_facts facts;
	if (!mp4_read_init(&facts, init))
		return false;
	m->init = init;
	m->count = facts.tracks;
	for (size_t i = 0; i < m->count; i++)
		begin_track(&m->tracks[i], facts.timescales[i]);
	return true;
}

void mp4_movie_fini(struct mp4_movie *m)
{
	for (size_t i = 0; i < m->count; i++) {
		struct mp4_movie_track *t = &m->tracks[i];
		buf_free(&t->durations.pairs);
		buf_free(&t->offsets.pairs);
		buf_free(&t->sizes);
		buf_free(&t->key_numbers);
		buf_free(&t->chunk_sizes);
		buf_free(&t->chunk_places);
	}
	*m = (struct mp4_movie){0};
}

/* ---- gathering ---- */

static void repeats_flush(struct mp4_repeats *r)
{
	if (r->count == 0)
		return;
	buf_u32(&r->pairs, r->count);
	buf_u32(&r->pairs, r->value);
	r->entries++;
	r->count = 0;
}

static void repeats_add(struct mp4_repeats *r, uint32_t value)
{
	if (r->count > 0 && r->value != value)
		repeats_flush(r);
	r->value = value;
	r->count++;
}

/* How long the one before lasts is known with this one: until it begins, if that is not too early. */
static void add_sample(struct mp4_movie_track *t, const struct mp4_sample *s, uint64_t dts)
{
	if (t->samples == 0)
		t->first = t->last = dts;
	else
		repeats_add(&t->durations, dts > t->last ? (uint32_t)(dts - t->last) : 0);
	t->last = dts > t->last ? dts : t->last;
	t->end = t->last + s->duration;
	repeats_add(&t->offsets, (uint32_t)s->cts);
	buf_u32(&t->sizes, s->size);
	t->samples++;
	if (!s->is_key)
		return;
	t->keys++;
	buf_u32(&t->key_numbers, t->samples);
}

static bool add_run(struct mp4_movie *m, struct mp4_movie_track *t, const struct mp4_run_facts *run)
{
	struct cur c = cur_of(run->entries.p, run->entries.n);
	struct mp4_sample s;
	uint64_t dts = run->dts;
	if (t->samples > 0 && dts > t->last && dts - t->last > UINT32_MAX)
		return false;
	buf_be(&t->chunk_places, m->bytes, 8);
	t->chunks++;
	if (t->last_chunk != run->count) {
		buf_u32(&t->chunk_sizes, t->chunks);
		buf_u32(&t->chunk_sizes, run->count);
		buf_u32(&t->chunk_sizes, 1); /* the only description */
		t->chunk_runs++;
	}
	t->last_chunk = run->count;
	while (mp4_next_entry(&c, &s)) {
		add_sample(t, &s, dts);
		dts += s.duration;
		m->bytes += s.size;
	}
	return buf_ok(&t->durations.pairs) && buf_ok(&t->offsets.pairs) && buf_ok(&t->sizes) &&
	       buf_ok(&t->key_numbers) && buf_ok(&t->chunk_sizes) && buf_ok(&t->chunk_places);
}

bool mp4_movie_add(struct mp4_movie *m, struct span moof, uint64_t bytes)
{
	struct mp4_moof_facts facts;
	uint64_t before = m->bytes;
	if (!mp4_read_moof(&facts, moof))
		return false;
	for (size_t i = 0; i < MP4_TRACKS; i++) {
		if (facts.runs[i].count == 0)
			continue;
		if (i >= m->count || !add_run(m, &m->tracks[i], &facts.runs[i]))
			return false;
	}
	return m->bytes - before == bytes;
}

/* ---- writing ---- */

struct movie_writing {
	struct mp4_movie *movie;
	struct buf *out;
	uint64_t base; /* where the samples begin in the file */
	bool is_long;  /* places need eight bytes */
	size_t next;   /* track */
	int depth;
};

static uint32_t in_movie(uint64_t ticks, uint32_t timescale)
{
	return (uint32_t)(ticks / timescale * MOVIE_SCALE +
			  ticks % timescale * MOVIE_SCALE / timescale);
}

static uint64_t length_of(const struct mp4_movie_track *t)
{
	return t->end - t->first;
}

/* Of the track, and of what is in front of it. */
static uint32_t duration_of(const struct mp4_movie_track *t)
{
	return in_movie(t->first, t->timescale) + in_movie(length_of(t), t->timescale);
}

static uint32_t longest(const struct mp4_movie *m)
{
	uint32_t most = 0;
	for (size_t i = 0; i < m->count; i++) {
		uint32_t n = m->tracks[i].samples ? duration_of(&m->tracks[i]) : 0;
		most = n > most ? n : most;
	}
	return most;
}

static void write_table(struct buf *b, const char *type, uint8_t version, uint32_t count,
			const struct buf *entries)
{
	size_t box = box_begin_full(b, type, version, 0);
	buf_u32(b, count);
	buf_put(b, entries->p, entries->n);
	box_end(b, box);
}

static void write_places(const struct movie_writing *w, const struct mp4_movie_track *t)
{
	struct cur c = cur_of(t->chunk_places.p, t->chunk_places.n);
	size_t box = box_begin_full(w->out, w->is_long ? "co64" : "stco", 0, 0);
	buf_u32(w->out, t->chunks);
	for (uint32_t i = 0; i < t->chunks; i++)
		buf_be(w->out, w->base + cur_be(&c, 8), w->is_long ? 8 : 4);
	box_end(w->out, box);
}

static void write_sizes(struct buf *b, const struct mp4_movie_track *t)
{
	size_t box = box_begin_full(b, "stsz", 0, 0);
	buf_u32(b, 0); /* they differ */
	buf_u32(b, t->samples);
	buf_put(b, t->sizes.p, t->sizes.n);
	box_end(b, box);
}

static void write_stbl(const struct movie_writing *w, struct mp4_movie_track *t, struct span stbl)
{
	struct buf *b = w->out;
	struct mp4_box box;
	size_t at = box_begin(b, "stbl");
	for (struct cur c = cur_of(stbl.p, stbl.n); mp4_next_box(&c, &box);)
		if (strcmp(box.type, "stsd") == 0)
			buf_put(b, box.whole.p, box.whole.n);
	write_table(b, "stts", 0, t->durations.entries, &t->durations.pairs);
	if (t->offsets.entries > 1 || t->offsets.value != 0)
		write_table(b, "ctts", 1, t->offsets.entries, &t->offsets.pairs);
	if (t->keys != t->samples)
		write_table(b, "stss", 0, t->keys, &t->key_numbers);
	write_table(b, "stsc", 0, t->chunk_runs, &t->chunk_sizes);
	write_sizes(b, t);
	write_places(w, t);
	box_end(b, at);
}

/* A track that begins later than the movie has nothing to show in front. */
static void write_edits(struct buf *b, const struct mp4_movie_track *t)
{
	enum { NOTHING = 0xFFFFFFFF, AS_FAST = 0x10000 };
	if (t->first == 0)
		return;
	size_t edts = box_begin(b, "edts");
	size_t elst = box_begin_full(b, "elst", 0, 0);
	buf_u32(b, 2);
	buf_u32(b, in_movie(t->first, t->timescale));
	buf_u32(b, NOTHING);
	buf_u32(b, AS_FAST);
	buf_u32(b, in_movie(length_of(t), t->timescale));
	buf_u32(b, 0);
	buf_u32(b, AS_FAST);
	box_end(b, elst);
	box_end(b, edts);
}

/* A box as it was, but for the duration at this place of its content. */
static void write_timed(struct buf *b, const struct mp4_box *box, size_t at, uint32_t duration)
{
	size_t begin = b->n;
	buf_put(b, box->whole.p, box->whole.n);
	if (box->body.n >= at + 4)
		box_set_u32(b, begin + 8 + at, duration);
}

static void write_mdhd(struct buf *b, const struct mp4_movie_track *t, struct span old)
{
	size_t box = box_begin_full(b, "mdhd", 1, 0);
	box_zeros(b, 16);
	buf_u32(b, t->timescale);
	buf_be(b, length_of(t), 8);
	buf_put(b, old.n >= 24 ? old.p + 20 : (const uint8_t *)"\x55\xC4\0\0", 4); /* language */
	box_end(b, box);
}

static bool is(const struct mp4_box *box, const char *type)
{
	return strcmp(box->type, type) == 0;
}

static void write_boxes(struct movie_writing *w, struct span boxes, struct mp4_movie_track *t);

static void write_inner(struct movie_writing *w, const struct mp4_box *box,
			struct mp4_movie_track *t)
{
	size_t at = box_begin(w->out, box->type);
	w->depth++;
	write_boxes(w, box->body, t);
	w->depth--;
	box_end(w->out, at);
}

static void write_box(struct movie_writing *w, const struct mp4_box *box, struct mp4_movie_track *t)
{
	enum { MVHD_DURATION = 16, TKHD_DURATION = 20 };
	if (!t && is(box, "mvhd")) {
		write_timed(w->out, box, MVHD_DURATION, longest(w->movie));
	} else if (!t && is(box, "trak") && w->next < w->movie->count) {
		write_inner(w, box, &w->movie->tracks[w->next++]);
	} else if (t && is(box, "tkhd")) {
		write_timed(w->out, box, TKHD_DURATION, duration_of(t));
		write_edits(w->out, t);
	} else if (t && is(box, "mdhd")) {
		write_mdhd(w->out, t, box->body);
	} else if (t && is(box, "stbl")) {
		write_stbl(w, t, box->body);
	} else if (t && w->depth < DEPTH_MAX && (is(box, "mdia") || is(box, "minf"))) {
		write_inner(w, box, t);
	} else if (!is(box, "mvex")) {
		buf_put(w->out, box->whole.p, box->whole.n);
	}
}

static void write_boxes(struct movie_writing *w, struct span boxes, struct mp4_movie_track *t)
{
	struct mp4_box box;
	for (struct cur c = cur_of(boxes.p, boxes.n); mp4_next_box(&c, &box);)
		write_box(w, &box, t);
}

static void write_head(struct mp4_movie *m, struct buf *out, uint64_t base)
{
	struct movie_writing w = {
		.movie = m, .out = out, .base = base, .is_long = m->bytes + out->max > UINT32_MAX};
	size_t ftyp = box_begin(out, "ftyp");
	buf_put(out, "isom\0\0\2\0isomiso6mp41", 20);
	box_end(out, ftyp);
	size_t moov = box_begin(out, "moov");
	write_boxes(&w, mp4_find(m->init, "moov"), NULL);
	box_end(out, moov);
	if (m->bytes + 8 > UINT32_MAX) {
		buf_u32(out, 1);
		buf_put(out, "mdat", 4);
		buf_be(out, m->bytes + 16, 8);
	} else {
		buf_u32(out, (uint32_t)m->bytes + 8);
		buf_put(out, "mdat", 4);
	}
}

bool mp4_movie_write(struct mp4_movie *m, struct buf *out)
{
	for (size_t i = 0; i < m->count; i++) {
		struct mp4_movie_track *t = &m->tracks[i];
		if (t->samples > 0)
			repeats_add(&t->durations, (uint32_t)(t->end - t->last));
		repeats_flush(&t->durations);
		repeats_flush(&t->offsets);
	}
	/* How large it is does not depend on where the samples are. */
	write_head(m, out, 0);
	uint64_t base = out->n;
	buf_clear(out);
	write_head(m, out, base);
	return buf_ok(out);
}
