/* A consumer is a cursor into the wire of its format, plus a place in the source's order of
 * waking. The first consumer of a format has the wire made from the GOP cache; the last one to
 * leave takes it along. */
#include "base/check.h"
#include "base/mem.h"
#include "live/fanout.h"
#include "live/source.h"

enum { WIRES = sizeof(((struct source *)0)->wires) / sizeof(((struct source *)0)->wires[0]) };

static struct wire *wire_make(struct source *s, const struct consumer_opts *opts)
{
	struct wire *w = wire_new(&(struct wire_opts){
		.format = opts->format,
		.chunk_size = opts->chunk_size,
		.backlog_ms = s->opts.backlog_ms,
	});
	int64_t now = clock_ms();
	for (uint32_t i = 0; s->gop_valid && i < s->gop_count; i++)
		wire_append(w, s->gop[i], i == 0, s->gop_headers, now);
	return w;
}

/* NULL only when consumers with too many different chunk sizes are there. */
static struct wire **wire_get(struct source *s, const struct consumer_opts *opts)
{
	struct wire **empty = NULL;
	for (int i = 0; i < WIRES; i++) {
		if (s->wires[i] && wire_matches(s->wires[i], opts->format, opts->chunk_size))
			return &s->wires[i];
		if (!s->wires[i] && !empty)
			empty = &s->wires[i];
	}
	check(empty); /* one chunk size per vhost: two while a reload changes it, and FLV */
	*empty = wire_make(s, opts);
	return empty;
}

void consumer_open(struct consumer *c, struct source *s, const struct consumer_opts *opts)
{
	struct wire *wire = *wire_get(s, opts);
	c->source = source_ref(s);
	c->co = opts->co;
	c->relay = opts->relay;
	c->gaps = s->gaps;
	c->ends = s->ends;
	cursor_open(&c->cursor, wire, opts->stream_id, opts->own_base && !s->opts.absolute_time,
	            s->gop_valid, s->has_video, s->headers);
	fanout_add(s, c, opts->urgent);
}

void consumer_close(struct consumer *c)
{
	struct source *s = c->source;
	if (!s)
		return;
	fanout_remove(s, c);
	struct wire *wire = c->cursor.wire;
	cursor_close(&c->cursor);
	for (int i = 0; i < WIRES; i++)
		if (s->wires[i] == wire && !wire_cursors(wire))
			wire_free(&s->wires[i]);
	source_unref(&c->source);
}

bool consumer_ended(const struct consumer *c)
{
	const struct source *s = c->source;
	if (c->relay)
		return c->gaps != s->gaps || c->ends != s->ends;
	return c->ends != s->ends && s->opts.notify_end;
}
