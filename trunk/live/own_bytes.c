#include "live/own_bytes.h"
#include "base/check.h"
#include "codec/media_memory.h"
#include "live/headers.h"
#include "live/page.h"

#include <sys/uio.h>

enum {
	OWN_MAX = 32 << 20,                   /* above what the largest message can come to */
	ANSWERS_MAX = 1 << 20,                /* for a receiver that does not read */
	RESTATED_MAX = 2 * HEADERS_BYTES_MAX, /* likewise */
};

void iov_put(struct iov_list *g, uint8_t *p, size_t n)
{
	if (!n || !g->left || g->n == g->max)
		return;
	n = n < g->left ? n : g->left;
	g->iov[g->n++] = (struct iovec){p, n};
	g->left -= n;
}

void own_init(struct own_bytes *o)
{
	o->buf.max = OWN_MAX;
}

static void drop_tail(struct own_bytes *o)
{
	if (o->held_tail.page)
		page_release(o->held_tail.page);
	o->held_tail.page = NULL;
}

static void free_bytes(struct own_bytes *o)
{
	media_memory_give(o->counted);
	o->counted = 0;
	buf_free(&o->buf);
}

void own_fini(struct own_bytes *o)
{
	drop_tail(o);
	free_bytes(o);
}

void own_cut_off(struct own_bytes *o)
{
	own_fini(o);
	o->sent = 0;
	o->overrun = true;
}

void own_check(struct own_bytes *o)
{
	if (!buf_ok(&o->buf))
		own_cut_off(o);
}

void own_hold_tail(struct own_bytes *o, struct page *page, uint32_t off, uint32_t end)
{
	check(!o->held_tail.page);
	o->held_tail.page = page_hold(page);
	o->held_tail.off = off;
	o->held_tail.end = end;
	o->held_tail.at = o->buf.n;
}

void own_put_answer(struct own_bytes *o, struct span bytes)
{
	if (o->sent > o->buf.n / 2) {
		buf_drop(&o->buf, o->sent);
		o->held_tail.at -= o->held_tail.page ? o->sent : 0;
		o->sent = 0;
	}
	buf_put(&o->buf, bytes.p, bytes.n);
	o->answers += bytes.n;
	if (o->answers > ANSWERS_MAX)
		own_cut_off(o);
	else
		own_check(o);
}

void own_count_media(struct own_bytes *o)
{
	media_memory_charge(o->buf.cap - o->counted);
	o->counted = o->buf.cap;
}

void own_charge_headers(struct own_bytes *o, size_t n)
{
	o->restated += n;
	if (o->restated > RESTATED_MAX)
		own_cut_off(o);
}

void own_gather(const struct own_bytes *o, struct iov_list *g)
{
	uint8_t *p = o->buf.p;
	if (!o->held_tail.page) {
		iov_put(g, p + o->sent, o->buf.n - o->sent);
		return;
	}
	iov_put(g, p + o->sent, o->held_tail.at - o->sent);
	iov_put(g, o->held_tail.page->p + o->held_tail.off, o->held_tail.end - o->held_tail.off);
	iov_put(g, p + o->held_tail.at, o->buf.n - o->held_tail.at);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t advance_tail(struct own_bytes *o, size_t n)
{
	size_t step = least(n, o->held_tail.at - o->sent);
	o->sent += step;
	n -= step;
	step = least(n, o->held_tail.end - o->held_tail.off);
	o->held_tail.off += (uint32_t)step;
	if (o->held_tail.off == o->held_tail.end)
		drop_tail(o);
	return n - step;
}

size_t own_advance(struct own_bytes *o, size_t n)
{
	if (o->held_tail.page)
		n = advance_tail(o, n);
	size_t step = least(n, o->buf.n - o->sent);
	o->sent += step;
	if (o->buf.p && !own_pending(o)) {
		free_bytes(o); /* most receivers never need any again */
		o->sent = 0;
		o->answers = o->restated = 0;
	}
	return n - step;
}
