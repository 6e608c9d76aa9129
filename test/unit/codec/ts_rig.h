/* ts_rig - transport streams packet by packet, and what their demuxer makes of them. */
#pragma once
#include "base/mem.h"
#include "codec/ts.h"
#include "codec/ts_demux.h"
#include "support/hex.h"
#include "support/unit.h"

#include <stdlib.h>
#include <string.h>

#define AVCC "01 42C01E FF E1 000D 6742C01EDA014016E90000039C 01 0002 68CE"

enum { PID = 0x21, HEAP = 1 << 20 };

static struct ts_demux *demux;
static struct buf stream;
static struct track video, sound;
static uint8_t counters[64];

static inline int setup(void **state)
{
	(void)state;
	demux = ts_demux_new(&(struct ts_demux_opts){0});
	stream = (struct buf){.max = HEAP};
	memset(counters, 0, sizeof(counters));
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	ts_demux_free(&demux);
	track_free(&video);
	track_free(&sound);
	video = sound = (struct track){0};
	buf_free(&stream);
	return msg_live() ? -1 : 0;
}

static inline void feed(size_t piece)
{
	for (size_t at = 0; at < stream.n; at += piece)
		ts_demux_take(demux, span_head(span_rest(buf_span(&stream), at), piece));
	buf_clear(&stream);
}

/* The next message has this time and this payload. */
static inline void expect(uint32_t time, const char *hex)
{
	struct msg *m = NULL;
	uint32_t raw = 0;
	if (!ts_demux_next(demux, &m, &raw))
		fail_msg("no message, wanted %s at %u", hex, time);
	struct span want = hex_bytes(hex);
	assert_int_equal(raw, time);
	if (m->n != want.n || memcmp(m->payload, want.p, want.n) != 0)
		fail_msg("%u bytes, %02x %02x %02x %02x %02x %02x ..., not %s", m->n, m->payload[0],
			 m->payload[1], m->payload[2], m->payload[3], m->payload[4], m->payload[5],
			 hex);
	hex_free(want);
	msg_unref(&m);
}

static inline void expect_no_more(void)
{
	struct msg *m = NULL;
	uint32_t raw;
	assert_false(ts_demux_next(demux, &m, &raw));
}

static inline int drain(void)
{
	struct msg *m;
	uint32_t raw;
	int n = 0;
	for (; ts_demux_next(demux, &m, &raw); n++)
		msg_unref(&m);
	return n;
}

/* ---- what our writer makes ---- */

static inline void learn(struct track *t, enum msg_type type, uint32_t codec, const char *header,
			 const char *unit)
{
	struct span a = hex_bytes(header), b = hex_bytes(unit);
	struct au au = {.type = (uint8_t)type, .is_header = true, .codec = codec, .data = a};
	if (a.n)
		(void)track_take(t, &au);
	au = (struct au){.type = (uint8_t)type, .is_key = true, .codec = codec, .data = b};
	(void)track_take(t, &au);
	assert_true(t->is_ready);
	hex_free(a);
	hex_free(b);
}

static inline void put(struct ts_writer *w, const struct track *t, const char *unit, bool is_key,
		       int64_t dts, int64_t pts)
{
	struct span data = hex_bytes(unit);
	struct au au = {.type = t->type, .is_key = is_key, .codec = t->codec, .data = data};
	assert_true(ts_write(w, &stream, &au, 1, dts - TS_SHIFT, pts - TS_SHIFT, false));
	hex_free(data);
}

/* ---- what others send ---- */

/* A packet: `flags` has the start of a unit (0x40); stuffed by an adaptation field. */
static inline void packet(unsigned flags, unsigned pid, unsigned counter, struct span payload)
{
	size_t room = TS_DEMUX_PACKET - 4, fill = room - payload.n;
	assert_true(payload.n <= room);
	buf_u8(&stream, 0x47);
	buf_u16(&stream, (uint16_t)(flags << 8 | pid));
	buf_u8(&stream, (uint8_t)(counter % 16 | 0x10 | (fill ? 0x20 : 0)));
	for (size_t i = 0; i < fill; i++)
		buf_u8(&stream, i == 0 ? (uint8_t)(fill - 1) : i == 1 ? 0 : 0xFF);
	buf_put(&stream, payload.p, payload.n);
}

static inline void packets(unsigned pid, struct span bytes, size_t most)
{
	for (unsigned flags = 0x40; bytes.n > 0 || flags; flags = 0) {
		struct span part = span_head(bytes, most);
		packet(flags, pid, counters[pid]++, part);
		bytes = span_rest(bytes, part.n);
	}
}

/* A section behind `before` bytes of pointer field and stuffing, in packets of at most `most` bytes. */
static inline void section(unsigned pid, const char *hex, uint8_t before, size_t most)
{
	struct span body = hex_bytes(hex);
	struct buf all = {.max = 4096};
	buf_u8(&all, before);
	for (uint8_t i = 0; i < before; i++)
		buf_u8(&all, 0xFF);
	size_t at = all.n;
	buf_put(&all, body.p, body.n);
	all.p[at + 1] = (uint8_t)(0xB0 | (body.n + 4 - 3) >> 8);
	all.p[at + 2] = (uint8_t)(body.n + 4 - 3);
	buf_u32(&all, psi_crc(span_of(all.p + at, body.n)));
	packets(pid, buf_span(&all), most);
	buf_free(&all);
	hex_free(body);
}

static inline void tables(const char *streams)
{
	char *map = mem_printf("02 B000 0001 C1 0000 E021 F000 %s", streams);
	section(0, "00 B000 0001 C1 0000 0001 E020", 0, 184);
	section(0x20, map, 0, 184);
	free(map);
}

/* A PES packet; `times` are the flags, the length and the times of its header. */
static inline void pes(unsigned pid, const char *times, const char *payload)
{
	char *text = mem_printf("000001 E0 0000 80 %s %s", times, payload);
	struct span s = hex_bytes(text);
	packets(pid, s, 184);
	hex_free(s);
	free(text);
}

#define AT_1S "80 05 21 0005 BF21"   /* 90000 */
#define AT_1040 "80 05 21 0005 DB41" /* 93600 */
#define AT_1080 "80 05 21 0005 F761" /* 97200 */
#define SETS "00000001 6742C01EDA014016E9 00000001 68CE"
#define RECORD "17 00 000000 01 42C01E FF E1 0009 6742C01EDA014016E9 01 0002 68CE"
