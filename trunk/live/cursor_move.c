/* The position of a cursor: joining, leaving, being moved ahead, pausing, other kinds of media. */
#include "base/mem.h"
#include "live/cursor_parts.h"

#include <utlist.h>

/* ---- headers ---- */

static void put_kinds(struct cursor *c, const struct headers *set, uint8_t kinds, int64_t ts)
{
	struct wire_receiver to = {.opts = &c->wire->opts, .stream_id = c->stream_id};
	for (int i = 0; set && i < set->count && c->wire->format->write; i++) {
		const struct msg *m = set->v[i];
		if (!(kinds & wire_want(m)))
			continue;
		to.ts = 0;
		if (wire_kind(m) != WIRE_DATA)
			cursor_time(c, ts, &to.ts);
		c->wire->format->write(&to, m, &c->own.buf);
	}
	own_check(&c->own);
}

static void put_headers(struct cursor *c, struct headers *set, int64_t ts)
{
	if (c->headers == set)
		return;
	if (c->wire->format->greet)
		c->wire->format->greet(c->wire->state, set, &c->own.buf);
	else
		put_kinds(c, set, c->want, ts);
	own_check(&c->own);
	headers_unref(&c->headers);
	c->headers = headers_ref(set);
}

void cursor_greet(struct cursor *c)
{
	if (!c->headers && c->wire->headers)
		put_headers(c, c->wire->headers, c->wire->head_ts);
}

/* ---- where it is ---- */

bool cursor_overrun(const struct cursor *c)
{
	return c->own.overrun;
}

int64_t cursor_lag(const struct cursor *c)
{
	const struct page *page = c->at.page;
	uint32_t i = page_entry_at(page, c->at.off);
	while (page && i == page->count) {
		page = page->next;
		i = 0;
	}
	return page ? c->wire->head_ts - page->entries[i].ts : 0;
}

void cursor_enter_next_page(struct cursor *c)
{
	struct page *next = c->at.page->next;
	place_move(&c->at, next, 0);
	c->run_end = 0;
	if (next->breaks)
		cursor_unprime(c);
}

/* ---- moving ---- */

static void move_to(struct cursor *c, struct page *page, uint32_t off)
{
	place_move(&c->at, page, off);
	c->run_end = off;
}

static int64_t start_ts(const struct wire *w)
{
	return w->start_page->entries[page_entry_at(w->start_page, w->start_off)].ts;
}

/* Puts the tail of a message that was begun behind the receiver's own bytes, so that the cursor
 * stands between two messages. */
static void finish_message(struct cursor *c)
{
	const struct page *page = c->at.page;
	uint32_t i = page_entry_at(page, c->at.off);
	if (i < page->count && page->entries[i].off != c->at.off) {
		uint32_t end = page_entry_end(page, i);
		own_hold_tail(&c->own, c->at.page, c->at.off, end);
		c->at.off = end;
	}
	c->run_end = c->at.off;
}

static bool is_before_start(const struct cursor *c)
{
	const struct wire *w = c->wire;
	return c->at.page->seq < w->start_page->seq ||
	       (c->at.page == w->start_page && c->at.off < w->start_off);
}

/* To the newest start, if the cursor is before that; to the end, if there is none. */
static void skip(struct cursor *c)
{
	struct wire *w = c->wire;
	finish_message(c);
	if (w->start_page && !is_before_start(c))
		return; /* nothing is shown twice */
	if (w->start_page) {
		move_to(c, w->start_page, w->start_off);
		put_headers(c, w->start_headers, start_ts(w));
	} else {
		move_to(c, wire_newest(w), wire_newest(w)->n);
		cursor_await_key(c);
		if (w->headers)
			put_headers(c, w->headers, w->head_ts);
	}
	cursor_unprime(c);
	c->skips += !c->paused;
}

/* A page is given up: a cursor that has read it goes on to the next, one in the middle is too slow. */
static void on_page_left(struct wire *w, struct place *place)
{
	struct cursor *c = container_of(place, struct cursor, at);
	(void)w;
	if (c->at.off == c->at.page->n)
		cursor_enter_next_page(c);
	else
		skip(c);
}

/* ---- joining and leaving ---- */

void cursor_open(struct cursor *c, struct wire *w, const struct cursor_opts *opts, bool await_key,
		 struct headers *headers)
{
	struct page *last = wire_newest(w);
	bool at_start = opts->from_start && w->start_page;
	w->on_page_left = on_page_left;
	w->cursors++;
	c->wire = w;
	c->stream_id = opts->stream_id;
	c->own_base = opts->own_base && w->format->chain;
	c->for_server = opts->for_server;
	c->want = WIRE_ALL | (c->for_server ? WIRE_TWIN | WIRE_ENCODER_TIME : 0);
	c->primed = w->format->chain ? 0 : UINT16_MAX;
	if (await_key && !at_start)
		cursor_await_key(c);
	own_init(&c->own);
	buf_put(&c->own.buf, opts->first.p, opts->first.n);
	c->headers = headers_ref(opts->told);
	move_to(c, at_start ? w->start_page : last, at_start ? w->start_off : last->n);
	put_headers(c, at_start ? w->start_headers : headers, at_start ? start_ts(w) : w->head_ts);
}

void cursor_close(struct cursor *c)
{
	if (!c->wire)
		return;
	struct wire *w = c->wire;
	own_fini(&c->own);
	place_leave(&c->at);
	headers_unref(&c->headers);
	*c = (struct cursor){0};
	if (--w->cursors == 0 && w->list) {
		LL_DELETE(*w->list, w);
		wire_free(&w);
	}
}

/* ---- what the receiver asks for ---- */

void cursor_inject(struct cursor *c, struct span bytes)
{
	if (cursor_overrun(c))
		return;
	finish_message(c);
	own_put_answer(&c->own, bytes);
}

void cursor_want(struct cursor *c, uint8_t want)
{
	if (c->for_server)
		want |= WIRE_ENCODER_TIME | (want & WIRE_AUDIO ? WIRE_TWIN : 0);
	uint8_t added = want & (uint8_t)~c->want;
	finish_message(c);
	c->want = want;
	if (!added)
		return;
	if (added & WIRE_VIDEO)
		cursor_await_key(c);
	cursor_unprime(c);
	/* It may have missed a change of them. */
	size_t before = c->own.buf.n;
	put_kinds(c, c->wire->headers ? c->wire->headers : c->headers, added,
		  c->wire->head_ts - cursor_lag(c));
	own_charge_headers(&c->own, c->own.buf.n - before);
}

void cursor_pause(struct cursor *c, bool paused)
{
	if (c->paused == paused)
		return;
	finish_message(c);
	if (!paused)
		skip(c);
	c->paused = paused;
}
