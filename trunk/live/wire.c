#include "live/wire.h"
#include "base/check.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	PAGE_MIN = 8 * 1024,
	PAGE_MAX = 256 * 1024,
	PAGE_FAST_MS = 500,    /* a page filled in less: the next one is larger */
	PAGE_SLOW_MS = 4000,   /* a page that lasted longer: the next one is smaller */
	BYTES_MAX = 192 << 20, /* whatever the times say */
	BURST_MS = 1000,       /* a cursor that was given no time to read is not slow */
};

/* ---- pages ---- */

/* Pages are to last for seconds, so that there are few, and not for minutes. */
static void adapt_size(struct wire *w, const struct page *full, int64_t now_ms)
{
	int64_t lasted = now_ms - full->opened_ms;
	if (lasted < PAGE_FAST_MS && w->page_cap < PAGE_MAX)
		w->page_cap *= 2;
	else if (lasted > PAGE_SLOW_MS && w->page_cap > PAGE_MIN)
		w->page_cap /= 2;
}

static void close_newest(struct wire *w)
{
	struct page *page = wire_newest(w);
	w->bytes -= page_bytes(page);
	page_close(page);
	w->bytes += page_bytes(page);
}

static bool add_page(struct wire *w, size_t need, int64_t now_ms)
{
	struct page *old = w->pages ? wire_newest(w) : NULL;
	if (old && old->count && !w->broken)
		adapt_size(w, old, now_ms);
	struct page *page = page_new(need > w->page_cap ? (uint32_t)need : w->page_cap, now_ms);
	if (!page)
		return false;
	if (old)
		close_newest(w);
	page->seq = ++w->seq;
	page->breaks = w->broken;
	w->broken = false;
	w->bytes += page_bytes(page);
	DL_APPEND(w->pages, page);
	return true;
}

static void drop_page(struct wire *w, struct page *page)
{
	DL_DELETE(w->pages, page);
	w->bytes -= page_bytes(page);
	page_leave(page);
}

static struct entry *add_entry(struct wire *w, struct page *page)
{
	w->bytes -= page_bytes(page);
	struct entry *e = page_entry(page);
	w->bytes += page_bytes(page);
	return e;
}

/* ---- the wire ---- */

struct wire *wire_new(const struct wire_format *format, const struct wire_opts *opts)
{
	struct wire *w = mem_new(struct wire);
	w->format = format;
	w->opts = *opts;
	w->state = format->state_size ? mem_zalloc(format->state_size) : NULL;
	w->page_cap = PAGE_MIN;
	check(add_page(w, 0, 0)); /* small */
	return w;
}

void wire_free(struct wire **wire)
{
	struct wire *w = *wire;
	*wire = NULL;
	if (!w)
		return;
	while (w->pages)
		drop_page(w, w->pages);
	headers_unref(&w->start_headers);
	headers_unref(&w->headers);
	if (w->format->fini)
		w->format->fini(w->state);
	free(w->state);
	free(w);
}

size_t wire_bytes(const struct wire *w)
{
	return w->bytes;
}

void wire_forget_start(struct wire *w)
{
	w->start_page = NULL;
	headers_unref(&w->start_headers);
}

/* ---- how long a page is kept ---- */

/* Behind in the stream's time, or in ours: times may stand still. A burst, or times that jump
 * ahead, make nobody slow who has not had a moment to read. */
static bool too_old(const struct wire *w, const struct page *page, int64_t now_ms)
{
	int64_t behind = page->count ? w->head_ts - page->entries[page->count - 1].ts : 0;
	int64_t age = now_ms - page->touched_ms;
	return age > w->opts.backlog_ms || (behind > w->opts.backlog_ms && age >= BURST_MS) ||
	       w->bytes > BYTES_MAX;
}

static void leave_page(struct wire *w, struct page *page)
{
	struct place *place, *after;
	DL_FOREACH_SAFE (page->places, place, after)
		w->on_page_left(w, place);
}

/* Lets go of what nobody needs: before the newest start and read by every cursor, or older than any
 * cursor may be. */
static void trim(struct wire *w, int64_t now_ms)
{
	while (w->pages != wire_newest(w)) {
		struct page *oldest = w->pages;
		if (oldest == w->start_page) {
			if (w->bytes <= BYTES_MAX)
				return;
			wire_forget_start(w);
		}
		if (oldest->places && !too_old(w, oldest, now_ms))
			return;
		leave_page(w, oldest);
		drop_page(w, oldest);
	}
}

void wire_shrink(struct wire *w)
{
	wire_forget_start(w);
	while (w->pages != wire_newest(w)) {
		struct page *oldest = w->pages;
		leave_page(w, oldest);
		drop_page(w, oldest);
	}
}

/* ---- messages ---- */

static void note_headers(struct wire *w, struct headers *headers)
{
	if (w->headers == headers)
		return;
	headers_unref(&w->headers);
	w->headers = headers_ref(headers);
	if (w->format->learn)
		w->format->learn(w->state, headers);
}

static uint8_t flags_of(const struct msg *m)
{
	return (uint8_t)((m->type == MSG_VIDEO && m->frame.is_key ? ENTRY_KEY : 0) |
			 (headers_wants(m) ? ENTRY_STATE : 0));
}

static void note_start(struct wire *w, struct page *page, struct headers *headers)
{
	wire_forget_start(w);
	w->start_page = page;
	w->start_off = page->n;
	w->start_headers = headers_ref(headers);
}

static void render(struct wire *w, struct page *page, const struct msg *m)
{
	uint32_t room = page->cap - page->n;
	struct buf out = {.p = page->p + page->n, .cap = room, .max = room};
	w->format->render(&w->opts, w->state, m, &out);
	check(buf_ok(&out) && out.p == page->p + page->n);
	page->n += (uint32_t)out.n;
}

/* There is no memory for a page: the message is lost to all receivers, and with it what refers to it. */
static void leave_out(struct wire *w)
{
	w->broken = true;
	if (w->state)
		memset(w->state, 0, w->format->state_size);
	wire_forget_start(w);
}

void wire_append(struct wire *w, const struct msg *m, bool starts, struct headers *headers,
		 int64_t now_ms)
{
	const struct wire_format *format = w->format;
	note_headers(w, headers);
	size_t need = format->size(&w->opts, w->state, m);
	w->head_ts = m->ts;
	w->head_ms = now_ms;
	if (!need)
		return;
	if (format->follows && !format->follows(w->state, m))
		w->broken = true;
	bool fits = !w->broken && need <= wire_newest(w)->cap - wire_newest(w)->n;
	if (!fits && !add_page(w, need, now_ms)) {
		leave_out(w);
		return;
	}
	struct page *page = wire_newest(w);
	uint8_t chain = format->chain ? format->chain(m) : 0;
	uint8_t kind = wire_want(m);
	*add_entry(w, page) = (struct entry){
		.ts = m->ts,
		.off = page->n,
		.n = m->n,
		.kind = kind,
		.chain = chain,
		.flags = flags_of(m),
	};
	if (starts)
		note_start(w, page, headers);
	render(w, page, m);
	page->kinds |= kind;
	page->chains |= (uint16_t)(1u << chain);
	page->touched_ms = now_ms;
	trim(w, now_ms);
}
