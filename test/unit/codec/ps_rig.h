/* ps_rig - program streams by hand, and what their demuxer makes of them. */
#pragma once
#include "base/buf.h"
#include "codec/ps_demux.h"
#include "support/hex.h"
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#define SETS "00000001 6742C01EDA014016E90000039C 00000001 68CE"
#define IDR "00000001 6588840A"
#define SLICE "00000001 419A02"
#define RECORD "17 00 000000 0142C01EFFE1000D6742C01EDA014016E90000039C01000268CE"
#define KEY "17 01 000000 00000004 6588840A"
#define PICTURE "27 01 000000 00000003 419A02"
#define ADTS "FFF1 5080 013F FC AABB"
#define CONFIG "AF 00 1210"
#define FRAME "AF 01 AABB"
#define PACK "000001BA 44 00 04 00 04 01 00 00 03 F8"
#define MAP "000001BC 0012 E1FF 0000 0008 1B E0 0000 0F C0 0000 00000000"

enum { FRAME_TICKS = 3600 };

static struct ps_demux *demux;
static struct buf stream;

static inline int setup(void **state)
{
	(void)state;
	demux = ps_demux_new();
	stream = (struct buf){.max = 1 << 20};
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	ps_demux_free(&demux);
	buf_free(&stream);
	return msg_live() ? -1 : 0;
}

/* ---- a stream ---- */

static inline void put(const char *hex)
{
	struct span s = hex_bytes(hex);
	buf_put(&stream, s.p, s.n);
	hex_free(s);
}

static inline void put_time(unsigned mark, uint64_t t)
{
	buf_u8(&stream, (uint8_t)(mark << 4 | (t >> 29 & 14) | 1));
	buf_be(&stream, (t >> 14 & 0xFFFE) | 1, 2);
	buf_be(&stream, (t << 1 & 0xFFFE) | 1, 2);
}

enum { UNTIMED = -1, TRUE_LENGTH = -1 };

/* A packet of that stream with a time, and a length if it is to be another one than the true one. */
static inline void put_pes(unsigned id, int64_t pts, int length, const char *hex)
{
	struct span s = hex_bytes(hex);
	size_t head = pts == UNTIMED ? 3 : 8;
	buf_be(&stream, 0x00000100 | id, 4);
	buf_be(&stream, length == TRUE_LENGTH ? head + s.n : (size_t)length, 2);
	buf_be(&stream, pts == UNTIMED ? 0x800000 : 0x808005, 3);
	if (pts != UNTIMED)
		put_time(2, (uint64_t)pts);
	buf_put(&stream, s.p, s.n);
	hex_free(s);
}

static inline void put_picture(int64_t pts, const char *hex)
{
	put(PACK);
	put_pes(0xE0, pts, TRUE_LENGTH, hex);
}

static inline void feed_at(size_t piece, int64_t carried)
{
	for (size_t at = 0; at < stream.n; at += piece)
		ps_demux_take(demux, span_head(span_rest(buf_span(&stream), at), piece), carried);
	buf_clear(&stream);
}

static inline void feed(size_t piece)
{
	feed_at(piece, ES_NO_TIME);
}

/* ---- what comes out ---- */

static inline void expect(uint32_t time, const char *hex)
{
	struct msg *m = NULL;
	uint32_t raw = 0;
	if (!ps_demux_next(demux, &m, &raw))
		fail_msg("no message, wanted %s at %u", hex, time);
	struct span want = hex_bytes(hex);
	if (m->n != want.n || memcmp(m->payload, want.p, want.n) != 0)
		fail_msg("%u bytes, %02x %02x %02x ..., not %s", m->n, m->payload[0], m->payload[1],
			 m->payload[2], hex);
	assert_int_equal(raw, time);
	hex_free(want);
	msg_unref(&m);
}

static inline void expect_no_more(void)
{
	struct msg *m = NULL;
	uint32_t raw;
	assert_false(ps_demux_next(demux, &m, &raw));
}

static inline void expect_note(const char *text)
{
	char note[PS_NOTE];
	assert_true(ps_demux_note(demux, note));
	assert_string_equal(note, text);
}

/* ---- whole streams ---- */

static inline void put_usual(void)
{
	put(PACK "000001BB 0006 800001 04E1 7F" MAP);
	put_pes(0xE0, 90000, TRUE_LENGTH, "00000001 6742C01EDA014016E90000039C");
	put_pes(0xE0, 90000, TRUE_LENGTH, "00000001 68CE");
	put_pes(0xE0, 90000, TRUE_LENGTH, IDR);
	put_pes(0xC0, 90900, TRUE_LENGTH, ADTS);
	put_picture(90000 + FRAME_TICKS, SLICE);
	put_picture(90000 + 2 * FRAME_TICKS, SLICE);
	put("000001B9");
}

static inline void expect_usual(void)
{
	expect(1010, CONFIG);
	expect(1010, FRAME);
	expect(1000, RECORD);
	expect(1000, KEY);
	expect(1040, PICTURE);
	expect_no_more();
	ps_demux_end(demux);
	expect(1080, PICTURE);
	expect_no_more();
}
