#include "live/wire.h"
#include "base/check.h"
#include "base/mem.h"
#include "codec/chunk.h"
#include "codec/flv.h"
#include "live/page.h"

#include <stdlib.h>
#include <utlist.h>

enum {
	PAGE_MIN = 8 * 1024,
	PAGE_MAX = 256 * 1024,
	PAGE_FAST_MS = 500,    /* a page filled in less: the next one is larger */
	PAGE_SLOW_MS = 4000,   /* a page that lasted longer: the next one is smaller */
	BYTES_MAX = 192 << 20, /* whatever the times say */
	BURST_MS = 1000,       /* who was given no time to read is not slow */
};

const struct channel channels[] = {
	[WIRE_AUDIO] = {7, RTMP_AUDIO},
	[WIRE_VIDEO] = {6, RTMP_VIDEO},
	[WIRE_DATA] = {4, RTMP_DATA},
};

/* ---- pages ---- */

/* A page of which much was not used gives it back: times that jump about make many such pages. */
static void page_close(struct wire *w, struct page *page)
{
	if (page->cap - page->n <= page->cap / 4)
		return;
	uint32_t cap = page->n ? page->n : 1, room = page->count ? page->count : 1;
	w->bytes -= page->cap - cap +
		    (page->room > room ? page->room - room : 0) * sizeof(struct entry);
	page->p = mem_realloc(page->p, cap);
	page->cap = cap;
	if (page->room > room) {
		page->entries = mem_realloc(page->entries, room * sizeof(struct entry));
		page->room = room;
	}
}

/* Pages are to last for seconds, so that there are few, and not for minutes. */
static void adapt_size(struct wire *w, const struct page *full, int64_t now_ms)
{
	int64_t lasted = now_ms - full->opened_ms;
	if (lasted < PAGE_FAST_MS && w->page_cap < PAGE_MAX)
		w->page_cap *= 2;
	else if (lasted > PAGE_SLOW_MS && w->page_cap > PAGE_MIN)
		w->page_cap /= 2;
}

static void page_add(struct wire *w, size_t need, int64_t now_ms)
{
	struct page *old = w->pages ? wire_newest(w) : NULL;
	if (old && old->count && !w->broken)
		adapt_size(w, old, now_ms);
	if (old)
		page_close(w, old);
	struct page *page = mem_new(struct page);
	page->seq = ++w->seq;
	page->cap = need > w->page_cap ? (uint32_t)need : w->page_cap;
	page->p = mem_alloc(page->cap);
	page->opened_ms = page->touched_ms = now_ms;
	page->breaks = w->broken;
	w->broken = false;
	w->bytes += sizeof(*page) + page->cap;
	DL_APPEND(w->pages, page);
}

static void page_free(struct page *page)
{
	free(page->entries);
	free(page->p);
	free(page);
}

static void page_drop(struct wire *w, struct page *page)
{
	check(!page->cursors);
	DL_DELETE(w->pages, page);
	w->bytes -= sizeof(*page) + page->cap + page->room * sizeof(struct entry);
	page->left = true;
	if (!page->holds)
		page_free(page);
}

struct page *page_hold(struct page *page)
{
	page->holds++;
	return page;
}

void page_release(struct page *page)
{
	if (--page->holds == 0 && page->left)
		page_free(page);
}

static struct entry *page_entry(struct wire *w, struct page *page)
{
	if (page->count == page->room) {
		uint32_t room = page->room ? page->room * 2 : 16;
		page->entries = mem_realloc(page->entries, room * sizeof(page->entries[0]));
		w->bytes += (room - page->room) * sizeof(page->entries[0]);
		page->room = room;
	}
	return &page->entries[page->count++];
}

uint32_t entry_at(const struct page *page, uint32_t off)
{
	uint32_t low = 0, high = page->count;
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		if (entry_end(page, middle) <= off)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- the log ---- */

struct wire *wire_new(const struct wire_opts *opts)
{
	struct wire *w = mem_new(struct wire);
	w->format = opts->format;
	w->chunk_size = opts->chunk_size;
	w->backlog_ms = opts->backlog_ms;
	w->page_cap = PAGE_MIN;
	page_add(w, 0, 0);
	return w;
}

void wire_free(struct wire **wire)
{
	struct wire *w = *wire;
	*wire = NULL;
	if (!w)
		return;
	while (w->pages)
		page_drop(w, w->pages);
	headers_unref(&w->gop_headers);
	headers_unref(&w->headers);
	free(w);
}

int wire_cursors(const struct wire *w)
{
	return w->cursors;
}

size_t wire_bytes(const struct wire *w)
{
	return w->bytes;
}

void wire_forget_gop(struct wire *w)
{
	w->gop_page = NULL;
	headers_unref(&w->gop_headers);
}

void wire_break(struct wire *w)
{
	w->seen = 0;
	w->broken = true;
}

/* Behind in the stream's time, or in ours: times may stand still. A burst, or times that jump
 * ahead, make nobody slow who has not had a moment to read. */
static bool too_old(const struct wire *w, const struct page *page, int64_t now_ms)
{
	int64_t behind = page->count ? w->head_ts - page->entries[page->count - 1].ts : 0;
	int64_t age = now_ms - page->touched_ms;
	return age > w->backlog_ms || (behind > w->backlog_ms && age >= BURST_MS) ||
	       w->bytes > BYTES_MAX;
}

/* Those that have read the page go on to the next, those in the middle of it are too slow. */
static void page_leave(struct page *page)
{
	struct cursor *c, *after;
	DL_FOREACH_SAFE (page->cursors, c, after) {
		if (c->off == page->n)
			cursor_enter_next_page(c);
		else
			cursor_skip(c);
	}
}

/* Lets go of what nobody needs: before the newest key frame and read by every cursor, or older
 * than any cursor may be. */
static void trim(struct wire *w, int64_t now_ms)
{
	while (w->pages != wire_newest(w)) {
		struct page *oldest = w->pages;
		if (oldest == w->gop_page) {
			if (w->bytes <= BYTES_MAX)
				return;
			wire_forget_gop(w);
		}
		if (oldest->cursors && !too_old(w, oldest, now_ms))
			return;
		page_leave(oldest);
		page_drop(w, oldest);
	}
}

static size_t rendered_size(const struct wire *w, size_t payload)
{
	return w->format == WIRE_FLV ? payload + FLV_TAG_EXTRA
				     : chunk_delta_size(w->chunk_size, payload);
}

static void render(const struct wire *w, struct page *page, const struct msg *m, uint32_t delta)
{
	uint32_t room = page->cap - page->n;
	struct buf out = {.p = page->p + page->n, .cap = room, .max = room};
	const struct channel *channel = &channels[wire_kind(m)];
	if (w->format == WIRE_FLV)
		flv_write_tag(&out, m->type, (uint32_t)m->ts, msg_span(m));
	else
		chunk_write_delta(&out, w->chunk_size, channel->csid, channel->type, delta,
				  msg_span(m));
	check(buf_ok(&out) && out.p == page->p + page->n);
	page->n += (uint32_t)out.n;
}

static void note_headers(struct wire *w, struct headers *headers)
{
	if (w->headers == headers)
		return;
	headers_unref(&w->headers);
	w->headers = headers_ref(headers);
}

/* The distance to the message before of its kind. Where it cannot be said, the chain breaks. */
static uint32_t take_delta(struct wire *w, const struct msg *m)
{
	uint8_t kind = wire_kind(m);
	int64_t *last = &w->last_ts[kind >> 1];
	int64_t delta = w->seen & kind ? m->ts - *last : 0;
	if (w->format == WIRE_RTMP && (delta < 0 || delta >= CHUNK_TIME_EXTENDED)) {
		wire_break(w);
		delta = 0;
	}
	*last = m->ts;
	w->seen |= kind;
	return (uint32_t)delta;
}

static uint8_t flags_of(const struct msg *m)
{
	return (uint8_t)((m->type == MSG_VIDEO && m->frame.is_key ? ENTRY_KEY : 0) |
			 (headers_wants(m) ? ENTRY_STATE : 0));
}

void wire_append(struct wire *w, const struct msg *m, bool starts_gop, struct headers *headers,
		 int64_t now_ms)
{
	uint32_t delta = take_delta(w, m);
	size_t need = rendered_size(w, m->n);
	if (w->broken || need > wire_newest(w)->cap - wire_newest(w)->n)
		page_add(w, need, now_ms);
	struct page *page = wire_newest(w);
	*page_entry(w, page) = (struct entry){
		.ts = m->ts,
		.off = page->n,
		.n = m->n,
		.header = w->format == WIRE_FLV ? FLV_TAG_HEADER_SIZE : CHUNK_HEADER1_SIZE,
		.kind = wire_kind(m),
		.flags = flags_of(m),
	};
	note_headers(w, headers);
	if (starts_gop) {
		wire_forget_gop(w);
		w->gop_page = page;
		w->gop_off = page->n;
		w->gop_headers = headers_ref(headers);
	}
	render(w, page, m, delta);
	page->kinds |= wire_kind(m);
	page->touched_ms = now_ms;
	w->head_ts = m->ts;
	trim(w, now_ms);
}
