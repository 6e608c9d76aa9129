#include "live/wire.h"
#include "base/check.h"
#include "base/mem.h"
#include "codec/chunk.h"
#include "codec/flv.h"

#include <stdlib.h>
#include <sys/uio.h>
#include <utlist.h>

enum {
	PAGE_MIN = 8 * 1024,
	PAGE_MAX = 256 * 1024,
	PAGE_FAST_MS = 500,              /* a page filled in less: the next one is larger */
	PAGE_SLOW_MS = 4000,             /* a page that lasted longer: the next one is smaller */
	BACKLOG_BYTES_MAX = 128 << 20,   /* whatever the times say */
	PRIVATE_MAX = 64 << 20,
	TIMESTAMP_EXTENDED = 0xFFFFFF,
};

enum { ENTRY_KEY = 1, ENTRY_STATE = 2 }; /* a picture to start at; a header, not a frame */

struct entry {
	int64_t ts;
	uint32_t off;   /* of the shared header */
	uint32_t n;     /* payload bytes */
	uint8_t header; /* length of the shared header */
	uint8_t kind;   /* one WIRE_ bit */
	uint8_t flags;
};

struct page {
	struct page *prev, *next;
	struct cursor *cursors;
	uint8_t *p;
	uint32_t n, cap;
	struct entry *entries;
	uint32_t count, room;
	uint8_t kinds;     /* of its messages */
	bool breaks;       /* cursors that enter are primed anew */
	int64_t opened_ms, touched_ms;
};

struct wire {
	enum wire_format format;
	uint32_t chunk_size;
	int64_t backlog_ms;
	struct page *pages; /* utlist: oldest first, pages->prev is the newest */
	struct page *gop_page;
	uint32_t gop_off;
	struct headers *gop_headers;
	int64_t last_ts[3];
	uint8_t seen; /* kinds that have a last_ts */
	uint32_t page_cap;
	size_t bytes;
	int cursors;
	int64_t head_ts;
};

static const struct {
	uint8_t csid, type;
} channels[] = {
	[WIRE_AUDIO] = {7, RTMP_AUDIO}, [WIRE_VIDEO] = {6, RTMP_VIDEO}, [WIRE_DATA] = {4, RTMP_DATA}};

static uint8_t kind_of(const struct msg *m)
{
	return m->type == MSG_AUDIO ? WIRE_AUDIO : m->type == MSG_VIDEO ? WIRE_VIDEO : WIRE_DATA;
}

static struct page *newest(const struct wire *w)
{
	return w->pages->prev;
}

/* ---- pages ---- */

static void page_add(struct wire *w, size_t need, int64_t now_ms)
{
	struct page *old = w->pages ? newest(w) : NULL;
	if (old && old->count) {
		int64_t lasted = now_ms - old->opened_ms;
		if (lasted < PAGE_FAST_MS && w->page_cap < PAGE_MAX)
			w->page_cap *= 2;
		else if (lasted > PAGE_SLOW_MS && w->page_cap > PAGE_MIN)
			w->page_cap /= 2;
	}
	struct page *page = mem_new(struct page);
	page->cap = need > w->page_cap ? (uint32_t)need : w->page_cap;
	page->p = mem_alloc(page->cap);
	page->opened_ms = page->touched_ms = now_ms;
	w->bytes += page->cap;
	DL_APPEND(w->pages, page);
}

static void page_drop(struct wire *w, struct page *page)
{
	check(!page->cursors);
	DL_DELETE(w->pages, page);
	w->bytes -= page->cap;
	free(page->entries);
	free(page->p);
	free(page);
}

static struct entry *page_entry(struct page *page)
{
	if (page->count == page->room) {
		page->room = page->room ? page->room * 2 : 16;
		page->entries = mem_realloc(page->entries, page->room * sizeof(page->entries[0]));
	}
	return &page->entries[page->count++];
}

static uint32_t entry_end(const struct page *page, uint32_t i)
{
	return i + 1 < page->count ? page->entries[i + 1].off : page->n;
}

/* The entry that holds the byte at off, or count at the end. */
static uint32_t entry_at(const struct page *page, uint32_t off)
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
	page_add(w, 0, newest(w)->touched_ms);
	newest(w)->breaks = true;
}

static void skip_to_key(struct cursor *c);

static bool too_old(const struct wire *w, const struct page *page, int64_t now_ms)
{
	int64_t behind = page->count ? w->head_ts - page->entries[page->count - 1].ts : 0;
	return behind > w->backlog_ms || now_ms - page->touched_ms > w->backlog_ms ||
	       w->bytes > BACKLOG_BYTES_MAX;
}

/* Lets go of what nobody needs: before the newest key frame and read by every cursor, or older
 * than any cursor may be. */
static void trim(struct wire *w, int64_t now_ms)
{
	while (w->pages != newest(w) && w->pages != w->gop_page) {
		struct page *oldest = w->pages;
		if (oldest->cursors && !too_old(w, oldest, now_ms))
			return;
		while (oldest->cursors)
			skip_to_key(oldest->cursors);
		page_drop(w, oldest);
	}
}

static size_t rendered_size(const struct wire *w, size_t payload)
{
	return w->format == WIRE_FLV ? payload + FLV_TAG_EXTRA : chunk_delta_size(w->chunk_size, payload);
}

static void render(const struct wire *w, struct page *page, const struct msg *m, uint32_t delta)
{
	struct buf out = {.p = page->p + page->n, .cap = page->cap - page->n, .max = page->cap - page->n};
	uint8_t kind = kind_of(m);
	if (w->format == WIRE_FLV)
		flv_write_tag(&out, m->type, (uint32_t)m->ts, msg_span(m));
	else
		chunk_write_delta(&out, w->chunk_size, channels[kind].csid, channels[kind].type, delta,
		                  msg_span(m));
	check(buf_ok(&out) && out.p == page->p + page->n);
	page->n += (uint32_t)out.n;
}

void wire_append(struct wire *w, const struct msg *m, bool starts_gop, const struct headers *headers,
                 int64_t now_ms)
{
	uint8_t kind = kind_of(m);
	int64_t *last = &w->last_ts[kind >> 1];
	int64_t delta = w->seen & kind ? m->ts - *last : 0;
	if (w->format == WIRE_RTMP && (delta < 0 || delta >= TIMESTAMP_EXTENDED)) {
		wire_break(w);
		delta = 0;
	}
	size_t need = rendered_size(w, m->n);
	struct page *page = newest(w);
	if (need > page->cap - page->n) {
		page_add(w, need, now_ms);
		page = newest(w);
	}
	*page_entry(page) = (struct entry){
		.ts = m->ts,
		.off = page->n,
		.n = m->n,
		.header = w->format == WIRE_FLV ? FLV_TAG_HEADER_SIZE : CHUNK_HEADER1_SIZE,
		.kind = kind,
		.flags = (uint8_t)((m->frame.is_key ? ENTRY_KEY : 0) | (headers_wants(m) ? ENTRY_STATE : 0)),
	};
	if (starts_gop) {
		wire_forget_gop(w);
		w->gop_page = page;
		w->gop_off = page->n;
		w->gop_headers = headers_ref((struct headers *)(uintptr_t)headers);
	}
	render(w, page, m, (uint32_t)delta);
	page->kinds |= kind;
	page->touched_ms = now_ms;
	*last = m->ts;
	w->seen |= kind;
	w->head_ts = m->ts;
	trim(w, now_ms);
}

/* ---- cursors ---- */

static void cursor_move(struct cursor *c, struct page *page, uint32_t off)
{
	if (c->page)
		DL_DELETE(c->page->cursors, c);
	c->page = page;
	c->off = c->run_end = off;
	DL_APPEND(page->cursors, c);
}

/* RTMP receivers are primed anew; FLV tags carry their whole time and need no priming. */
static void unprime(struct cursor *c)
{
	c->primed = c->wire->format == WIRE_FLV ? WIRE_ALL : 0;
}

static uint32_t own_time(const struct cursor *c, int64_t ts)
{
	int64_t t = c->own_base && c->based ? ts - c->base : ts;
	return t < 0 ? 0 : (uint32_t)t;
}

static void put_headers(struct cursor *c, struct headers *set, int64_t ts)
{
	const struct wire *w = c->wire;
	for (int i = 0; set && i < set->count; i++) {
		const struct msg *m = set->v[i];
		uint8_t kind = kind_of(m);
		if (!(c->want & kind))
			continue;
		uint32_t time = kind == WIRE_DATA ? 0 : c->own_base && !c->based ? 0 : own_time(c, ts);
		if (w->format == WIRE_FLV)
			flv_write_tag(&c->priv, m->type, time, msg_span(m));
		else
			chunk_write(&c->priv, w->chunk_size, channels[kind].csid, channels[kind].type,
			            c->stream_id, time, msg_span(m));
	}
	headers_unref(&c->headers);
	c->headers = headers_ref(set);
}

void cursor_greet(struct cursor *c, struct span bytes)
{
	c->priv.max = PRIVATE_MAX;
	buf_put(&c->priv, bytes.p, bytes.n);
}

void cursor_open(struct cursor *c, struct wire *w, uint32_t stream_id, bool own_base, bool from_gop,
                 bool has_video, struct headers *headers)
{
	c->wire = w;
	c->stream_id = stream_id;
	c->own_base = own_base && w->format == WIRE_RTMP;
	c->priv.max = PRIVATE_MAX;
	c->want = WIRE_ALL;
	w->cursors++;
	bool at_gop = from_gop && w->gop_page;
	cursor_move(c, at_gop ? w->gop_page : newest(w), at_gop ? w->gop_off : newest(w)->n);
	c->await_key = has_video && !at_gop;
	unprime(c);
	int64_t ts = at_gop ? c->page->entries[entry_at(c->page, c->off)].ts : w->head_ts;
	put_headers(c, at_gop ? w->gop_headers : headers, ts);
}

void cursor_close(struct cursor *c)
{
	if (!c->wire)
		return;
	DL_DELETE(c->page->cursors, c);
	c->wire->cursors--;
	headers_unref(&c->headers);
	buf_free(&c->priv);
	*c = (struct cursor){0};
}

bool cursor_at_boundary(const struct cursor *c)
{
	uint32_t i = entry_at(c->page, c->off);
	return i == c->page->count || c->page->entries[i].off == c->off;
}

/* Takes the rest of a message that was begun into the private bytes, so that the cursor stands
 * between two messages. */
static void spill(struct cursor *c)
{
	if (!cursor_at_boundary(c)) {
		uint32_t end = entry_end(c->page, entry_at(c->page, c->off));
		buf_put(&c->priv, c->page->p + c->off, end - c->off);
		c->off = end;
	}
	c->run_end = c->off;
}

static void skip_to_key(struct cursor *c)
{
	struct wire *w = c->wire;
	spill(c);
	if (w->gop_page) {
		cursor_move(c, w->gop_page, w->gop_off);
		if (c->headers != w->gop_headers)
			put_headers(c, w->gop_headers, w->gop_page->entries[entry_at(c->page, c->off)].ts);
	} else {
		cursor_move(c, newest(w), newest(w)->n);
		c->await_key = true;
	}
	unprime(c);
	c->skips += !c->paused;
}

static bool is_skipped(const struct cursor *c, const struct entry *e)
{
	if (!(c->want & e->kind))
		return true;
	return c->await_key && e->kind == WIRE_VIDEO && !(e->flags & (ENTRY_KEY | ENTRY_STATE));
}

/* A message whose private header needs the extended timestamp: continuation chunks carry it too,
 * so it is made anew as a whole from the shared bytes. */
static void put_whole(struct cursor *c, const struct entry *e, uint32_t ts)
{
	const uint8_t *p = c->page->p + e->off + e->header;
	struct buf payload = {.max = e->n};
	for (uint32_t left = e->n; left > 0;) {
		uint32_t piece = left < c->wire->chunk_size ? left : c->wire->chunk_size;
		buf_put(&payload, p, piece);
		p += piece + 1; /* one byte of type 3 header between two chunks */
		left -= piece;
	}
	chunk_write(&c->priv, c->wire->chunk_size, channels[e->kind].csid, channels[e->kind].type,
	            c->stream_id, ts, buf_span(&payload));
	buf_free(&payload);
}

/* Writes the private header of the message at the cursor; the cursor then stands behind the
 * shared header, which this receiver does not get. */
static void prime(struct cursor *c, const struct entry *e, uint32_t end)
{
	if (!c->based && e->kind != WIRE_DATA && !(e->flags & ENTRY_STATE)) {
		c->based = true;
		c->base = e->ts;
	}
	uint32_t ts = c->own_base && !c->based ? 0 : own_time(c, e->ts);
	if (ts >= TIMESTAMP_EXTENDED) {
		put_whole(c, e, ts);
		c->off = end;
	} else {
		chunk_write_header0(&c->priv, channels[e->kind].csid, channels[e->kind].type, c->stream_id,
		                    ts, e->n);
		c->off = e->off + e->header;
	}
	/* Before the base is known the time was made up, and cannot carry a delta. */
	if (!c->own_base || c->based)
		c->primed |= e->kind;
}

static bool is_plain(const struct cursor *c, const struct page *page)
{
	return !c->await_key && !(page->kinds & ~(c->primed & c->want));
}

/* At a boundary: decides how far the shared bytes may be sent as they are. */
static void start_run(struct cursor *c)
{
	struct page *page = c->page;
	uint32_t i = entry_at(page, c->off);
	while (i < page->count && is_skipped(c, &page->entries[i]))
		i++;
	c->off = c->run_end = i < page->count ? page->entries[i].off : page->n;
	if (i == page->count)
		return;
	const struct entry *e = &page->entries[i];
	if (e->kind == WIRE_VIDEO && e->flags & ENTRY_KEY)
		c->await_key = false;
	if (!(c->primed & e->kind))
		prime(c, e, entry_end(page, i));
	c->run_end = entry_end(page, i);
	while (++i < page->count && c->primed & page->entries[i].kind && !is_skipped(c, &page->entries[i]))
		c->run_end = entry_end(page, i);
}

static void enter_next_page(struct cursor *c)
{
	cursor_move(c, c->page->next, 0);
	if (c->page->breaks)
		unprime(c);
}

/* Makes [off, run_end) not empty, or ends at the end of the wire. */
static void find_run(struct cursor *c)
{
	for (;;) {
		if (is_plain(c, c->page))
			c->run_end = c->page->n;
		else if (c->off == c->run_end)
			start_run(c);
		if (c->off < c->run_end || c->off < c->page->n || !c->page->next ||
		    c->priv.n > c->priv_off)
			return;
		enter_next_page(c);
	}
}

int cursor_gather(struct cursor *c, struct iovec *iov, int max, size_t max_bytes)
{
	int n = 0;
	size_t left = max_bytes;
	if (!c->paused)
		find_run(c);
	if (c->priv.n > c->priv_off) {
		size_t size = c->priv.n - c->priv_off;
		size = size < left ? size : left;
		iov[n++] = (struct iovec){c->priv.p + c->priv_off, size};
		left -= size;
	}
	if (c->paused)
		return n;
	struct page *page = c->page;
	uint32_t off = c->off, end = c->run_end;
	while (n < max && left > 0 && off < end) {
		size_t size = end - off < left ? end - off : left;
		iov[n++] = (struct iovec){page->p + off, size};
		left -= size;
		if (end < page->n || !page->next || page->next->breaks || !is_plain(c, page->next))
			break;
		page = page->next;
		off = 0;
		end = page->n;
	}
	return n;
}

void cursor_advance(struct cursor *c, size_t n)
{
	size_t mine = c->priv.n - c->priv_off;
	mine = mine < n ? mine : n;
	c->priv_off += mine;
	n -= mine;
	if (c->priv_off == c->priv.n && c->priv.p) {
		buf_free(&c->priv); /* most receivers never need private bytes again */
		c->priv_off = 0;
	}
	while (n > 0) {
		if (c->off == c->run_end) {
			check(c->page->next);
			enter_next_page(c);
			c->run_end = c->page->n;
		}
		size_t step = c->run_end - c->off;
		step = step < n ? step : n;
		c->off += (uint32_t)step;
		n -= step;
	}
}

bool cursor_pending(const struct cursor *c)
{
	if (c->priv.n > c->priv_off)
		return true;
	return !c->paused && (c->off < c->page->n || c->page->next);
}

void cursor_inject(struct cursor *c, struct span bytes)
{
	spill(c);
	buf_put(&c->priv, bytes.p, bytes.n);
}

void cursor_want(struct cursor *c, uint8_t want)
{
	spill(c);
	uint8_t added = want & (uint8_t)~c->want;
	c->want = want;
	if (added & WIRE_VIDEO)
		c->await_key = true;
	if (c->wire->format == WIRE_RTMP)
		c->primed &= (uint8_t)~added;
}

void cursor_pause(struct cursor *c, bool paused)
{
	if (c->paused == paused)
		return;
	spill(c);
	if (!paused)
		skip_to_key(c);
	c->paused = paused;
}

int64_t cursor_lag(const struct cursor *c)
{
	uint32_t i = entry_at(c->page, c->off);
	const struct page *page = c->page;
	if (i == page->count) {
		page = page->next;
		i = 0;
	}
	return page && page->count ? c->wire->head_ts - page->entries[i].ts : 0;
}
