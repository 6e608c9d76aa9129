/* A continuous transport stream. Tables stand before each key frame, so that whoever begins there has
 * them, and at least each half second. */
#include "base/mem.h"
#include "codec/ts.h"
#include "output/live_format.h"
#include "output/live_wire.h"

enum { TICKS = 90, TABLES_MS = 500, MESSAGE_MAX = 64 << 20 };

struct wire_ts_state {
	struct live_wire wire;
	struct ts_writer writer;
	bool has_begun;
	int64_t tables_ms;
};

static struct wire_ts_state *of(struct live_wire *wire)
{
	return container_of(wire, struct wire_ts_state, wire);
}

static const struct track *fitting(const struct track *t)
{
	return sample_fits_ts(t) ? t : NULL;
}

static void begin(struct live_wire *wire, bool in_stream)
{
	struct wire_ts_state *s = of(wire);
	(void)in_stream;
	ts_begin(&s->writer, fitting(&wire->tracks.video), fitting(&wire->tracks.audio));
	s->has_begun = true;
	s->tables_ms = INT64_MIN;
}

static void put(struct live_wire *wire, const struct track *t, const struct au *au)
{
	struct wire_ts_state *s = of(wire);
	if (!sample_fits_ts(t))
		return;
	if (!s->has_begun)
		begin(wire, true);
	bool is_leading = au->type == MSG_VIDEO || !s->writer.video.track;
	bool is_due = s->tables_ms == INT64_MIN || au->dts - s->tables_ms >= TABLES_MS ||
		      (au->type == MSG_VIDEO && au->is_key);
	if (s->tables_ms == INT64_MIN || (is_leading && is_due)) {
		ts_write_tables(&s->writer, &wire->out);
		s->tables_ms = au->dts;
	}
	ts_write(&s->writer, &wire->out, au, 1, au->dts * TICKS, au->pts * TICKS, false);
}

static const struct live_wire_ops ops = {.begin = begin, .put = put, .message_max = MESSAGE_MAX};

static size_t size(const struct wire_opts *opts, void *state, const struct msg *m)
{
	(void)opts;
	return live_wire_size(state, m, &ops);
}

static void learn(void *state, const struct headers *headers)
{
	live_wire_learn(state, headers, &ops);
}

static void fini(void *state)
{
	struct wire_ts_state *s = state;
	ts_end(&s->writer);
	live_wire_fini(&s->wire);
}

const struct wire_format wire_ts = {
	.name = "ts",
	.state_size = sizeof(struct wire_ts_state),
	.size = size,
	.render = live_wire_render,
	.learn = learn,
	.fini = fini,
};
