/* A continuous transport stream. Tables stand before each key frame, so that whoever begins there has
 * them, and at least each half second. */
#include "codec/ts.h"
#include "output/live_format.h"
#include "output/live_tracks.h"

enum { TICKS = 90, TABLES_MS = 500, MESSAGE_MAX = 64 << 20 };

struct state {
	struct live_tracks tracks;
	struct ts_writer writer;
	bool has_begun;
	int64_t tables_ms;
	struct buf out; /* the rendering of the message whose size was asked */
};

static const struct track *fitting(const struct track *t)
{
	return sample_fits_ts(t) ? t : NULL;
}

static void begin(struct state *s)
{
	ts_begin(&s->writer, fitting(&s->tracks.video), fitting(&s->tracks.audio));
	s->has_begun = true;
	s->tables_ms = INT64_MIN;
}

static void put(struct state *s, const struct au *au)
{
	bool is_leading = au->type == MSG_VIDEO || !s->writer.video.track;
	bool is_due = s->tables_ms == INT64_MIN || au->dts - s->tables_ms >= TABLES_MS ||
		      (au->type == MSG_VIDEO && au->is_key);
	if (s->tables_ms == INT64_MIN || (is_leading && is_due)) {
		ts_write_tables(&s->writer, &s->out);
		s->tables_ms = au->dts;
	}
	ts_write(&s->writer, &s->out, au, 1, au->dts * TICKS, au->pts * TICKS, false);
}

static size_t size(const struct wire_opts *opts, void *state, const struct msg *m)
{
	struct state *s = state;
	struct au_walk w;
	struct au au;
	(void)opts;
	s->out.max = MESSAGE_MAX;
	buf_clear(&s->out);
	for (au_begin(&w, m); au_next(&w, &au);) {
		if (live_tracks_take(&s->tracks, &au) || !s->has_begun)
			begin(s);
		const struct track *t = live_track(&s->tracks, &au);
		if (track_fits(t, &au) && sample_fits_ts(t))
			put(s, &au);
	}
	if (!buf_ok(&s->out))
		buf_free(&s->out);
	return s->out.n;
}

static void render(const struct wire_opts *opts, void *state, const struct msg *m, struct buf *out)
{
	struct state *s = state;
	(void)opts;
	(void)m;
	buf_put(out, s->out.p, s->out.n);
}

static void learn(void *state, const struct headers *headers)
{
	struct state *s = state;
	if (live_tracks_begin(&s->tracks, headers))
		begin(s);
}

static void fini(void *state)
{
	struct state *s = state;
	ts_end(&s->writer);
	live_tracks_free(&s->tracks);
	buf_free(&s->out);
}

const struct wire_format wire_ts = {
	.name = "ts",
	.state_size = sizeof(struct state),
	.size = size,
	.render = render,
	.learn = learn,
	.fini = fini,
};
