/* mp4_box - boxes that are being written: their size is filled in when they end. Layer: codec. */
#pragma once
#include "base/buf.h"

static inline size_t box_begin(struct buf *b, const char *type)
{
	size_t at = b->n;
	buf_u32(b, 0);
	buf_put(b, type, 4);
	return at;
}

static inline size_t box_begin_full(struct buf *b, const char *type, uint8_t version,
				    uint32_t flags)
{
	size_t at = box_begin(b, type);
	buf_u32(b, (uint32_t)version << 24 | flags);
	return at;
}

static inline void box_set_u32(struct buf *b, size_t at, uint32_t v)
{
	if (buf_ok(b))
		for (size_t i = 0; i < 4; i++)
			b->p[at + i] = (uint8_t)(v >> (24 - 8 * i));
}

static inline void box_end(struct buf *b, size_t at)
{
	box_set_u32(b, at, (uint32_t)(b->n - at));
}

static inline void box_zeros(struct buf *b, size_t n)
{
	uint8_t *p = buf_grow(b, n);
	if (p)
		memset(p, 0, n);
}
