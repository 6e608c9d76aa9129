/* Sound and pictures in the forms of MPEG's containers become messages. */
#include "base/mem.h"
#include "codec/elementary.h"
#include "codec/part.h"
#include "support/hex.h"
#include "support/unit.h"

#include <stdlib.h>
#include <string.h>

static struct elementary es;
static struct es_out out;

static int teardown(void **state)
{
	(void)state;
	elementary_free(&es);
	es_out_free(&out);
	return msg_live() ? -1 : 0;
}

static void take(const char *hex, int64_t time)
{
	struct span s = hex_bytes(hex);
	elementary_take(&es, s, time, time);
	hex_free(s);
}

/* The next message begins with these bytes; n: all of its bytes, 0: these are all. */
static void expect(uint32_t time, const char *hex, size_t n)
{
	struct msg *m = NULL;
	uint32_t raw = 0;
	if (!es_out_next(&out, &m, &raw))
		fail_msg("no message, wanted %s at %u", hex, time);
	struct span want = hex_bytes(hex);
	assert_int_equal(raw, time);
	assert_int_equal(m->n, n ? n : want.n);
	assert_memory_equal(m->payload, want.p, want.n);
	hex_free(want);
	msg_unref(&m);
}

static void expect_no_more(void)
{
	struct msg *m = NULL;
	uint32_t raw;
	assert_false(es_out_next(&out, &m, &raw));
}

/* A frame of n bytes that begins with these. */
static void take_frame(const char *head, size_t n, int64_t time)
{
	struct span s = hex_bytes(head);
	uint8_t *frame = mem_zalloc(n);
	memcpy(frame, s.p, s.n);
	elementary_take(&es, span_of(frame, n), time, time);
	free(frame);
	hex_free(s);
}

static void mp3_frames_are_cut(void **state)
{
	(void)state;
	elementary_begin(&es, ES_MP3, &out);
	take_frame("FFFB9064", 417, 90000); /* 128 kb/s, 44.1 kHz */
	take_frame("FFFB9064", 300, ES_NO_TIME);
	expect(1000, "2F FFFB9064", 418);
	expect_no_more();
	take_frame("00", 117, ES_NO_TIME);
	expect(1026, "2F FFFB9064", 418);
	expect_no_more();
}

static void layer_two_is_not_taken_for_mp3(void **state)
{
	(void)state;
	elementary_begin(&es, ES_MP3, &out);
	take_frame("FFFD9064", 417, 90000);
	take_frame("FFFD9064", 417, 92000);
	expect_no_more();
	assert_true(out.counts.skipped > 400);
}

static void ac3_frames_are_cut(void **state)
{
	(void)state;
	elementary_begin(&es, ES_AC3, &out);
	take_frame("0B770000 14 40", 768, 90000);   /* 192 kb/s, 48 kHz */
	take_frame("0B770000 55 40", 836, 180000);  /* 44.1 kHz, the longer one */
	take_frame("0B770000 94 40", 1152, 270000); /* 32 kHz */
	expect(1000, "91 61632D33 0B770000 14", 773);
	expect(2000, "91 61632D33 0B770000 55", 841);
	expect(3000, "91 61632D33 0B770000 94", 1157);
	expect_no_more();
}

static void eac3_frames_are_cut(void **state)
{
	(void)state;
	elementary_begin(&es, ES_EAC3, &out);
	take_frame("0B77 01 7F 34", 768, 90000); /* six blocks, 48 kHz */
	take_frame("0B77 01 7F 34", 768, ES_NO_TIME);
	take_frame("0B77 01 7F C4", 768, 180000); /* half of 48 kHz */
	expect(1000, "91 65632D33 0B77017F34", 773);
	expect(1032, "91 65632D33 0B77017F34", 773);
	expect(2000, "91 65632D33 0B77017FC4", 773);
	expect_no_more();
}

static void opus_packets_are_taken_out(void **state)
{
	(void)state;
	elementary_begin(&es, ES_OPUS, &out);
	es.channels = 1;
	take("7FE0 03 FC1122 7FF8 03 1111 2222 FC3344", 90000);
	expect(1000, "90 4F707573 4F70757348656164 01 01 0000 80BB0000 0000 00", 0);
	expect(1000, "91 4F707573 FC1122", 0);
	expect(1020, "91 4F707573 FC3344", 0);
	/* a control extension, a length of two bytes */
	take("7FE4 03 02 AABB FC5566", 180000);
	expect(2000, "91 4F707573 FC5566", 0);
	take_frame("7FE0 FF 01 FC", 4 + 256, 270000);
	expect(3000, "91 4F707573 FC", 5 + 256);
	expect_no_more();
}

static void g711_is_passed_on(void **state)
{
	(void)state;
	elementary_begin(&es, ES_ALAW, &out);
	take("D5D5", ES_NO_TIME); /* nobody knows when */
	take_frame("D5", 160, 90000);
	take_frame("D5", 160, ES_NO_TIME);
	expect(1000, "72 D5", 161);
	expect(1020, "72 D5", 161);
	elementary_free(&es);
	elementary_begin(&es, ES_ULAW, &out);
	take("FF", 180000);
	expect(2000, "82 FF", 0);
	expect_no_more();
}

static void aac_in_latm_is_taken_out(void **state)
{
	(void)state;
	elementary_begin(&es, ES_LATM, &out);
	take("56e00481109980", 90000); /* its configuration is not known yet */
	assert_int_equal(out.counts.broken, 1);
	/* a configuration: AAC LC, 44.1 kHz, stereo; then the sound of a frame */
	take("56e00a200012101fe019088910 56e00481109980", 180000);
	expect(2000, "AF 00 1210", 0);
	expect(2000, "AF 01 211122", 0);
	expect(2023, "AF 01 2133", 0);
	/* the newer form: two frames in one, SBR, other data, a checksum */
	take("56e01147fc1000c95c90407fc08ad0110a200908", 270000);
	expect(3000, "AF 00 2B9208 00", 0);
	expect(3000, "AF 01 2144", 0);
	expect(3046, "AF 01 21", 0);
	take("56e0022008", 360000); /* several programs */
	expect_no_more();
	assert_int_equal(out.counts.broken, 2);
}

static void adts_with_a_checksum_and_a_new_rate(void **state)
{
	(void)state;
	elementary_begin(&es, ES_ADTS, &out);
	take("fff05080017ffcaabb2111", 90000);
	expect(1000, "AF 00 1210", 0);
	expect(1000, "AF 01 2111", 0);
	take("fff14c80013ffc2122 fff14c80013ffc2133", 180000);
	expect(2000, "AF 00 1190", 0);
	expect(2000, "AF 01 2122", 0);
	expect(2021, "AF 01 2133", 0);
	expect_no_more();
}

static void hevc_has_the_enhanced_form(void **state)
{
	(void)state;
	elementary_begin(&es, ES_HEVC, &out);
	take("00000001 40010C01 00000001 42010101600000030090000003000003005AA00A0801E0 00000001 "
	     "4401C172B4 "
	     "00000001 2601AF11 00000001 260122",
	     90000);
	take("00000001 4601 50 00000001 0201D0", 93600);
	elementary_end(&es);
	expect(1000, "90 68766331 01", 0x4B);
	expect(1000, "91 68766331 000000 00000004 2601AF11 00000003 260122", 0);
	expect(1040, "A1 68766331 000000 00000003 0201D0", 0);
	expect_no_more();
}

static void a_unit_without_end_meets_a_limit(void **state)
{
	enum { PIECE = 1 << 20 };
	uint8_t *piece = mem_zalloc(PIECE);
	(void)state;
	memset(piece, 0x55, PIECE);
	elementary_begin(&es, ES_AVC, &out);
	take("000001 6742C01E", 90000);
	for (size_t n = 0; n < 3 * ES_UNIT_MAX; n += PIECE)
		elementary_take(&es, span_of(piece, PIECE), ES_NO_TIME, ES_NO_TIME);
	assert_true(es.bytes.n <= ES_UNIT_MAX);
	take("00000001 6742C01EDA014016E9 00000001 68CE 000001 65B8", 93600);
	take("000001 419A", 97200);
	expect(1040, "17 00", 27);
	expect(1040, "17 01 000000 00000002 65B8", 0);
	assert_int_equal(out.counts.broken, 1);
	free(piece);
}

static void messages_that_nobody_takes_have_a_limit(void **state)
{
	(void)state;
	elementary_begin(&es, ES_ALAW, &out);
	for (int i = 0; i < ES_QUEUE_MAX + 3; i++)
		take("D5", 90000 + i * 90);
	assert_int_equal(out.counts.overrun, 3);
	expect(1000, "72 D5", 0);
	take("D6", 0);
	assert_int_equal(out.counts.overrun, 3);
}

static void types_have_names(void **state)
{
	(void)state;
	assert_int_equal(es_kind_of(0x1B), ES_AVC);
	assert_int_equal(es_kind_of(0x8A), ES_NONE);
	assert_int_equal(es_kind_of(0x77), ES_NONE);
	assert_string_equal(es_type_name(0x8A), "DTS");
	assert_null(es_type_name(0x77));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_teardown(f, teardown)
	const struct CMUnitTest tests[] = {
		CASE(mp3_frames_are_cut),
		CASE(layer_two_is_not_taken_for_mp3),
		CASE(ac3_frames_are_cut),
		CASE(eac3_frames_are_cut),
		CASE(opus_packets_are_taken_out),
		CASE(g711_is_passed_on),
		CASE(aac_in_latm_is_taken_out),
		CASE(adts_with_a_checksum_and_a_new_rate),
		CASE(hevc_has_the_enhanced_form),
		CASE(a_unit_without_end_meets_a_limit),
		CASE(messages_that_nobody_takes_have_a_limit),
		CASE(types_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
