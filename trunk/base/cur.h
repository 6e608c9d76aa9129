/* cur - a read cursor over borrowed bytes with an error that sticks. Layer: base.
 * A read past the end yields zero and makes the cursor bad for ever, so a parser is a straight
 * list of reads with one cur_ok() at its end. Test cur_ok() in loop conditions, and before a
 * length that was read is used. */
#pragma once
#include "base/span.h"

struct cur {
	const uint8_t *p;
	size_t n;
	bool bad;
};

static inline struct cur cur_of(const void *p, size_t n)
{
	return (struct cur){.p = p, .n = n};
}

static inline bool cur_ok(const struct cur *c)
{
	return !c->bad;
}

static inline size_t cur_left(const struct cur *c)
{
	return c->bad ? 0 : c->n;
}

/* The next n bytes; an empty span once they are not there. */
static inline struct span cur_bytes(struct cur *c, size_t n)
{
	if (c->bad || c->n < n) {
		c->bad = true;
		return (struct span){NULL, 0};
	}
	struct span s = {c->p, n};
	c->p += n;
	c->n -= n;
	return s;
}

static inline void cur_skip(struct cur *c, size_t n)
{
	(void)cur_bytes(c, n);
}

static inline uint64_t cur_be(struct cur *c, size_t n)
{
	struct span s = cur_bytes(c, n);
	uint64_t v = 0;
	for (size_t i = 0; i < s.n; i++)
		v = v << 8 | s.p[i];
	return v;
}

/* The usual widths without a loop: headers of messages are read with them. */
static inline uint8_t cur_u8(struct cur *c)
{
	const uint8_t *p = cur_bytes(c, 1).p;
	return p ? p[0] : 0;
}

static inline uint16_t cur_u16(struct cur *c)
{
	const uint8_t *p = cur_bytes(c, 2).p;
	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static inline uint32_t cur_u24(struct cur *c)
{
	const uint8_t *p = cur_bytes(c, 3).p;
	return p ? (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2] : 0;
}

static inline uint32_t cur_u32(struct cur *c)
{
	const uint8_t *p = cur_bytes(c, 4).p;
	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

/* RTMP's message stream id is the one little-endian field there is. */
static inline uint32_t cur_u32le(struct cur *c)
{
	return __builtin_bswap32(cur_u32(c));
}

static inline double cur_f64(struct cur *c)
{
	uint64_t bits = cur_be(c, 8);
	double v;
	memcpy(&v, &bits, sizeof(v));
	return v;
}
