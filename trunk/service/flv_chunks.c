#include "service/flv_chunks.h"
#include "base/check.h"

enum { PRE_MAX = 32 * 1024 };

static const char crlf[] = "\r\n";

void chunks_init(struct chunks *c)
{
	*c = (struct chunks){.pre.max = PRE_MAX};
}

void chunks_fini(struct chunks *c)
{
	buf_free(&c->pre);
}

void chunks_put_raw(struct chunks *c, struct span bytes)
{
	buf_put(&c->pre, bytes.p, bytes.n);
}

bool chunks_is_open(const struct chunks *c)
{
	return c->left > 0;
}

/* Once per send and player: printf is too slow for it. */
static void put_hex(struct buf *b, size_t n)
{
	char digits[2 * sizeof(n)];
	size_t at = sizeof(digits);
	do
		digits[--at] = "0123456789abcdef"[n & 15];
	while (n >>= 4);
	buf_put(b, digits + at, sizeof(digits) - at);
}

/* The size of the next chunk, behind the end of the one before. */
static void announce(struct chunks *c, size_t n)
{
	check(!c->left);
	buf_put(&c->pre, crlf + 2 - c->tail, c->tail);
	c->tail = 0;
	put_hex(&c->pre, n);
	buf_put(&c->pre, crlf, 2);
}

void chunks_put(struct chunks *c, struct span bytes)
{
	if (c->on)
		announce(c, bytes.n);
	buf_put(&c->pre, bytes.p, bytes.n);
	c->tail = c->on ? 2 : 0;
}

void chunks_end(struct chunks *c)
{
	if (!c->on)
		return;
	announce(c, 0);
	c->tail = 2;
}

size_t chunks_room(const struct chunks *c, size_t max)
{
	return c->left && c->left < max ? c->left : max;
}

int chunks_frame(struct chunks *c, struct iovec *iov, int n)
{
	size_t gathered = 0;
	for (int i = 1; i <= n; i++)
		gathered += iov[i].iov_len;
	if (c->on && gathered && !c->left) {
		announce(c, gathered);
		c->left = gathered;
		c->tail = 2;
	}
	iov[0] = (struct iovec){0};
	if (c->pre.n > c->pre_off)
		iov[0] = (struct iovec){c->pre.p + c->pre_off, c->pre.n - c->pre_off};
	bool ends = c->tail && gathered == c->left;
	if (ends)
		iov[n + 1] = (struct iovec){(void *)(uintptr_t)(crlf + 2 - c->tail), c->tail};
	return gathered || iov[0].iov_len || ends ? n + 1 + ends : 0;
}

size_t chunks_sent(struct chunks *c, size_t n)
{
	size_t own = c->pre.n - c->pre_off;
	own = own < n ? own : n;
	c->pre_off += own;
	n -= own;
	if (c->pre_off == c->pre.n) {
		buf_clear(&c->pre);
		c->pre_off = 0;
	}
	if (!c->on)
		return n;
	size_t shared = n < c->left ? n : c->left;
	c->left -= shared;
	c->tail = (unsigned char)(c->tail - (n - shared));
	return shared;
}
