/* buf - owned bytes that grow up to a limit. Layer: base.
 * Born with its maximum; a write that would exceed it makes the buffer bad and is dropped, so a
 * writer is a straight list of writes with one buf_ok() at its end. Zero-initialising with a
 * max is enough: struct buf b = {.max = 4096}; buf_free(&b) at the end. */
#pragma once
#include "base/span.h"
#include <stdarg.h>

struct buf {
	uint8_t *p;
	size_t n;   /* bytes written */
	size_t cap; /* bytes allocated */
	size_t max; /* n never exceeds this */
	bool bad;
};

static inline bool buf_ok(const struct buf *b)
{
	return !b->bad;
}

static inline struct span buf_span(const struct buf *b)
{
	return (struct span){b->p, b->n};
}

/* Room for n more bytes, to be filled by the caller at once; NULL (and bad) beyond the maximum. */
uint8_t *buf_grow(struct buf *b, size_t n);
/* Writes the lowest bytes of a number, big-endian. */
static inline void be_put(uint8_t *at, uint64_t v, size_t bytes)
{
	for (size_t i = bytes; i-- > 0; v >>= 8)
		at[i] = (uint8_t)v;
}
void buf_put(struct buf *b, const void *p, size_t n);
static inline void buf_puts(struct buf *b, const char *text)
{
	buf_put(b, text, strlen(text));
}
void buf_be(struct buf *b, uint64_t v, size_t bytes);
void buf_f64(struct buf *b, double v);
/* The number as text. */
void buf_decimal(struct buf *b, uint64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Memory for n more bytes at once, as far as the maximum goes: a hint, for what will be written in many pieces. */
void buf_reserve(struct buf *b, size_t n);
/* Drops the first n bytes. */
void buf_drop(struct buf *b, size_t n);
/* Forgets the content and keeps the memory. */
void buf_clear(struct buf *b);
/* Releases the memory; the buffer can be used again. */
void buf_release(struct buf *b);
/* The same; what was never written to costs nothing, as most buffers of messages. */
static inline void buf_free(struct buf *b)
{
	if (b->p || b->bad)
		buf_release(b);
}
/* A NUL behind the content (not counted), to read it as text; "" when it is empty or bad. */
const char *buf_text(struct buf *b);

static inline void buf_u8(struct buf *b, uint8_t v)
{
	buf_be(b, v, 1);
}

static inline void buf_u16(struct buf *b, uint16_t v)
{
	buf_be(b, v, 2);
}

static inline void buf_u24(struct buf *b, uint32_t v)
{
	buf_be(b, v, 3);
}

static inline void buf_u32(struct buf *b, uint32_t v)
{
	buf_be(b, v, 4);
}

static inline void buf_u32le(struct buf *b, uint32_t v)
{
	buf_be(b, __builtin_bswap32(v), 4);
}
