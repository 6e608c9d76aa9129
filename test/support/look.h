/* look - messages that a demuxer has made out of any bytes, looked at by fuzz targets: each is whole. */
#pragma once
#include "base/check.h"
#include "codec/au.h"

/* Reads the message to its end, and releases it. */
static inline void look_at(struct msg *m)
{
	struct au_walk w;
	struct au au;
	volatile uint8_t last = m->n ? m->payload[m->n - 1] : 0;
	(void)last;
	for (au_begin(&w, m); au_next(&w, &au);)
		check(au.data.n <= m->n);
	msg_unref(&m);
}

/* Bytes of a piece, by what the input ends with. */
static inline size_t look_piece(const uint8_t *data, size_t n)
{
	return n ? data[n - 1] * 3u + 1 : 1;
}
