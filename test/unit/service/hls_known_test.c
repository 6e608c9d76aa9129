/* How far a playlist goes, and what a reload of it may wait for. */
#include "service/hls_known.h"
#include "support/unit.h"

#define HEAD                                                                                       \
	"#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-MEDIA-SEQUENCE:5\n#EXT-X-TARGETDURATION:1\n"            \
	"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=6.0,PART-HOLD-BACK=1.008\n"     \
	"#EXT-X-PART-INF:PART-TARGET=0.336\n"
#define PART "#EXT-X-PART:DURATION=0.333,URI=\"a.p.m4s\"\n"
#define SEGMENT "#EXTINF:1.000, no desc\na.m4s\n"

static void a_list_says_how_far_it_goes(void **state)
{
	static const struct {
		const char *text;
		struct hls_known known;
	} cases[] = {
		{HEAD SEGMENT PART PART SEGMENT PART,
		 {.last = 6, .last_parts = 2, .open_parts = 1, .waits = true}},
		{HEAD "#EXT-X-SKIP:SKIPPED-SEGMENTS=10\n" SEGMENT PART,
		 {.last = 15, .open_parts = 1, .waits = true}},
		{HEAD SEGMENT "#EXT-X-ENDLIST\n", {.last = 5, .waits = true, .is_ended = true}},
		{"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:5\n#EXT-X-TARGETDURATION:1\n" SEGMENT SEGMENT,
		 {.last = 6}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct hls_known *want = &cases[i].known;
		struct hls_known got;
		hls_known_read(&got, span_str(cases[i].text), 77);
		assert_true(got.is_known && got.made_ms == 77 && got.target_ms == 1000);
		assert_int_equal(got.last, want->last);
		assert_int_equal(got.last_parts, want->last_parts);
		assert_int_equal(got.open_parts, want->open_parts);
		assert_int_equal(got.waits, want->waits);
		assert_int_equal(got.is_ended, want->is_ended);
		assert_int_equal(got.part_ms, want->waits ? 336 : 0);
	}
}

static void nonsense_is_no_list(void **state)
{
	static const char *const texts[] = {
		"", "\n\n\n",
		"#EXT-X-MEDIA-SEQUENCE:99999999999999999999999\n#EXT-X-PART-INF:PART-TARGET=nan",
		"#EXT-X-MEDIA-SEQUENCE\n#EXT-X-TARGETDURATION:-7\n#EXT-X-PART-INF:PART-TARGET="
		"1e99"};
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct hls_known k;
		hls_known_read(&k, span_str(texts[i]), 0);
		assert_true(k.last == -1 && k.target_ms == 0 && k.part_ms == 0 && !k.waits);
	}
}

static void numbers_do_not_add_up_beyond_what_they_may_be(void **state)
{
	static const char line[] = "#EXT-X-SKIP:SKIPPED-SEGMENTS=4503599627370496\n";
	enum { LINES = 3000 };
	struct buf text = {.max = LINES * sizeof(line)};
	struct hls_known k;
	(void)state;
	for (int i = 0; i < LINES; i++)
		buf_put(&text, line, sizeof(line) - 1);
	hls_known_read(&k, buf_span(&text), 0);
	assert_int_equal(k.last, (INT64_C(1) << 52) - 1);
	buf_free(&text);
}

/* What is asked for, whether it is there, and whether it is too far when the list is as old as that. */
static void reloads_are_judged(void **state)
{
	static const struct {
		struct hls_want want;
		bool has, is_far;
		int64_t age_ms;
	} cases[] = {
		{{.waits = true, .number = 0}, true, false, 0},
		{{.waits = true, .number = 6}, true, false, 0},
		{{.waits = true, .for_part = true, .number = 6, .part = 1}, true, false, 0},
		{{.waits = true, .for_part = true, .number = 6, .part = 9}, true, false, 0},
		{{.waits = true, .number = 7}, false, false, 0},
		{{.waits = true, .for_part = true, .number = 7, .part = 0}, true, false, 0},
		{{.waits = true, .for_part = true, .number = 7, .part = 1}, false, false, 0},
		{{.waits = true, .for_part = true, .number = 8, .part = 0}, false, false, 0},
		{{.waits = true, .number = 9}, false, false, 0},
		{{.waits = true, .number = 10}, false, true, 0},
		{{.waits = true, .number = 10}, false, false, 1000},
		{{.waits = true, .number = 1000000000000000}, false, true, 3000},
		{{.waits = true, .for_part = true, .number = 7, .part = 1000}, false, true, 0},
		{{.for_part = true}, true, false, 0},
	};
	struct hls_known k;
	(void)state;
	hls_known_read(&k, span_str(HEAD SEGMENT PART PART SEGMENT PART), 500);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (hls_known_has(&k, &cases[i].want) != cases[i].has ||
		    hls_known_is_far(&k, &cases[i].want, 500 + cases[i].age_ms) != cases[i].is_far)
			fail_msg("case %zu", i);
	k.waits = false;
	assert_true(hls_known_has(&k, &cases[9].want) &&
		    !hls_known_is_far(&k, &cases[9].want, 500));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_says_how_far_it_goes),
		cmocka_unit_test(nonsense_is_no_list),
		cmocka_unit_test(numbers_do_not_add_up_beyond_what_they_may_be),
		cmocka_unit_test(reloads_are_judged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
