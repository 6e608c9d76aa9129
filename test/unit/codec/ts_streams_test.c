/* Which streams of a transport stream are read, and what is said of the others. */
#include "unit/codec/ts_rig.h"

static void tables_in_pieces_are_put_together(void **state)
{
	(void)state;
	section(0, "00 B000 0001 C1 0000 0000 E010 0001 E020", 9, 20);
	section(0x20, "02 B000 0001 C1 0000 E021 F000 1B E021 F000", 0, 13);
	pes(PID, AT_1S, SETS "000001 65B8");
	feed(1316);
	ts_demux_end(demux);
	assert_int_equal(drain(), 2);
}

static void tables_that_are_damaged_or_do_not_apply_are_ignored(void **state)
{
	(void)state;
	section(0, "00 B000 0001 C1 0000 0001 E020", 0, 184);
	stream.p[stream.n - 1] ^= 1; /* the checksum is wrong */
	section(0x20, "02 B000 0001 C1 0000 E021 F000 1B E021 F000", 0, 184);
	pes(PID, AT_1S, SETS "000001 65B8");
	section(0, "00 B000 0001 C0 0000 0001 E020", 0, 184); /* of later */
	section(0x20, "02 B000 0001 C1 0000 E021 F000 1B E021 F000", 0, 184);
	pes(PID, AT_1S, SETS "000001 65B8");
	feed(1316);
	ts_demux_end(demux);
	expect_no_more();
}

static void the_program_with_pictures_is_read(void **state)
{
	(void)state;
	section(0, "00 B000 0001 C1 0000 0001 E020 0002 E022", 0, 184);
	section(0x20, "02 B000 0001 C1 0000 E021 F000 0F E023 F000", 0, 184);
	section(0x22, "02 B000 0002 C1 0000 E021 F000 1B E021 F000 1B E024 F000", 0, 184);
	pes(PID, AT_1S, SETS "000001 65B8");
	pes(0x24, AT_1S, SETS "000001 65B8");
	feed(1316);
	assert_int_equal(demux->program, 2);
	ts_demux_end(demux);
	assert_int_equal(drain(), 2);
	/* it goes, and the other one is what there is */
	section(0, "00 B000 0001 C3 0000 0001 E020", 0, 184);
	section(0x20, "02 B000 0001 C1 0000 E021 F000 0F E023 F000", 0, 184);
	feed(1316);
	assert_int_equal(demux->program, 1);
	assert_int_equal(demux->video.pid, 0);
	assert_int_equal(demux->sound.pid, 0x23);
}

static void a_named_program_and_sound_are_read(void **state)
{
	(void)state;
	ts_demux_free(&demux);
	demux = ts_demux_new(&(struct ts_demux_opts){.program = 3, .audio = 2});
	section(0, "00 B000 0001 C1 0000 0001 E020 0003 E020", 0, 184);
	section(0x20, "02 B000 0001 C1 0000 E021 F000 1B E021 F000", 0, 184);
	section(0x20, "02 B000 0003 C1 0000 E021 F000 03 E023 F000 0F E024 F000", 0, 184);
	feed(1316);
	assert_int_equal(demux->program, 3);
	assert_int_equal(demux->video.pid, 0);
	assert_int_equal(demux->sound.pid, 0x24);
}

static void what_is_left_out_is_told_once(void **state)
{
	char note[TS_DEMUX_NOTE];
	(void)state;
	for (int i = 0; i < 2; i++)
		tables("1B E021 F000 8A E023 F000");
	feed(1316);
	assert_true(ts_demux_note(demux, note));
	assert_string_equal(note, "DTS (PID 35) is left out: it has no place in our streams");
	assert_false(ts_demux_note(demux, note));
}

static void a_sound_that_is_not_there_is_told_and_the_first_one_taken(void **state)
{
	char note[TS_DEMUX_NOTE];
	(void)state;
	ts_demux_free(&demux);
	demux = ts_demux_new(&(struct ts_demux_opts){.audio = 3});
	tables("1B E021 F000 0F E023 F000");
	tables("1B E021 F000 0F E023 F000");
	feed(1316);
	assert_int_equal(demux->sound.pid, 0x23);
	assert_true(ts_demux_note(demux, note));
	assert_string_equal(note,
			    "sound 3 was named, and its program has 1: the first one is taken");
	assert_false(ts_demux_note(demux, note));
}

static void a_change_of_the_map_begins_streams_anew(void **state)
{
	(void)state;
	tables("1B E021 F000");
	pes(PID, AT_1S, SETS "000001 65B8");
	tables("24 E021 F000");
	feed(1316);
	assert_int_equal(drain(), 2); /* the picture was whole */
	assert_int_equal(demux->video.es.kind, ES_HEVC);
	tables("1B E022 F000 0F E021 F000");
	feed(1316);
	assert_int_equal(demux->video.pid, 0x22);
	assert_int_equal(demux->sound.pid, 0x21);
}

static void scrambled_packets_are_counted_and_told(void **state)
{
	char note[TS_DEMUX_NOTE];
	(void)state;
	tables("1B E021 F000");
	size_t at = stream.n;
	pes(PID, AT_1S, SETS "000001 65B8");
	stream.p[at + 3] |= 0x80;
	feed(1316);
	assert_int_equal(demux->scrambled, 1);
	assert_true(ts_demux_note(demux, note));
}

static void sound_over_packets_has_times_by_samples(void **state)
{
	(void)state;
	tables("0F E021 F000");
	/* two frames of 11 bytes, the second in two packets, whose second one has a time of its own */
	pes(PID, AT_1S, "FFF15080 017FFC 21112233 FFF15080 017FFC 21");
	pes(PID, AT_1080, "445566 FFF15080 017FFC 21778899");
	feed(1316);
	expect(1000, "AF 00 1210");
	expect(1000, "AF 01 21112233");
	expect(1023, "AF 01 21445566");
	expect(1080, "AF 01 21778899");
	expect_no_more();
}

static void sound_is_found_again_behind_rubbish(void **state)
{
	(void)state;
	tables("0F E021 F000");
	pes(PID, AT_1S, "0102FFF1 FFF15080 017FFC 21112233 FFF15080 017FFC 21445566");
	feed(1316);
	expect(1000, "AF 00 1210");
	expect(1000, "AF 01 21112233");
	expect(1023, "AF 01 21445566");
	assert_int_equal(demux->out.counts.skipped, 4);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(tables_in_pieces_are_put_together),
		CASE(tables_that_are_damaged_or_do_not_apply_are_ignored),
		CASE(the_program_with_pictures_is_read),
		CASE(a_named_program_and_sound_are_read),
		CASE(what_is_left_out_is_told_once),
		CASE(a_sound_that_is_not_there_is_told_and_the_first_one_taken),
		CASE(a_change_of_the_map_begins_streams_anew),
		CASE(scrambled_packets_are_counted_and_told),
		CASE(sound_over_packets_has_times_by_samples),
		CASE(sound_is_found_again_behind_rubbish),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
