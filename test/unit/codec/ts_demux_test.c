/* Transport streams are read: what our writer makes comes back as it was, and what others send is understood. */
#include "base/mem.h"
#include "codec/ts.h"
#include "codec/ts_demux.h"
#include "support/hex.h"
#include "support/unit.h"

#include <stdlib.h>
#include <string.h>

#define AVC FOURCC('a', 'v', 'c', '1')
#define HEVC FOURCC('h', 'v', 'c', '1')
#define AAC FOURCC('m', 'p', '4', 'a')
#define AVCC "01 42C01E FF E1 000D 6742C01EDA014016E90000039C 01 0002 68CE"

enum { PID = 0x21, HEAP = 1 << 20 };

static struct ts_demux *demux;
static struct buf stream;
static struct track video, sound;
static uint8_t counters[64];

static int setup(void **state)
{
	(void)state;
	demux = ts_demux_new(&(struct ts_demux_opts){0});
	stream = (struct buf){.max = HEAP};
	memset(counters, 0, sizeof(counters));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ts_demux_free(&demux);
	track_free(&video);
	track_free(&sound);
	video = sound = (struct track){0};
	buf_free(&stream);
	return msg_live() ? -1 : 0;
}

static void feed(size_t piece)
{
	for (size_t at = 0; at < stream.n; at += piece)
		ts_demux_take(demux, span_head(span_rest(buf_span(&stream), at), piece));
	buf_clear(&stream);
}

/* The next message has this time and this payload. */
static void expect(uint32_t time, const char *hex)
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

static void expect_no_more(void)
{
	struct msg *m = NULL;
	uint32_t raw;
	assert_false(ts_demux_next(demux, &m, &raw));
}

static int drain(void)
{
	struct msg *m;
	uint32_t raw;
	int n = 0;
	for (; ts_demux_next(demux, &m, &raw); n++)
		msg_unref(&m);
	return n;
}

/* ---- what our writer makes ---- */

static void learn(struct track *t, enum msg_type type, uint32_t codec, const char *header,
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

static void put(struct ts_writer *w, const struct track *t, const char *unit, bool is_key,
		int64_t dts, int64_t pts)
{
	struct span data = hex_bytes(unit);
	struct au au = {.type = t->type, .is_key = is_key, .codec = t->codec, .data = data};
	assert_true(ts_write(w, &stream, &au, 1, dts - TS_SHIFT, pts - TS_SHIFT, false));
	hex_free(data);
}

static void what_our_writer_makes_comes_back(void **state)
{
	struct ts_writer w = {0};
	(void)state;
	learn(&video, MSG_VIDEO, AVC, AVCC, "0000000265B8");
	learn(&sound, MSG_AUDIO, AAC, "1210", "2111");
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
	learn(&sound, MSG_AUDIO, FOURCC('O', 'p', 'u', 's'), head, "FC1122");
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
	learn(&sound, MSG_AUDIO, AAC, "1210", "2111");
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

/* ---- what others send ---- */

/* A packet: `flags` has the start of a unit (0x40); stuffed by an adaptation field. */
static void packet(unsigned flags, unsigned pid, unsigned counter, struct span payload)
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

static void packets(unsigned pid, struct span bytes, size_t most)
{
	for (unsigned flags = 0x40; bytes.n > 0 || flags; flags = 0) {
		struct span part = span_head(bytes, most);
		packet(flags, pid, counters[pid]++, part);
		bytes = span_rest(bytes, part.n);
	}
}

/* A section behind `before` bytes of pointer field and stuffing, in packets of at most `most` bytes. */
static void section(unsigned pid, const char *hex, uint8_t before, size_t most)
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

static void tables(const char *streams)
{
	char *map = mem_printf("02 B000 0001 C1 0000 E021 F000 %s", streams);
	section(0, "00 B000 0001 C1 0000 0001 E020", 0, 184);
	section(0x20, map, 0, 184);
	free(map);
}

/* A PES packet; `times` are the flags, the length and the times of its header. */
static void pes(unsigned pid, const char *times, const char *payload)
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
		CASE(what_our_writer_makes_comes_back),
		CASE(opus_comes_back),
		CASE(times_wrap_after_26_hours),
		CASE(pictures_in_pieces_and_packets_of_one_time_are_one),
		CASE(several_pictures_of_one_packet_share_its_time),
		CASE(pictures_before_their_parameter_sets_are_left_out),
		CASE(a_picture_with_a_gap_is_dropped_and_those_behind_it_are_not),
		CASE(a_packet_that_comes_twice_counts_once),
		CASE(rubbish_between_packets_is_skipped),
		CASE(tables_in_pieces_are_put_together),
		CASE(tables_that_are_damaged_or_do_not_apply_are_ignored),
		CASE(the_program_with_pictures_is_read),
		CASE(a_named_program_and_sound_are_read),
		CASE(what_is_left_out_is_told_once),
		CASE(a_change_of_the_map_begins_streams_anew),
		CASE(scrambled_packets_are_counted_and_told),
		CASE(sound_over_packets_has_times_by_samples),
		CASE(sound_is_found_again_behind_rubbish),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
