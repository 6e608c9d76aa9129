/* cursor_rig - a wire that a test fills, and what its cursors read. Layer: test. */
#pragma once
#include "base/clock.h"
#include "base/mem.h"
#include "codec/chunk.h"
#include "live/cursor.h"
#include "live/wire.h"
#include "support/unit.h"
#include "unit/live/media.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>

enum { BACKLOG_MS = 3000, FRAME_MS = 40, GOP = 25, MANY = 1000 };

static struct wire *wire;
static int64_t now, ts;
static int pictures;

static inline int setup(void **state)
{
	(void)state;
	wire = wire_new(&wire_rtmp, &(struct wire_opts){4096, BACKLOG_MS});
	wire->key_wait_ms = INT64_C(1) << 40; /* for ever */
	now = 1000000;
	ts = 0;
	pictures = 0;
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	wire_free(&wire);
	return msg_live() ? -1 : 0;
}

static inline void append(struct msg *m)
{
	m->ts = ts;
	bool key = m->type == MSG_VIDEO && m->payload[0] == 0x17;
	m->frame.is_key = key;
	wire_append(wire, m, key, NULL, now);
	msg_unref(&m);
}

/* Pictures and sound of so many milliseconds; gop 0 has no key frame. */
static inline void stream(int ms, int gop, int64_t step)
{
	for (int at = 0; at < ms; at += FRAME_MS) {
		append(gop && pictures % gop == 0 ? key_frame(3000) : picture(1000));
		append(sound(200));
		pictures++;
		ts += step;
		now += FRAME_MS;
	}
}

static inline void open_cursor(struct cursor *c, uint32_t stream_id, bool own_base, bool from_start,
			       bool await_key, struct headers *headers)
{
	struct cursor_opts opts = {
		.stream_id = stream_id, .own_base = own_base, .from_start = from_start};
	cursor_open(c, wire, &opts, await_key, headers);
}

static inline size_t read_all(struct cursor *c)
{
	struct iovec iov[8];
	size_t total = 0;
	int n;
	while ((n = cursor_gather(c, iov, 8, 1 << 20)) > 0) {
		size_t size = 0;
		for (int i = 0; i < n; i++)
			size += iov[i].iov_len;
		cursor_advance(c, size);
		total += size;
	}
	return total;
}

/* The first media message that is sent next, and its time. */
static inline uint8_t first_byte(struct cursor *c, uint32_t *time)
{
	struct iovec iov[8];
	struct chunk_reader *r = chunk_reader_new();
	uint8_t size[] = {2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 16, 0}, first = 0;
	struct cur in = cur_of(size, sizeof(size));
	struct rtmp_msg m = {0};
	bool got = false;
	assert_int_equal(chunk_read(r, &in, &m, &got), OK);
	int n = cursor_gather(c, iov, 8, 1 << 20);
	for (int i = 0; i < n && !got; i++) {
		in = cur_of(iov[i].iov_base, iov[i].iov_len);
		assert_int_equal(chunk_read(r, &in, &m, &got), OK);
	}
	assert_true(got);
	first = m.media->payload[0];
	*time = m.ts;
	rtmp_msg_fini(&m);
	chunk_reader_free(&r);
	return first;
}
