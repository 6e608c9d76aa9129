#include "base/check.h"
#include "codec/chunk.h"

static void write_basic(struct buf *b, unsigned fmt, uint32_t csid)
{
	check(csid >= CSID_CONTROL && csid <= 65599);
	uint8_t high = (uint8_t)(fmt << 6);
	if (csid < 64) {
		buf_u8(b, high | (uint8_t)csid);
	} else if (csid < 64 + 256) {
		buf_u8(b, high);
		buf_u8(b, (uint8_t)(csid - 64));
	} else {
		buf_u8(b, high | 1);
		buf_u8(b, (uint8_t)(csid - 64));
		buf_u8(b, (uint8_t)((csid - 64) >> 8));
	}
}

void chunk_write_header0(struct buf *b, uint32_t csid, uint8_t type, uint32_t stream_id,
			 uint32_t ts, uint32_t length)
{
	check(length <= CHUNK_SIZE_MAX);
	write_basic(b, 0, csid);
	buf_u24(b, ts < CHUNK_TIME_EXTENDED ? ts : CHUNK_TIME_EXTENDED);
	buf_u24(b, length);
	buf_u8(b, type);
	buf_u32le(b, stream_id);
	if (ts >= CHUNK_TIME_EXTENDED)
		buf_u32(b, ts);
}

/* The payload of a message whose first header was written with this timestamp field. */
static void write_payload(struct buf *b, uint32_t chunk_size, uint32_t csid, uint32_t field,
			  struct span payload)
{
	check(chunk_size > 0);
	for (size_t at = 0; at < payload.n;) {
		if (at > 0) {
			write_basic(b, 3, csid);
			if (field >= CHUNK_TIME_EXTENDED)
				buf_u32(b, field);
		}
		size_t n = payload.n - at < chunk_size ? payload.n - at : chunk_size;
		buf_put(b, payload.p + at, n);
		at += n;
	}
}

void chunk_write(struct buf *b, uint32_t chunk_size, uint32_t csid, uint8_t type,
		 uint32_t stream_id, uint32_t ts, struct span payload)
{
	chunk_write_header0(b, csid, type, stream_id, ts, (uint32_t)payload.n);
	write_payload(b, chunk_size, csid, ts, payload);
}

void chunk_write_delta(struct buf *b, uint32_t chunk_size, uint32_t csid, uint8_t type,
		       uint32_t delta, struct span payload)
{
	check(delta < CHUNK_TIME_EXTENDED && payload.n <= CHUNK_SIZE_MAX && csid < 64);
	uint8_t *at = buf_grow(b, CHUNK_HEADER1_SIZE);
	if (!at)
		return;
	at[0] = (uint8_t)(1 << 6 | csid);
	be_put(at + 1, delta, 3);
	be_put(at + 4, payload.n, 3);
	at[7] = type;
	write_payload(b, chunk_size, csid, delta, payload);
}

size_t chunk_delta_size(uint32_t chunk_size, size_t payload)
{
	check(chunk_size > 0);
	size_t continuations = payload ? (payload - 1) / chunk_size : 0;
	return CHUNK_HEADER1_SIZE + payload + continuations;
}
