/* Program streams with faults, and their times. */
#include "unit/codec/ps_rig.h"

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

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
