#include "base/buf.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { LARGE = 64 * 1024 };

/* Without memory, what is large is dropped like what is beyond the maximum. */
static bool reserve(struct buf *b, size_t cap)
{
	uint8_t *p = cap < LARGE ? mem_realloc(b->p, cap) : mem_try_realloc(b->p, cap);
	b->bad |= !p;
	if (!p)
		return false;
	b->p = p;
	b->cap = cap;
	return true;
}

uint8_t *buf_grow(struct buf *b, size_t n)
{
	if (b->bad || n > b->max - b->n) {
		b->bad = true;
		return NULL;
	}
	if (b->n + n > b->cap || !b->p) {
		size_t cap = b->cap ? b->cap * 2 : 128;
		while (cap < b->n + n)
			cap *= 2;
		if (!reserve(b, cap > b->max ? b->max : cap))
			return NULL;
	}
	uint8_t *at = b->p + b->n;
	b->n += n;
	return at;
}

void buf_reserve(struct buf *b, size_t n)
{
	size_t room = b->max - b->n;
	size_t cap = b->n + (n < room ? n : room);
	if (cap > b->cap)
		(void)reserve(b, cap);
}

void buf_put(struct buf *b, const void *p, size_t n)
{
	uint8_t *at = buf_grow(b, n);
	if (at && n)
		memcpy(at, p, n);
}

void buf_be(struct buf *b, uint64_t v, size_t bytes)
{
	uint8_t *at = buf_grow(b, bytes);
	if (!at)
		return;
	be_put(at, v, bytes);
}

void buf_f64(struct buf *b, double v)
{
	uint64_t bits;
	memcpy(&bits, &v, sizeof(bits));
	buf_be(b, bits, 8);
}

void buf_decimal(struct buf *b, uint64_t v)
{
	char text[20], *at = text + sizeof(text);
	do
		*--at = (char)('0' + v % 10);
	while (v /= 10);
	buf_put(b, at, (size_t)(text + sizeof(text) - at));
}

/* Formatted once if it fits into what is allocated. */
void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	size_t room = b->cap - b->n;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(room ? (char *)b->p + b->n : NULL, room, fmt, ap);
	va_end(ap);
	/* vsnprintf writes a NUL behind the text: its room is not counted, not even at the limit. */
	b->max++;
	uint8_t *at = n < 0 ? NULL : buf_grow(b, (size_t)n + 1);
	b->max--;
	if (at) {
		if ((size_t)n >= room)
			vsnprintf((char *)at, (size_t)n + 1, fmt, again);
		b->n--;
	}
	va_end(again);
}

void buf_drop(struct buf *b, size_t n)
{
	if (n >= b->n) {
		b->n = 0;
		return;
	}
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	b->bad = false;
}

void buf_release(struct buf *b)
{
	free(b->p);
	b->p = NULL;
	b->n = b->cap = 0;
	b->bad = false;
}

const char *buf_text(struct buf *b)
{
	if (b->bad)
		return "";
	if (b->n == b->cap) {
		b->cap = b->n + 1;
		b->p = mem_realloc(b->p, b->cap);
	}
	b->p[b->n] = '\0';
	return (const char *)b->p;
}
