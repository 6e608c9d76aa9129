/* Transport streams are read: what our writer makes comes back as it was, and what others send is understood. */
#include "unit/codec/ts_rig.h"

static void what_our_writer_makes_comes_back(void **state)
{
	struct ts_writer w = {0};
	(void)state;
	learn(&video, MSG_VIDEO, CODEC_AVC, AVCC, "0000000265B8");
	learn(&sound, MSG_AUDIO, CODEC_AAC, "1210", "2111");
	ts_begin(&w, &video, &sound);
	ts_write_tables(&w, &stream);
	put(&w, &video, "00000003 65B811", true, 90000, 93600);
	put(&w, &sound, "211122", true, 90000, 90000);
	put(&w, &video, "00000002 419A 00000003 012277", false, 93600, 93600);
	put(&w, &sound, "2133", true, 92090, 92090);
	feed(7);
	expect(1000, "AF 00 1210"); /* sound does not wait */
	expect(1000, "AF 01 211122");
	expect(1000, "17 00 000000 01 42C01E FF E1 000D 6742C01EDA014016E90000039C 01 0002 68CE");
	expect(1000, "17 01 000028 00000003 65B811");
	expect(1023, "AF 01 2133");
	expect_no_more(); /* the picture may go on */
	ts_demux_end(demux);
	expect(1040, "27 01 000000 00000002 419A 00000003 012277");
	expect_no_more();
	assert_int_equal(demux->lost + demux->skipped + demux->out.counts.broken, 0);
	ts_end(&w);
}

static void opus_comes_back(void **state)
{
	static const char head[] = "4F70757348656164 01 02 0000 80BB0000 0000 00";
	struct ts_writer w = {0};
	(void)state;
	learn(&sound, MSG_AUDIO, CODEC_OPUS, head, "FC1122");
	ts_begin(&w, NULL, &sound);
	ts_write_tables(&w, &stream);
	put(&w, &sound, "FC1122", true, 9000, 9000);
	put(&w, &sound, "FC3344", true, 10800, 10800);
	feed(188);
	expect(100, "90 4F707573 4F70757348656164 01 02 0000 80BB0000 0000 00");
	expect(100, "91 4F707573 FC1122");
	expect(120, "91 4F707573 FC3344");
	ts_end(&w);
}

static void times_wrap_after_26_hours(void **state)
{
	const int64_t wrap = INT64_C(1) << 33;
	struct ts_writer w = {0};
	(void)state;
	learn(&sound, MSG_AUDIO, CODEC_AAC, "1210", "2111");
	ts_begin(&w, NULL, &sound);
	ts_write_tables(&w, &stream);
	put(&w, &sound, "2111", true, wrap - 900, wrap - 900);
	put(&w, &sound, "2122", true, wrap + 900, wrap + 900);
	feed(1316);
	uint32_t before = (uint32_t)((wrap - 900) / 90);
	expect(before, "AF 00 1210");
	expect(before, "AF 01 2111");
	expect(before + 20, "AF 01 2122");
	ts_end(&w);
}

static void pictures_in_pieces_and_packets_of_one_time_are_one(void **state)
{
	(void)state;
	tables("1B E021 F000");
	pes(PID, AT_1S, "00000001 09F0 " SETS);
	pes(PID, AT_1S, "00000001 0605FF");
	pes(PID, AT_1S, "00000001 65B811 000001 652211");
	pes(PID, AT_1040, "00000001 419A");
	pes(PID, "00 00", "77");
	pes(PID, AT_1080, "00000001 419B");
	feed(1316);
	expect(1000, RECORD);
	expect(1000, "17 01 000000 00000003 0605FF 00000003 65B811 00000003 652211");
	expect(1040, "27 01 000000 00000003 419A77");
	expect_no_more();
	ts_demux_end(demux);
	expect(1080, "27 01 000000 00000002 419B");
}

static void several_pictures_of_one_packet_share_its_time(void **state)
{
	(void)state;
	tables("1B E021 F000");
	pes(PID, AT_1S, SETS "000001 65B8");
	pes(PID, AT_1040, "000001 09F0 000001 419A 000001 09F0 000001 419C 000001 0122");
	pes(PID, AT_1080, "000001 419D");
	feed(1316);
	expect(1000, RECORD);
	expect(1000, "17 01 000000 00000002 65B8");
	expect(1040, "27 01 000000 00000002 419A");
	expect(1060, "27 01 000000 00000002 419C 00000002 0122");
	expect_no_more();
}

static void pictures_before_their_parameter_sets_are_left_out(void **state)
{
	(void)state;
	tables("1B E021 F000");
	pes(PID, AT_1S, "000001 419A");
	pes(PID, AT_1040, SETS "000001 65B8");
	pes(PID, AT_1080, SETS "000001 65B9");
	ts_demux_end(demux);
	feed(1316);
	ts_demux_end(demux);
	expect(1040, RECORD);
	expect(1040, "17 01 000000 00000002 65B8");
	expect(1080, "17 01 000000 00000002 65B9"); /* the same sets are not told again */
	expect_no_more();
	assert_int_equal(demux->out.counts.early, 1);
}

static void a_picture_with_a_gap_is_dropped_and_those_behind_it_are_not(void **state)
{
	(void)state;
	tables("1B E021 F000");
	pes(PID, AT_1S, SETS "000001 65B8");
	pes(PID, AT_1040, "000001 419A");
	counters[PID]++; /* a packet of it is missing */
	pes(PID, "00 00", "77");
	pes(PID, AT_1080, "000001 419B");
	feed(1316);
	ts_demux_end(demux);
	expect(1000, RECORD);
	expect(1000, "17 01 000000 00000002 65B8");
	expect(1080, "27 01 000000 00000002 419B");
	expect_no_more();
	assert_int_equal(demux->lost, 1);
	assert_int_equal(demux->out.counts.broken, 1);
}

static void a_packet_that_comes_twice_counts_once(void **state)
{
	(void)state;
	tables("1B E021 F000");
	pes(PID, AT_1S, SETS "000001 65B8");
	counters[PID]--;
	pes(PID, AT_1S, SETS "000001 65B8");
	feed(1316);
	ts_demux_end(demux);
	expect(1000, RECORD);
	expect(1000, "17 01 000000 00000002 65B8");
	expect_no_more();
}

static void rubbish_between_packets_is_skipped(void **state)
{
	(void)state;
	buf_put(&stream, "rubbish G in front", 18);
	tables("1B E021 F000");
	pes(PID, AT_1S, SETS "000001 65B8");
	buf_put(&stream, "and between", 11);
	pes(PID, AT_1040, "000001 419A");
	feed(4096);
	ts_demux_end(demux);
	expect(1000, RECORD);
	expect(1000, "17 01 000000 00000002 65B8");
	expect(1040, "27 01 000000 00000002 419A");
	assert_int_equal(demux->skipped, 18 + 11);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(what_our_writer_makes_comes_back),
		CASE(opus_comes_back),
		CASE(times_wrap_after_26_hours),
		CASE(pictures_in_pieces_and_packets_of_one_time_are_one),
		CASE(several_pictures_of_one_packet_share_its_time),
		CASE(pictures_before_their_parameter_sets_are_left_out),
		CASE(a_picture_with_a_gap_is_dropped_and_those_behind_it_are_not),
		CASE(a_packet_that_comes_twice_counts_once),
		CASE(rubbish_between_packets_is_skipped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
