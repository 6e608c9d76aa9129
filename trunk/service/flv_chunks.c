#include "service/flv_chunks.h"
#include "base/check.h"
#include "http/websocket.h"

#include <string.h>

enum { OWN_MAX = 32 * 1024 };

static const char crlf[] = "\r\n";

void chunks_init(struct chunks *c)
{
	*c = (struct chunks){.own.max = OWN_MAX};
}

void chunks_fini(struct chunks *c)
{
	buf_free(&c->own);
}

void chunks_put_raw(struct chunks *c, struct span bytes)
{
	buf_put(&c->own, bytes.p, bytes.n);
}

bool chunks_is_open(const struct chunks *c)
{
	return c->left > 0;
}

static size_t own_left(const struct chunks *c)
{
	return c->own.n - c->own_at;
}

/* The size of the next chunk, behind the end of the one before, which is sent with it. Written from
 * behind. Once per send and player: printf is too slow for it, and memory of its own too cold. */
static void announce_frame(struct chunks *c, size_t n)
{
	uint8_t head[WEBSOCKET_HEAD_MAX];
	size_t size = websocket_head(head, WEBSOCKET_BINARY, n);
	c->end = sizeof(c->announcement);
	c->at = (unsigned char)(c->end - size);
	memcpy(c->announcement + c->at, head, size);
}

static void announce(struct chunks *c, size_t n)
{
	if (c->mode == CHUNKS_WEBSOCKET) {
		announce_frame(c, n);
		return;
	}
	char *p = c->announcement + sizeof(c->announcement);
	check(!c->left && c->at == c->end);
	*--p = '\n';
	*--p = '\r';
	do
		*--p = "0123456789abcdef"[n & 15];
	while (n >>= 4);
	p -= c->tail;
	memcpy(p, crlf + 2 - c->tail, c->tail);
	c->tail = 0;
	c->at = (unsigned char)(p - c->announcement);
	c->end = sizeof(c->announcement);
}

void chunks_put(struct chunks *c, struct span bytes)
{
	if (c->mode) {
		announce(c, bytes.n);
		buf_put(&c->own, c->announcement + c->at, (size_t)(c->end - c->at));
		c->at = c->end;
		c->tail = c->mode == CHUNKS_HTTP ? 2 : 0;
	}
	buf_put(&c->own, bytes.p, bytes.n);
}

void chunks_end(struct chunks *c, const char *trailer)
{
	if (c->mode == CHUNKS_WEBSOCKET)
		websocket_write_close(&c->own, WEBSOCKET_DONE);
	if (c->mode != CHUNKS_HTTP)
		return;
	announce(c, 0);
	if (*trailer) {
		buf_put(&c->own, c->announcement + c->at, (size_t)(c->end - c->at));
		c->at = c->end;
		buf_put(&c->own, trailer, strlen(trailer));
	}
	c->tail = 2;
}

size_t chunks_room(const struct chunks *c, size_t max)
{
	return c->left && c->left < max ? c->left : max;
}

int chunks_frame(struct chunks *c, struct iovec *iov, int n)
{
	size_t gathered = 0;
	for (int i = CHUNKS_FRONT; i < CHUNKS_FRONT + n; i++)
		gathered += iov[i].iov_len;
	if (c->mode && gathered && !c->left) {
		announce(c, gathered);
		c->left = gathered;
		c->tail = c->mode == CHUNKS_HTTP ? 2 : 0;
	}
	iov[0] = (struct iovec){0};
	if (own_left(c))
		iov[0] = (struct iovec){c->own.p + c->own_at, own_left(c)};
	iov[1] = (struct iovec){c->announcement + c->at, (size_t)(c->end - c->at)};
	n += CHUNKS_FRONT;
	if (c->tail && gathered == c->left)
		iov[n++] = (struct iovec){(void *)(uintptr_t)(crlf + 2 - c->tail), c->tail};
	else if (!gathered && !iov[0].iov_len && !iov[1].iov_len)
		return 0;
	return n;
}

static size_t sent_own(struct chunks *c, size_t n)
{
	size_t step = own_left(c);
	step = step < n ? step : n;
	c->own_at += step;
	if (c->own_at == c->own.n && c->own.p) {
		buf_free(&c->own); /* hardly ever is there more */
		c->own_at = 0;
	}
	return step;
}

size_t chunks_sent(struct chunks *c, size_t n)
{
	n -= sent_own(c, n);
	if (!c->mode)
		return n;
	size_t step = (size_t)(c->end - c->at);
	step = step < n ? step : n;
	c->at = (unsigned char)(c->at + step);
	n -= step;
	step = c->left < n ? c->left : n;
	c->left -= step;
	c->tail = (unsigned char)(c->tail - (n - step));
	return step;
}
