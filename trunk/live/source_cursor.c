/* The memory that a source holds for its receivers. A wire is made for the first cursor of its format,
 * from the messages of the log, and goes with the last one.
 *
 * Other servers take the twin of the sound too. Until one comes they share the wire of players; who shares
 * one with them then steps over each twin, and whoever comes later gets a wire of his own kind. */
#include "codec/media_memory.h"
#include "live/source_parts.h"
#include "live/wire.h"

#include <utlist.h>

/* Above what lies before the newest start, as bytes (live/msg_log.c). */
enum { FIRST_MAX = 24 << 20 };

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

/* What the receiver gets before the newest start, from an earlier one on: made for it alone, since there are few
 * who go on with a stream, and they do it once. */
static void write_former(const struct source *s, const struct wire *w,
			 const struct cursor_opts *opts, const struct log_start *former,
			 struct buf *out)
{
	struct wire_receiver to = {.opts = &w->opts, .stream_id = opts->stream_id};
	for (int i = 0; former->headers && i < former->headers->count; i++)
		if (opts->for_server || wire_want(former->headers->v[i]) & WIRE_ALL)
			w->format->write(&to, former->headers->v[i], out);
	for (uint64_t seq = former->seq; seq < s->log.start; seq++) {
		const struct msg *m = msg_log_at(&s->log, seq);
		to.ts = (uint32_t)m->ts;
		if (opts->for_server || wire_want(m) & WIRE_ALL)
			w->format->write(&to, m, out);
	}
}

/* Without a secret anybody may say that it is a server, and need not read what is made for it: that leaves half of the
 * memory to streams. */
static bool has_room(size_t n)
{
	return media_memory_has_room(media_memory_max() / 4 + n);
}

/* Puts what lies before the newest start among the first bytes of the receiver; false: there is nothing for it. */
static bool begin_earlier(const struct source *s, const struct wire *w, struct cursor_opts *opts,
			  struct buf *first)
{
	bool can = opts->from_start && opts->until_ms && w->start_page && w->format->write;
	const struct log_start *former = can ? msg_log_former(&s->log, opts->until_ms) : NULL;
	if (!former || !has_room(s->log.former_bytes))
		return false;
	buf_put(first, opts->first.p, opts->first.n);
	write_former(s, w, opts, former, first);
	if (!buf_ok(first))
		return false;
	opts->first = buf_span(first);
	opts->told = s->log.start_headers;
	return true;
}

void source_cursor_open(struct source *s, struct cursor *c, const struct cursor_opts *opts)
{
	struct cursor_opts own = *opts;
	/* Times that are the publisher's own may fall below any base. */
	own.own_base = opts->own_base && !timeline_is_raw(&s->timeline);
	own.from_start = opts->from_start && s->log.has_start;
	s->repeats = 0;
	struct wire *w = wire_of(s, opts->format, opts->for_server);
	struct buf first = {.max = FIRST_MAX};
	bool is_earlier = begin_earlier(s, w, &own, &first);
	if (is_earlier)
		own.own_base = false; /* its times are the source's */
	cursor_open(c, w, &own, s->has_video, s->headers);
	if (is_earlier)
		own_count_media(&c->own);
	buf_free(&first);
}
