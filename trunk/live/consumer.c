/* A consumer is a cursor into the wire of its format, plus a place in the source's order of
 * turns. The first consumer of a format has the wire made from the GOP cache; the last one to
 * leave takes it along. */
#include "live/fanout.h"
#include "live/source.h"

#include <string.h>

static struct wire *wire_make(struct source *s, enum wire_format format)
{
	struct wire *w = wire_new(&(struct wire_opts){
		.format = format,
		.chunk_size = s->opts.chunk_size,
		.backlog_ms = s->opts.backlog_ms,
	});
	int64_t now = clock_ms();
	for (uint32_t i = 0; s->gop_valid && i < s->gop_count; i++)
		wire_append(w, s->gop[i], i == 0, s->gop_headers, now);
	return w;
}

void consumer_open(struct consumer *c, struct source *s, const struct consumer_opts *opts)
{
	struct wire **wire = &s->wires[opts->format];
	if (!*wire)
		*wire = wire_make(s, opts->format);
	c->source = source_ref(s);
	c->co = opts->co;
	c->on_send_slot = opts->on_send_slot;
	memcpy(c->needs, opts->needs, sizeof(c->needs));
	c->relay = opts->relay;
	c->gaps = s->gaps;
	c->ends = s->ends;
	cursor_prepend(&c->cursor, opts->first);
	/* Times that the publisher's are not mapped from may fall below any base. */
	bool is_mapped = !timeline_is_raw(&s->timeline);
	cursor_open(&c->cursor, *wire, opts->stream_id, opts->own_base && is_mapped,
		    opts->from_gop && s->gop_valid, s->has_video, s->headers);
	fanout_add(s, c);
	if (s->feeder && s->feeder->on_audience)
		s->feeder->on_audience(s->feeder);
}

void consumer_close(struct consumer *c)
{
	struct source *s = c->source;
	if (!s)
		return;
	consumer_set_behind(c, 0);
	fanout_remove(s, c);
	struct wire **wire =
		c->cursor.wire == s->wires[WIRE_FLV] ? &s->wires[WIRE_FLV] : &s->wires[WIRE_RTMP];
	cursor_close(&c->cursor);
	if (!wire_cursors(*wire))
		wire_free(wire);
	source_unref(&c->source);
}

void consumer_stay(struct consumer *c)
{
	c->gaps = c->source->gaps;
	c->ends = c->source->ends;
}

bool consumer_ended(const struct consumer *c)
{
	const struct source *s = c->source;
	if (c->relay)
		return c->gaps != s->gaps || c->ends != s->ends;
	return c->ends != s->ends && s->opts.notify_end;
}

void consumer_set_behind(struct consumer *c, int64_t players)
{
	if (!c->source)
		return;
	c->source->behind += players - c->behind;
	c->behind = players;
}
