/* A cursor alternates between two kinds of bytes: its own, which always go first (live/own_bytes.h),
 * and a run of shared ones, [at.off, run_end) of its page. A run ends where the next message cannot be
 * sent as it is: the receiver does not want it, or its chain must be primed. A chain of renderings
 * holds only as long as none of its messages was left out. */
#include "base/check.h"
#include "live/cursor_parts.h"

enum { BASE_LOOK = 32 }; /* frames looked at for the earliest time */

/* ---- runs ---- */

static bool is_skipped(const struct cursor *c, const struct entry *e)
{
	if (!(c->want & e->kind))
		return true;
	return c->key_due_ms && e->kind == WIRE_VIDEO && !(e->flags & (ENTRY_KEY | ENTRY_STATE));
}

static bool is_primed(const struct cursor *c, const struct entry *e)
{
	return c->primed & 1u << e->chain;
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

/* Writes what the receiver gets in place of the beginning of the message at the cursor, which then
 * stands behind that. */
static void prime(struct cursor *c, uint32_t i)
{
	const struct page *page = c->at.page;
	const struct entry *e = &page->entries[i];
	if (!c->based && e->kind != WIRE_DATA && !(e->flags & ENTRY_STATE)) {
		c->based = true;
		c->base = first_time(page, i);
	}
	struct wire_receiver to = {.opts = &c->wire->opts, .stream_id = c->stream_id};
	struct rendering r = {
		.bytes = {page->p + e->off, page_entry_end(page, i) - e->off},
		.n = e->n,
		.kind = e->kind,
		.chain = e->chain,
	};
	bool exact = cursor_time(c, e->ts, &to.ts);
	c->at.off = e->off + c->wire->format->prime(&to, &r, &c->own.buf);
	own_check(&c->own);
	if (exact) /* a time that was made up cannot carry a delta */
		c->primed |= (uint16_t)(1u << e->chain);
}

static bool is_plain(const struct cursor *c, const struct page *page)
{
	return !c->key_due_ms && !(page->kinds & ~c->want) && !(page->chains & ~c->primed);
}

/* Whether the message may follow another in one run. A key frame that is waited for begins one. */
static bool may_follow(const struct cursor *c, const struct entry *e)
{
	if (!is_primed(c, e) || is_skipped(c, e))
		return false;
	return !(c->key_due_ms && e->flags & ENTRY_KEY);
}

/* A message that is left out takes the chain with it. */
static void leave_out(struct cursor *c, const struct entry *e)
{
	if (c->wire->format->chain)
		c->primed &= (uint16_t) ~(1u << e->chain);
}

/* At a boundary: decides how far the shared bytes may be sent as they are. */
static void start_run(struct cursor *c)
{
	struct page *page = c->at.page;
	uint32_t i = page_entry_at(page, c->at.off);
	for (; i < page->count && is_skipped(c, &page->entries[i]); i++)
		leave_out(c, &page->entries[i]);
	c->at.off = c->run_end = i < page->count ? page->entries[i].off : page->n;
	if (i == page->count)
		return;
	const struct entry *e = &page->entries[i];
	if (e->flags & ENTRY_KEY)
		c->key_due_ms = 0;
	if (!is_primed(c, e))
		prime(c, i);
	c->run_end = page_entry_end(page, i);
	while (++i < page->count && may_follow(c, &page->entries[i]))
		c->run_end = page_entry_end(page, i);
}

/* Makes [at.off, run_end) not empty, or ends at the end of the wire. */
static void find_run(struct cursor *c)
{
	if (c->key_due_ms && c->wire->head_ms >= c->key_due_ms)
		c->key_due_ms = 0;
	for (;;) {
		const struct page *page = c->at.page;
		if (is_plain(c, page))
			c->run_end = page->n;
		else if (c->at.off == c->run_end)
			start_run(c);
		if (c->at.off < c->run_end || c->at.off < page->n || !page->next ||
		    own_pending(&c->own))
			return;
		cursor_enter_next_page(c);
	}
}

/* ---- sending ---- */

static void gather_shared(const struct cursor *c, struct iov_list *g)
{
	struct page *page = c->at.page;
	uint32_t off = c->at.off, end = c->run_end;
	while (g->n < g->max && g->left > 0 && off < end) {
		iov_put(g, page->p + off, end - off);
		if (end < page->n || !page->next || page->next->breaks || !is_plain(c, page->next))
			break;
		page = page->next;
		off = 0;
		end = page->n;
	}
}

int cursor_gather(struct cursor *c, struct iovec *iov, int max, size_t max_bytes)
{
	struct iov_list g = {iov, 0, max, max_bytes};
	bool goes_on = !c->paused && !c->own.held_tail.page;
	if (goes_on && c->wire->format->greet)
		cursor_greet(c);
	if (goes_on && !cursor_overrun(c))
		find_run(c);
	if (cursor_overrun(c))
		return 0;
	if (own_pending(&c->own))
		own_gather(&c->own, &g);
	if (goes_on)
		gather_shared(c, &g);
	return g.n;
}

void cursor_advance(struct cursor *c, size_t n)
{
	n = own_advance(&c->own, n);
	c->has_sent |= n > 0;
	while (n > 0) {
		if (c->at.off == c->run_end) {
			check(c->at.page->next);
			cursor_enter_next_page(c);
			c->run_end = c->at.page->n;
		}
		size_t step = c->run_end - c->at.off;
		step = step < n ? step : n;
		c->at.off += (uint32_t)step;
		n -= step;
	}
}

bool cursor_pending(const struct cursor *c)
{
	if (cursor_overrun(c))
		return false;
	return own_pending(&c->own) ||
	       (!c->paused && (c->at.off < c->at.page->n || c->at.page->next));
}
