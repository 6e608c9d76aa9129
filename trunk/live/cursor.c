/* A cursor alternates between two kinds of bytes: private ones, which always go first (with the rest
 * of a message among them, if one was begun), and a run of shared ones, [off, run_end) of its page.
 * A run ends where the next message cannot be sent as it is: the receiver does not want it, or it
 * must be primed on that chunk stream. The chain of deltas of a kind holds only as long as none of
 * its messages was left out. */
#include "base/check.h"
#include "base/mem.h"
#include "codec/chunk.h"
#include "codec/flv.h"
#include "live/page.h"

#include <sys/uio.h>
#include <utlist.h>

enum {
	BASE_LOOK = 32,         /* frames looked at for the earliest time */
	PRIVATE_MAX = 32 << 20, /* above what the largest message can come to */
	INJECT_MAX = 1 << 20,   /* of its own conversation, for a receiver that does not read */
	RESTATE_MAX = 2 * HEADERS_BYTES_MAX, /* headers that it has asked for again, likewise */
};

static void cursor_move(struct cursor *c, struct page *page, uint32_t off)
{
	if (c->page)
		DL_DELETE(c->page->cursors, c);
	c->page = page;
	c->off = c->run_end = off;
	DL_APPEND(page->cursors, c);
}

/* RTMP receivers are primed anew; FLV tags carry their whole time and need no priming. */
static void unprime(struct cursor *c, uint8_t kinds)
{
	if (c->wire->format == WIRE_RTMP)
		c->primed &= (uint8_t)~kinds;
}

static bool has_private(const struct cursor *c)
{
	return c->rest.page || c->priv.n > c->priv_off;
}

/* The receiver's time; *exact: it was not made up. A receiver's time does not begin below 0, and
 * before its base is known it is 0. */
static uint32_t own_time(const struct cursor *c, int64_t ts, bool *exact)
{
	*exact = !c->own_base || (c->based && ts >= c->base);
	if (!*exact)
		return 0;
	return (uint32_t)(c->own_base ? ts - c->base : ts);
}

/* ---- headers ---- */

static void put_kinds(struct cursor *c, const struct headers *set, uint8_t kinds, int64_t ts)
{
	const struct wire *w = c->wire;
	bool exact;
	for (int i = 0; set && i < set->count; i++) {
		const struct msg *m = set->v[i];
		const struct channel *channel = &channels[wire_kind(m)];
		if (!(kinds & wire_kind(m)))
			continue;
		uint32_t time = wire_kind(m) == WIRE_DATA ? 0 : own_time(c, ts, &exact);
		if (w->format == WIRE_FLV)
			flv_write_tag(&c->priv, m->type, time, msg_span(m));
		else
			chunk_write(&c->priv, w->chunk_size, channel->csid, channel->type,
				    c->stream_id, time, msg_span(m));
	}
}

static void put_headers(struct cursor *c, struct headers *set, int64_t ts)
{
	if (c->headers == set)
		return;
	put_kinds(c, set, c->want, ts);
	headers_unref(&c->headers);
	c->headers = headers_ref(set);
}

/* ---- joining and leaving ---- */

void cursor_prepend(struct cursor *c, struct span bytes)
{
	c->priv.max = PRIVATE_MAX;
	buf_put(&c->priv, bytes.p, bytes.n);
}

static int64_t gop_ts(const struct wire *w)
{
	return w->gop_page->entries[entry_at(w->gop_page, w->gop_off)].ts;
}

void cursor_open(struct cursor *c, struct wire *w, uint32_t stream_id, bool own_base, bool from_gop,
		 bool has_video, struct headers *headers)
{
	struct page *last = wire_newest(w);
	bool at_gop = from_gop && w->gop_page;
	c->wire = w;
	c->stream_id = stream_id;
	c->own_base = own_base && w->format == WIRE_RTMP;
	c->priv.max = PRIVATE_MAX;
	c->want = WIRE_ALL;
	c->primed = w->format == WIRE_FLV ? WIRE_ALL : 0;
	c->await_key = has_video && !at_gop;
	w->cursors++;
	cursor_move(c, at_gop ? w->gop_page : last, at_gop ? w->gop_off : last->n);
	put_headers(c, at_gop ? w->gop_headers : headers, at_gop ? gop_ts(w) : w->head_ts);
}

static void drop_rest(struct cursor *c)
{
	if (c->rest.page)
		page_release(c->rest.page);
	c->rest.page = NULL;
}

void cursor_close(struct cursor *c)
{
	if (!c->wire)
		return;
	drop_rest(c);
	DL_DELETE(c->page->cursors, c);
	c->wire->cursors--;
	headers_unref(&c->headers);
	buf_free(&c->priv);
	*c = (struct cursor){0};
}

/* ---- moving ---- */

static bool is_between(const struct cursor *c)
{
	uint32_t i = entry_at(c->page, c->off);
	return i == c->page->count || c->page->entries[i].off == c->off;
}

/* Puts the rest of a message that was begun behind the private bytes, so that the cursor stands
 * between two messages. */
static void finish_first(struct cursor *c)
{
	if (!is_between(c)) {
		check(!c->rest.page);
		c->rest.page = page_hold(c->page);
		c->rest.off = c->off;
		c->rest.end = entry_end(c->page, entry_at(c->page, c->off));
		c->rest.at = c->priv.n;
		c->off = c->rest.end;
	}
	c->run_end = c->off;
}

static bool is_before_gop(const struct cursor *c)
{
	const struct wire *w = c->wire;
	return c->page->seq < w->gop_page->seq || (c->page == w->gop_page && c->off < w->gop_off);
}

void cursor_skip(struct cursor *c)
{
	struct wire *w = c->wire;
	finish_first(c);
	if (w->gop_page && !is_before_gop(c))
		return; /* nothing is shown twice */
	if (w->gop_page) {
		cursor_move(c, w->gop_page, w->gop_off);
		put_headers(c, w->gop_headers, gop_ts(w));
	} else {
		cursor_move(c, wire_newest(w), wire_newest(w)->n);
		c->await_key = true;
		if (w->headers)
			put_headers(c, w->headers, w->head_ts);
	}
	unprime(c, WIRE_ALL);
	c->skips += !c->paused;
}

void cursor_enter_next_page(struct cursor *c)
{
	cursor_move(c, c->page->next, 0);
	if (c->page->breaks)
		unprime(c, WIRE_ALL);
}

/* ---- runs ---- */

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
	const struct channel *channel = &channels[e->kind];
	const uint8_t *p = c->page->p + e->off + e->header;
	struct buf payload = {.max = e->n};
	for (uint32_t left = e->n; left > 0;) {
		uint32_t piece = left < c->wire->chunk_size ? left : c->wire->chunk_size;
		buf_put(&payload, p, piece);
		p += piece + 1; /* one byte of type 3 header between two chunks */
		left -= piece;
	}
	chunk_write(&c->priv, c->wire->chunk_size, channel->csid, channel->type, c->stream_id, ts,
		    buf_span(&payload));
	buf_free(&payload);
}

/* A receiver's time begins with the earliest of its first frames: the other track may stand a little
 * behind the one that comes first. */
static int64_t first_time(const struct page *page, uint32_t i)
{
	int64_t first = page->entries[i].ts;
	for (uint32_t end = i + BASE_LOOK; i < page->count && i < end; i++)
		if (!(page->entries[i].flags & ENTRY_STATE) && page->entries[i].kind != WIRE_DATA &&
		    page->entries[i].ts < first)
			first = page->entries[i].ts;
	return first;
}

/* Writes the private header of the message at the cursor; the cursor then stands behind the
 * shared header, which this receiver does not get. */
static void prime(struct cursor *c, const struct entry *e, uint32_t end)
{
	const struct channel *channel = &channels[e->kind];
	if (!c->based && e->kind != WIRE_DATA && !(e->flags & ENTRY_STATE)) {
		c->based = true;
		c->base = first_time(c->page, (uint32_t)(e - c->page->entries));
	}
	bool exact;
	uint32_t ts = own_time(c, e->ts, &exact);
	if (ts >= CHUNK_TIME_EXTENDED) {
		put_whole(c, e, ts);
		c->off = end;
	} else {
		chunk_write_header0(&c->priv, channel->csid, channel->type, c->stream_id, ts, e->n);
		c->off = e->off + e->header;
	}
	if (exact) /* a time that was made up cannot carry a delta */
		c->primed |= e->kind;
}

static bool is_plain(const struct cursor *c, const struct page *page)
{
	return !c->await_key && !(page->kinds & ~(c->primed & c->want));
}

/* Whether the message may follow another in one run. A key frame that is waited for begins one. */
static bool may_follow(const struct cursor *c, const struct entry *e)
{
	if (!(c->primed & e->kind) || is_skipped(c, e))
		return false;
	return !(c->await_key && e->flags & ENTRY_KEY);
}

/* At a boundary: decides how far the shared bytes may be sent as they are. */
static void start_run(struct cursor *c)
{
	struct page *page = c->page;
	uint32_t i = entry_at(page, c->off);
	for (; i < page->count && is_skipped(c, &page->entries[i]); i++)
		unprime(c, page->entries[i].kind); /* its delta is lost */
	c->off = c->run_end = i < page->count ? page->entries[i].off : page->n;
	if (i == page->count)
		return;
	const struct entry *e = &page->entries[i];
	if (e->flags & ENTRY_KEY)
		c->await_key = false;
	if (!(c->primed & e->kind))
		prime(c, e, entry_end(page, i));
	c->run_end = entry_end(page, i);
	while (++i < page->count && may_follow(c, &page->entries[i]))
		c->run_end = entry_end(page, i);
}

/* Makes [off, run_end) not empty, or ends at the end of the wire. */
static void find_run(struct cursor *c)
{
	for (;;) {
		if (is_plain(c, c->page))
			c->run_end = c->page->n;
		else if (c->off == c->run_end)
			start_run(c);
		if (c->off < c->run_end || c->off < c->page->n || !c->page->next || has_private(c))
			return;
		cursor_enter_next_page(c);
	}
}

/* ---- sending ---- */

/* What is gathered, and how much more may be. */
struct gathering {
	struct iovec *iov;
	int n, max;
	size_t left;
};

static void gather(struct gathering *g, uint8_t *p, size_t n)
{
	if (!n || !g->left || g->n == g->max)
		return;
	n = n < g->left ? n : g->left;
	g->iov[g->n++] = (struct iovec){p, n};
	g->left -= n;
}

static void gather_private(const struct cursor *c, struct gathering *g)
{
	if (!c->rest.page) {
		gather(g, c->priv.p + c->priv_off, c->priv.n - c->priv_off);
		return;
	}
	gather(g, c->priv.p + c->priv_off, c->rest.at - c->priv_off);
	gather(g, c->rest.page->p + c->rest.off, c->rest.end - c->rest.off);
	gather(g, c->priv.p + c->rest.at, c->priv.n - c->rest.at);
}

int cursor_gather(struct cursor *c, struct iovec *iov, int max, size_t max_bytes)
{
	struct gathering g = {iov, 0, max, max_bytes};
	bool goes_on = !c->paused && !c->rest.page;
	if (goes_on && !cursor_overrun(c))
		find_run(c);
	if (cursor_overrun(c))
		return 0;
	if (has_private(c))
		gather_private(c, &g);
	if (!goes_on)
		return g.n;
	struct page *page = c->page;
	uint32_t off = c->off, end = c->run_end;
	while (g.n < max && g.left > 0 && off < end) {
		gather(&g, page->p + off, end - off);
		if (end < page->n || !page->next || page->next->breaks || !is_plain(c, page->next))
			break;
		page = page->next;
		off = 0;
		end = page->n;
	}
	return g.n;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* These return how many of the n bytes they did not account for. */
static size_t advance_rest(struct cursor *c, size_t n)
{
	size_t step = least(n, c->rest.at - c->priv_off);
	c->priv_off += step;
	n -= step;
	step = least(n, c->rest.end - c->rest.off);
	c->rest.off += (uint32_t)step;
	if (c->rest.off == c->rest.end)
		drop_rest(c);
	return n - step;
}

static size_t advance_private(struct cursor *c, size_t n)
{
	if (c->rest.page)
		n = advance_rest(c, n);
	size_t step = least(n, c->priv.n - c->priv_off);
	c->priv_off += step;
	if (c->priv.p && !has_private(c)) {
		buf_free(&c->priv); /* most receivers never need private bytes again */
		c->priv_off = 0;
	}
	return n - step;
}

void cursor_advance(struct cursor *c, size_t n)
{
	n = advance_private(c, n);
	while (n > 0) {
		if (c->off == c->run_end) {
			check(c->page->next);
			cursor_enter_next_page(c);
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
	if (cursor_overrun(c))
		return false;
	return has_private(c) || (!c->paused && (c->off < c->page->n || c->page->next));
}

bool cursor_overrun(const struct cursor *c)
{
	return !buf_ok(&c->priv);
}

/* Who asks for answers and does not read them must not fill our memory with them. */
static void overrun(struct cursor *c)
{
	drop_rest(c);
	buf_free(&c->priv);
	c->priv_off = 0;
	c->priv.bad = true;
}

void cursor_inject(struct cursor *c, struct span bytes)
{
	if (cursor_overrun(c))
		return;
	finish_first(c);
	if (c->priv_off > c->priv.n / 2) {
		buf_drop(&c->priv, c->priv_off);
		c->rest.at -= c->rest.page ? c->priv_off : 0;
		c->priv_off = 0;
	}
	c->injected = has_private(c) ? c->injected + bytes.n : bytes.n;
	buf_put(&c->priv, bytes.p, bytes.n);
	if (c->injected > INJECT_MAX)
		overrun(c);
}

/* ---- what the receiver asks for ---- */

void cursor_want(struct cursor *c, uint8_t want)
{
	finish_first(c);
	uint8_t added = want & (uint8_t)~c->want;
	c->want = want;
	if (!added)
		return;
	if (added & WIRE_VIDEO)
		c->await_key = true;
	unprime(c, added);
	/* It may have missed a change of them. */
	if (!has_private(c))
		c->restated = 0;
	size_t before = c->priv.n;
	put_kinds(c, c->wire->headers ? c->wire->headers : c->headers, added,
		  c->wire->head_ts - cursor_lag(c));
	c->restated += c->priv.n - before;
	if (c->restated > RESTATE_MAX)
		overrun(c);
}

void cursor_pause(struct cursor *c, bool paused)
{
	if (c->paused == paused)
		return;
	finish_first(c);
	if (!paused)
		cursor_skip(c);
	c->paused = paused;
}

int64_t cursor_lag(const struct cursor *c)
{
	const struct page *page = c->page;
	uint32_t i = entry_at(page, c->off);
	while (page && i == page->count) {
		page = page->next;
		i = 0;
	}
	return page ? c->wire->head_ts - page->entries[i].ts : 0;
}
