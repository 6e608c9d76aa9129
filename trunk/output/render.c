/* Segments are large, and other streams must not wait: a coroutine that renders lets others run now and then. */
#include "output/render.h"
#include "codec/mp4.h"
#include "codec/sample_clock.h"
#include "codec/ts.h"

enum { TICKS = 90, YIELD_BYTES = 1 << 18 };
/* Audio frames that share a PES packet: so many, and no longer than that. */
enum { GROUP_MAX = 8, GROUP_MS = 90, GROUP_BYTES = 30000 };

bool render_fits_ts(const struct segmenter *s)
{
	bool video_fits = !s->video.is_ready || sample_fits_ts(&s->video);
	bool audio_fits = !s->audio.is_ready || sample_fits_ts(&s->audio);
	/* Players have Opus in MP4 alone. */
	return video_fits && audio_fits && s->audio.codec != CODEC_OPUS;
}

static void yield_after(struct buf *out, size_t *yielded)
{
	if (out->n - *yielded > YIELD_BYTES) {
		*yielded = out->n;
		co_yield ();
	}
}

static size_t last_of(const struct cut *cut, uint8_t type)
{
	size_t last = cut->count;
	for (size_t i = 0; i < cut->count; i++)
		if (cut->units[i].au.type == type)
			last = i;
	return last;
}

struct group {
	struct au units[GROUP_MAX];
	size_t count, bytes;
	int64_t ticks; /* of the first */
};

struct ts_render {
	struct ts_writer writer;
	struct group group;
	struct sample_clock clock; /* in 90 kHz */
	bool is_exact;
};

static void flush_group(struct ts_render *r, struct buf *out, bool fill)
{
	struct group *g = &r->group;
	if (g->count > 0)
		ts_write(&r->writer, out, g->units, g->count, g->ticks, g->ticks, fill);
	g->count = g->bytes = 0;
}

static void add_audio(struct ts_render *r, const struct track *t, struct buf *out,
		      const struct au *au)
{
	struct group *g = &r->group;
	unsigned samples = r->is_exact || !t->sound.rate ? 0 : track_samples(t, au->data);
	int64_t ticks = au->dts * TICKS;
	if (samples)
		ticks = sample_clock_map(
			&r->clock, au->dts,
			(unsigned)((uint64_t)samples * 90000 / (unsigned)t->sound.rate));
	if (g->count == GROUP_MAX || g->bytes + au->data.n > GROUP_BYTES ||
	    (g->count && ticks - g->ticks >= GROUP_MS * TICKS))
		flush_group(r, out, false);
	if (g->count == 0)
		g->ticks = ticks;
	g->units[g->count++] = *au;
	g->bytes += au->data.n;
}

void render_ts(struct segmenter *s, struct buf *out, bool exact)
{
	const struct cut *cut = &s->cut;
	size_t last_video = last_of(cut, MSG_VIDEO), yielded = out->n;
	struct ts_render r = {.is_exact = exact, .clock.rate = 90000};
	/* One table of each in a segment: their counters come round over the segments. */
	r.writer.pat_counter = r.writer.pmt_counter = (uint8_t)(cut->number & 15);
	r.writer.version = s->configuration & 31;
	buf_reserve(out, cut->bytes + cut->bytes / 16 + cut->count * TS_PACKET);
	ts_begin(&r.writer, s->video.is_ready ? &s->video : NULL,
		 s->audio.is_ready ? &s->audio : NULL);
	ts_write_tables(&r.writer, out);
	for (size_t i = 0; i < cut->count; i++) {
		const struct au *au = &cut->units[i].au;
		if (au->type == MSG_VIDEO)
			ts_write(&r.writer, out, au, 1, au->dts * TICKS, au->pts * TICKS,
				 i == last_video);
		else
			add_audio(&r, &s->audio, out, au);
		yield_after(out, &yielded);
	}
	flush_group(&r, out, true);
	ts_end(&r.writer);
}

/* Tracks as MP4 numbers them; returns how many there are. */
static size_t tracks_of(const struct segmenter *s, const struct track *tracks[MP4_TRACKS])
{
	size_t n = 0;
	if (s->video.is_ready)
		tracks[n++] = &s->video;
	if (s->audio.is_ready)
		tracks[n++] = &s->audio;
	return n;
}

void render_mp4_init(const struct segmenter *s, struct buf *out)
{
	const struct track *tracks[MP4_TRACKS];
	mp4_write_init(out, tracks, tracks_of(s, tracks));
}

/* The decoding time of the next picture, or of the end. */
static int64_t next_picture(const struct cut *cut, const struct render_part *part, size_t i)
{
	int64_t now = cut->units[i].au.dts;
	while (++i < part->to)
		if (cut->units[i].au.type == MSG_VIDEO)
			return cut->units[i].au.dts > now ? cut->units[i].au.dts : now;
	return part->end > now ? part->end : now;
}

void render_mp4_part(struct segmenter *s, const struct render_part *part, struct buf *out)
{
	const struct cut *cut = &s->cut;
	const struct track *tracks[MP4_TRACKS];
	struct mp4_fragment f = {0};
	size_t n = tracks_of(s, tracks), yielded = 0, taken = 0;
	part->clock->rate = mp4_timescale(&s->audio);
	mp4_fragment_init(&f, tracks, n, RENDER_SEGMENT_MAX / 2);
	for (size_t i = part->from; i < part->to; i++) {
		const struct au *au = &cut->units[i].au;
		int64_t dts = au->dts * TICKS;
		taken += au->data.n;
		if (taken - yielded > YIELD_BYTES) {
			yielded = taken;
			co_yield ();
		}
		if (au->type == MSG_VIDEO) {
			mp4_fragment_add(&f, 0, au, dts, (int32_t)(au->pts - au->dts) * TICKS,
					 (uint32_t)(next_picture(cut, part, i) * TICKS - dts));
			continue;
		}
		unsigned samples = track_samples(&s->audio, au->data);
		mp4_fragment_add(&f, n - 1, au, sample_clock_map(part->clock, au->dts, samples), 0,
				 samples);
	}
	if (part->from == 0)
		mp4_write_styp(out);
	mp4_fragment_begin(&f, out, part->sequence);
	buf_reserve(out, taken);
	while (mp4_fragment_next(&f, out, YIELD_BYTES))
		co_yield ();
	mp4_fragment_fini(&f);
}

void render_mp4(struct segmenter *s, struct buf *out)
{
	struct sample_clock clock = {0};
	render_mp4_part(s,
			&(struct render_part){.to = s->cut.count,
					      .end = s->cut.end,
					      .sequence = (uint32_t)s->cut.number,
					      .clock = &clock},
			out);
}

void render_codecs(const struct segmenter *s, struct buf *out)
{
	const struct track *tracks[MP4_TRACKS];
	size_t n = tracks_of(s, tracks);
	for (size_t i = 0; i < n; i++) {
		char name[TRACK_NAME_MAX];
		track_name(tracks[i], name);
		buf_printf(out, "%s%s", i ? "," : "", name);
	}
}
