/* Program streams of cameras are read: whole ones, and what devices really send. */
#include "unit/codec/ps_rig.h"

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
		CASE(sound_beside_the_program_stream),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
