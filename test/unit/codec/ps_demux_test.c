/* Program streams of cameras are read: whole ones, and what devices really send. */
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

static int setup(void **state)
{
	(void)state;
	demux = ps_demux_new();
	stream = (struct buf){.max = 1 << 20};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ps_demux_free(&demux);
	buf_free(&stream);
	return msg_live() ? -1 : 0;
}

/* ---- a stream ---- */

static void put(const char *hex)
{
	struct span s = hex_bytes(hex);
	buf_put(&stream, s.p, s.n);
	hex_free(s);
}

static void put_time(unsigned mark, uint64_t t)
{
	buf_u8(&stream, (uint8_t)(mark << 4 | (t >> 29 & 14) | 1));
	buf_be(&stream, (t >> 14 & 0xFFFE) | 1, 2);
	buf_be(&stream, (t << 1 & 0xFFFE) | 1, 2);
}

enum { UNTIMED = -1, TRUE_LENGTH = -1 };

/* A packet of that stream with a time, and a length if it is to be another one than the true one. */
static void put_pes(unsigned id, int64_t pts, int length, const char *hex)
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

static void put_picture(int64_t pts, const char *hex)
{
	put(PACK);
	put_pes(0xE0, pts, TRUE_LENGTH, hex);
}

static void feed_at(size_t piece, int64_t carried)
{
	for (size_t at = 0; at < stream.n; at += piece)
		ps_demux_take(demux, span_head(span_rest(buf_span(&stream), at), piece), carried);
	buf_clear(&stream);
}

static void feed(size_t piece)
{
	feed_at(piece, ES_NO_TIME);
}

/* ---- what comes out ---- */

static void expect(uint32_t time, const char *hex)
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

static void expect_no_more(void)
{
	struct msg *m = NULL;
	uint32_t raw;
	assert_false(ps_demux_next(demux, &m, &raw));
}

static void expect_note(const char *text)
{
	char note[PS_NOTE];
	assert_true(ps_demux_note(demux, note));
	assert_string_equal(note, text);
}

/* ---- whole streams ---- */

static void put_usual(void)
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

static void expect_usual(void)
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

static void pictures_and_sound_come_out_whole(void **state)
{
	(void)state;
	put_usual();
	feed(stream.n);
	expect_usual();
	assert_int_equal(demux->packs, 3);
	assert_int_equal(demux->broken, 0);
}

static void pieces_of_any_size_give_the_same(void **state)
{
	for (size_t piece = 1; piece < 24; piece++) {
		put_usual();
		feed(piece);
		expect_usual();
		assert_int_equal(teardown(state), 0);
		setup(state);
	}
}

static void a_large_picture_stands_in_several_packets(void **state)
{
	(void)state;
	put(PACK MAP);
	put_picture(0, SETS IDR);
	put(PACK);
	put_pes(0xE0, FRAME_TICKS, TRUE_LENGTH, "00000001 419A");
	put_pes(0xE0, UNTIMED, TRUE_LENGTH, "02");
	put_pes(0xE0, UNTIMED, TRUE_LENGTH,
		"03 000001 419A04"); /* another picture of the same time */
	put_picture(2 * FRAME_TICKS, SLICE);
	feed(11);
	expect(0, RECORD);
	expect(0, KEY);
	expect(40, "27 01 000000 00000004 419A0203");
	expect(60, "27 01 000000 00000003 419A04");
}

static void packets_without_a_length_end_where_the_next_begins(void **state)
{
	(void)state;
	put(PACK MAP);
	put_pes(0xE0, 0, 0, SETS IDR "0000"); /* zeros at the end belong to nothing */
	put(PACK);
	put_pes(0xE0, FRAME_TICKS, 0, SLICE);
	put_picture(2 * FRAME_TICKS, SLICE);
	feed(3);
	expect(0, RECORD);
	expect(0, KEY);
	expect(40, PICTURE);
}

static void pictures_before_the_parameter_sets_are_left_out(void **state)
{
	(void)state;
	put(PACK MAP);
	put_picture(0, SLICE);
	put_picture(FRAME_TICKS, SETS IDR);
	put_picture(2 * FRAME_TICKS, SLICE);
	feed(50);
	expect(40, RECORD);
	expect(40, KEY);
	assert_int_equal(demux->streams.out.counts.early, 1);
}

/* ---- which streams ---- */

static void streams_without_a_map_are_recognised(void **state)
{
	(void)state;
	put_picture(0, SETS IDR);
	put_pes(0xC0, 0, TRUE_LENGTH, ADTS);
	put_picture(FRAME_TICKS, SLICE);
	feed(stream.n);
	expect(0, CONFIG);
	expect(0, FRAME);
	expect(0, RECORD);
	expect(0, KEY);
}

static void hevc_is_recognised(void **state)
{
	(void)state;
	static const char sets[] =
		"00000001 40010C01FFFF016000000300B0000003000003003CAC09"
		"00000001 420101016000000300B0000003000003003CA00A080C1F8DAD3B4C9C9C"
		"00000001 4401C1736240";
	char key[512];
	snprintf(key, sizeof(key), "%s 00000001 2601AF08", sets);
	put_picture(0, key);
	put_picture(FRAME_TICKS, "00000001 0201D0");
	feed(9);
	struct msg *m;
	uint32_t raw;
	assert_int_equal(demux->streams.video.es.kind, ES_HEVC);
	while (ps_demux_next(demux, &m, &raw))
		msg_unref(&m);
}

static void g711_of_the_map_is_passed_on(void **state)
{
	(void)state;
	put(PACK "000001BC 0012 E1FF 0000 0008 1B E0 0000 90 C0 0000 00000000");
	put_pes(0xC0, 90000, TRUE_LENGTH, "D5D5D5D5");
	feed(stream.n);
	expect(1000, "72 D5D5D5D5");
}

static void a_map_with_descriptors_of_a_vendor_is_read(void **state)
{
	(void)state;
	put(PACK "000001BC 001E E1FF 0008 4806484B56010203 000C 1B E0 0004 2A020102 0F C0 0000 "
		 "00000000");
	put_pes(0xE0, 0, TRUE_LENGTH, SETS IDR);
	put_picture(FRAME_TICKS, SLICE);
	feed(13);
	expect(0, RECORD);
	expect(0, KEY);
	assert_int_equal(demux->streams.mapped_n, 2);
}

static void what_is_private_or_padding_is_skipped(void **state)
{
	(void)state;
	put_picture(0, SETS IDR);
	put("000001BD 0004 80000041 000001BE 0003 FFFFFF 000001BF 0002 0102");
	put_picture(FRAME_TICKS, SLICE);
	feed(stream.n);
	expect(0, RECORD);
	expect(0, KEY);
	expect_no_more();
	assert_int_equal(demux->broken, 0);
}

static void what_is_left_out_is_said_once(void **state)
{
	(void)state;
	put(PACK "000001BC 0012 E1FF 0000 0008 1B E0 0000 92 C0 0000 00000000");
	put_pes(0xC0, 0, TRUE_LENGTH, "0102");
	put_pes(0xC0, 0, TRUE_LENGTH, "0102");
	feed(stream.n);
	expect_note("G.722.1 is left out: it has no place in our streams");
	put_picture(0, SETS IDR);
	put_pes(0xE1, 0, TRUE_LENGTH, SETS IDR);
	feed(stream.n);
	expect_note("a further stream is left out: one picture and one sound are taken");
	put(PACK "000001E0 000C B08005 2100010001 00000001");
	feed(stream.n);
	expect_note("a stream is left out: it is scrambled");
	char note[PS_NOTE];
	assert_false(ps_demux_note(demux, note));
}

static void sound_of_no_known_kind_is_left_out(void **state)
{
	(void)state;
	put(PACK);
	put_pes(0xC0, 0, TRUE_LENGTH, "0102");
	feed(stream.n);
	expect_note("sound is left out: nothing says what it is");
	expect_no_more();
}

static void a_codec_may_change(void **state)
{
	(void)state;
	put(PACK MAP);
	put_pes(0xC0, 0, TRUE_LENGTH, ADTS);
	put("000001BC 0012 E1FF 0000 0008 1B E0 0000 90 C0 0000 00000000");
	put_pes(0xC0, 9000, TRUE_LENGTH, "D5D5");
	feed(stream.n);
	expect(0, CONFIG);
	expect(0, FRAME);
	expect(100, "72 D5D5");
}

/* ---- what is broken ---- */

static void a_wrong_length_costs_one_picture(void **state)
{
	(void)state;
	put(PACK MAP);
	put_picture(0, SETS IDR);
	put(PACK);
	put_pes(0xE0, FRAME_TICKS, 61026, SLICE);
	put_picture(2 * FRAME_TICKS, SLICE);
	put_picture(3 * FRAME_TICKS, SLICE);
	feed(17);
	ps_demux_end(demux);
	expect(0, RECORD);
	expect(0, KEY);
	expect(80, PICTURE);
	expect(120, PICTURE);
	assert_int_equal(demux->broken, 1);
}

static void a_length_that_is_too_short_is_found_out(void **state)
{
	(void)state;
	put(PACK MAP);
	put_picture(0, SETS IDR);
	put(PACK);
	put_pes(0xE0, FRAME_TICKS, 9, SLICE);
	put_picture(2 * FRAME_TICKS, SLICE);
	put_picture(3 * FRAME_TICKS, SLICE);
	feed(17);
	expect(0, RECORD);
	expect(0, KEY);
	expect(80, PICTURE);
	assert_int_equal(demux->broken, 1);
}

static void garbage_is_skipped_to_the_next_pack(void **state)
{
	(void)state;
	put("0102000001E0 000000 0001" PACK MAP);
	put_picture(0, SETS IDR);
	put("FF00FF");
	put_picture(FRAME_TICKS, SLICE);
	put_picture(2 * FRAME_TICKS, SLICE);
	feed(1);
	expect_no_more(); /* what stands in front of the garbage cannot be told to be whole */
	put_picture(3 * FRAME_TICKS, SETS IDR);
	put_picture(4 * FRAME_TICKS, SLICE);
	feed(1);
	expect(120, RECORD);
}

static void a_loss_costs_the_picture_that_it_is_in(void **state)
{
	(void)state;
	put_picture(0, SETS IDR);
	put_picture(FRAME_TICKS, "00000001 419A");
	feed(stream.n);
	ps_demux_lost(demux);
	put("0203040506");
	put_picture(2 * FRAME_TICKS, SLICE);
	put_picture(3 * FRAME_TICKS, SLICE);
	feed(stream.n);
	expect(0, RECORD);
	expect(0, KEY);
	expect(80, PICTURE);
}

static void heads_that_are_none_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"000001BA F4 00 04 00 04 01 00 00 03 F8",  /* of neither MPEG */
		PACK "000001E0 0009 00 0000 010203040506", /* MPEG-1 */
		PACK "000001E0 0003 80 80 05 2100010001",  /* longer than its packet */
		PACK "000001BC 0800 E1FF",                 /* a map without end */
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		uint64_t before = demux->broken;
		put(bad[i]);
		feed(stream.n);
		assert_int_equal(demux->broken, before + 1);
		ps_demux_lost(demux);
	}
	put(PACK "000001BC 0006 E1FF 0040 0000");
	feed(stream.n);
	assert_int_equal(demux->broken, 5);
}

static void packs_of_mpeg_1_are_passed_over(void **state)
{
	(void)state;
	put("000001BA 21 00 01 00 01 80 00 01");
	put_pes(0xE0, 0, TRUE_LENGTH, SETS IDR);
	put_picture(FRAME_TICKS, SLICE);
	feed(stream.n);
	expect(0, RECORD);
}

/* ---- times ---- */

static void pictures_without_times_have_those_of_the_carrier(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		put_picture(UNTIMED, i ? SLICE : SETS IDR);
		feed_at(stream.n, 90000 + i * FRAME_TICKS);
	}
	expect(1000, RECORD);
	expect(1000, KEY);
	expect(1040, PICTURE);
	expect_note("the times of the pictures stand still or are missing: those of RTP count");
}

static void times_that_stand_still_are_not_believed(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		put_picture(0, i ? SLICE : SETS IDR);
		feed_at(stream.n, 90000 + i * FRAME_TICKS);
	}
	struct msg *m;
	uint32_t raw, last = 0, n = 0;
	for (; ps_demux_next(demux, &m, &raw); n++) {
		last = raw;
		msg_unref(&m);
	}
	assert_int_equal(n, 10); /* a header and nine pictures: the tenth has not ended */
	assert_int_equal(last, 1000 + 8 * 40);
}

static void times_wrap(void **state)
{
	(void)state;
	const int64_t wrap = INT64_C(1) << 33;
	put_picture(wrap - FRAME_TICKS, SETS IDR);
	put_picture(0, SLICE);
	put_picture(FRAME_TICKS, SLICE);
	feed(stream.n);
	const uint32_t first = (uint32_t)((wrap - FRAME_TICKS) / 90);
	expect(first, RECORD);
	expect(first, KEY);
	expect(first + 40, PICTURE);
}

static void sound_on_another_clock_is_bound_to_the_pictures(void **state)
{
	(void)state;
	put(PACK MAP);
	put_pes(0xE0, 900000, TRUE_LENGTH, SETS IDR);
	put_pes(0xC0, 5, TRUE_LENGTH, ADTS);
	put_picture(900000 + FRAME_TICKS, SLICE);
	put_pes(0xC0, 5 + FRAME_TICKS, TRUE_LENGTH, ADTS);
	feed(stream.n);
	expect(10000, CONFIG);
	expect(10000, FRAME);
	expect(10000, RECORD);
	expect(10000, KEY);
	expect(10040, FRAME);
}

static void sound_without_times_is_counted_in_samples(void **state)
{
	(void)state;
	put(PACK MAP);
	put_pes(0xE0, 90000, TRUE_LENGTH, SETS IDR);
	put_pes(0xC0, UNTIMED, TRUE_LENGTH, ADTS);
	put_pes(0xC0, UNTIMED, TRUE_LENGTH, ADTS);
	feed(stream.n);
	expect(1000, CONFIG);
	expect(1000, FRAME);
	expect(1023, FRAME);
}

static void sound_beside_the_program_stream(void **state)
{
	(void)state;
	put_picture(90000, SETS IDR);
	feed(stream.n);
	struct span frames = hex_bytes("D5D5");
	ps_demux_take_sound(demux, ES_ALAW, frames);
	put_pes(0xC0, 90000, TRUE_LENGTH, ADTS); /* counts no longer */
	feed(stream.n);
	ps_demux_take_sound(demux, ES_ALAW, frames);
	hex_free(frames);
	expect(1000, "72 D5D5");
	expect(1000, "72 D5D5");
	expect_no_more();
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(pictures_and_sound_come_out_whole),
		CASE(pieces_of_any_size_give_the_same),
		CASE(a_large_picture_stands_in_several_packets),
		CASE(packets_without_a_length_end_where_the_next_begins),
		CASE(pictures_before_the_parameter_sets_are_left_out),
		CASE(streams_without_a_map_are_recognised),
		CASE(hevc_is_recognised),
		CASE(g711_of_the_map_is_passed_on),
		CASE(a_map_with_descriptors_of_a_vendor_is_read),
		CASE(what_is_private_or_padding_is_skipped),
		CASE(what_is_left_out_is_said_once),
		CASE(sound_of_no_known_kind_is_left_out),
		CASE(a_codec_may_change),
		CASE(a_wrong_length_costs_one_picture),
		CASE(a_length_that_is_too_short_is_found_out),
		CASE(garbage_is_skipped_to_the_next_pack),
		CASE(a_loss_costs_the_picture_that_it_is_in),
		CASE(heads_that_are_none_are_refused),
		CASE(packs_of_mpeg_1_are_passed_over),
		CASE(pictures_without_times_have_those_of_the_carrier),
		CASE(times_that_stand_still_are_not_believed),
		CASE(times_wrap),
		CASE(sound_on_another_clock_is_bound_to_the_pictures),
		CASE(sound_without_times_is_counted_in_samples),
		CASE(sound_beside_the_program_stream),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
