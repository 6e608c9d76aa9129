/* The memory that a source holds for its receivers. A wire is made for the first cursor of its format,
 * from the messages of the log, and goes with the last one.
 *
 * Other servers take the twin of the sound too. Until one comes they share the wire of players; who shares
 * one with them then steps over each twin, and whoever comes later gets a wire of his own kind. */
#include "codec/media_memory.h"
#include "live/source_parts.h"
#include "live/wire.h"

#include <utlist.h>

static struct wire *wire_make(struct source *s, const struct wire_format *format, bool with_twin)
{
	const struct msg_log *log = &s->log;
	struct wire *w = wire_new(format, &(struct wire_opts){
						  .chunk_size = s->opts.chunk_size,
						  .backlog_ms = s->opts.backlog_ms,
					  });
	int64_t now = clock_ms();
	w->with_twin = with_twin;
	/* A second copy of what is kept is a luxury. */
	bool replays = log->has_start && media_memory_has_room(log->start_bytes);
	for (uint64_t seq = log->start; replays && seq < log->next; seq++)
		if (with_twin || !msg_log_at(log, seq)->frame.is_twin)
			wire_append(w, msg_log_at(log, seq), seq == log->start, log->start_headers,
				    now);
	w->key_wait_ms = log->key_wait_ms;
	w->list = &s->wires;
	LL_PREPEND(s->wires, w);
	return w;
}

static struct wire *wire_of(struct source *s, const struct wire_format *format, bool is_server)
{
	bool with_twin = is_server && s->has_twin;
	struct wire *w;
	LL_FOREACH (s->wires, w)
		if (w->format == format && w->with_twin == with_twin)
			break;
	if (!w)
		w = wire_make(s, format, with_twin);
	w->has_servers |= is_server;
	return w;
}

void source_begin_twin(struct source *s)
{
	struct wire *w;
	s->has_twin = true;
	LL_FOREACH (s->wires, w)
		w->with_twin = w->has_servers;
}

size_t source_bytes(const struct source *s)
{
	size_t n = s->log.bytes;
	struct wire *w;
	LL_FOREACH (s->wires, w)
		n += wire_bytes(w);
	return n;
}

void source_shrink(struct source *s)
{
	struct wire *w;
	msg_log_shrink(&s->log, clock_ms());
	LL_FOREACH (s->wires, w)
		wire_shrink(w);
}

void source_cursor_open(struct source *s, struct cursor *c, const struct cursor_opts *opts)
{
	struct cursor_opts own = *opts;
	/* Times that are the publisher's own may fall below any base. */
	own.own_base = opts->own_base && !timeline_is_raw(&s->timeline);
	own.from_start = opts->from_start && s->log.has_start;
	s->repeats = 0;
	cursor_open(c, wire_of(s, opts->format, opts->with_twin), &own, s->has_video, s->headers);
}
