/* The playlist: its window, its tags, what leaves it and for how long it can still be had. */
#include "base/mem.h"
#include "output/hls_list.h"
#include "support/unit.h"

#include <stdlib.h>

static struct hls_item *item(const char *path)
{
	struct buf empty = {.max = 1};
	return hls_item_new("live/a.m3u8", mem_strdup(path), blob_new(&empty), "video/MP2T");
}

static struct hls_segment *segment(int64_t number, int64_t ms)
{
	struct hls_segment *s = mem_new(struct hls_segment);
	char *path = mem_printf("live/a-%d.ts", (int)number);
	*s = (struct hls_segment){.file = item(path), .number = number, .duration_ms = ms};
	free(path);
	return s;
}

static void assert_text(const struct hls_list *l, const char *want)
{
	struct buf text = {.max = 65536};
	hls_list_write(l, &text);
	assert_string_equal(buf_text(&text), want);
	buf_free(&text);
}

static void list_free(struct hls_list *l)
{
	struct hls_segment *s;
	while ((s = l->first)) {
		l->first = s->next;
		hls_segment_free(&s);
	}
	while ((s = hls_list_expired(l, INT64_MAX)))
		hls_segment_free(&s);
}

static void segments_are_listed(void **state)
{
	struct hls_list l = {.target_s = 2};
	(void)state;
	hls_list_add(&l, segment(5, 2000), 60000, 0);
	hls_list_add(&l, segment(6, 1960), 60000, 0);
	assert_text(&l,
		    "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:5\n#EXT-X-TARGETDURATION:2\n"
		    "#EXTINF:2.000, no desc\na-5.ts\n#EXTINF:1.960, no desc\na-6.ts\n");
	l.prefix = "http://cdn.test/live/";
	l.is_ended = true;
	assert_text(&l,
		    "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:5\n#EXT-X-TARGETDURATION:2\n"
		    "#EXTINF:2.000, no desc\nhttp://cdn.test/live/a-5.ts\n"
		    "#EXTINF:1.960, no desc\nhttp://cdn.test/live/a-6.ts\n#EXT-X-ENDLIST\n");
	list_free(&l);
}

static void the_window_slides_and_counts_discontinuities(void **state)
{
	struct hls_list l = {.target_s = 2};
	struct hls_segment *s = segment(1, 2000), *gone;
	(void)state;
	hls_list_add(&l, segment(0, 2000), 6000, 0);
	s->is_discontinuous = true;
	hls_list_add(&l, s, 6000, 2000);
	for (int64_t i = 2; i < 5; i++)
		hls_list_add(&l, segment(i, 2000), 6000, i * 2000);
	assert_int_equal(l.count, 3);
	assert_text(&l, "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:2\n#EXT-X-DISCONTINUITY-"
			"SEQUENCE:1\n"
			"#EXT-X-TARGETDURATION:2\n#EXTINF:2.000, no desc\na-2.ts\n"
			"#EXTINF:2.000, no desc\na-3.ts\n#EXTINF:2.000, no desc\na-4.ts\n");
	/* it left at 6000, and can be had for its length and that of the list */
	assert_null(hls_list_expired(&l, 13000));
	gone = hls_list_expired(&l, 14000);
	assert_non_null(gone);
	assert_int_equal(gone->number, 0);
	hls_segment_free(&gone);
	assert_null(hls_list_expired(&l, 14000));
	list_free(&l);
}

static void a_small_window_has_three_target_durations(void **state)
{
	struct hls_list l = {.target_s = 2};
	(void)state;
	for (int64_t i = 0; i < 9; i++)
		hls_list_add(&l, segment(i, 2000), 100, 0);
	assert_int_equal(l.count, 3);
	list_free(&l);
}

static void a_key_is_told_before_the_first_segment(void **state)
{
	struct hls_list l = {.target_s = 2};
	struct hls_item *key = item("live/a.key"), *init = item("live/a-init-1.mp4");
	(void)state;
	key->tag = mem_strdup("METHOD=AES-128,URI=\"a.key\",IV=0x00");
	for (int64_t i = 0; i < 5; i++) {
		struct hls_segment *s = segment(i, 2000);
		s->key = hls_item_ref(key);
		s->init = i >= 3 ? hls_item_ref(init) : NULL;
		hls_list_add(&l, s, 4000, 0);
	}
	hls_list_add(&l, segment(5, 2000), 4000, 0);
	hls_item_unref(&key);
	hls_item_unref(&init);
	assert_text(
		&l,
		"#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-MEDIA-SEQUENCE:3\n#EXT-X-TARGETDURATION:2\n"
		"#EXT-X-MAP:URI=\"a-init-1.mp4\"\n#EXT-X-KEY:METHOD=AES-128,URI=\"a.key\",IV=0x00\n"
		"#EXTINF:2.000, no desc\na-3.ts\n#EXTINF:2.000, no desc\na-4.ts\n"
		"#EXT-X-KEY:METHOD=NONE\n#EXTINF:2.000, no desc\na-5.ts\n");
	list_free(&l);
}

static void put_part(struct hls_segment *s, const char *path, int64_t ms, bool is_independent)
{
	hls_segment_add_part(s, item(path), ms, is_independent);
}

static void parts_are_listed_with_what_comes_next(void **state)
{
	struct hls_list l = {.target_s = 1, .part_ms = 336, .hint = mem_strdup("a-6.p1.m4s")};
	(void)state;
	for (int64_t i = 1; i < 6; i++) {
		struct hls_segment *s = segment(i, 1000);
		put_part(s, "live/a-x.p0.m4s", 1000, true);
		hls_list_add(&l, s, 60000, 0);
	}
	l.open = segment(6, 0);
	put_part(l.open, "live/a-6.p0.m4s", 333, false);
	assert_text(
		&l,
		"#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-TARGETDURATION:1\n"
		"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=6.0,PART-HOLD-BACK=1."
		"008\n#EXT-X-PART-INF:PART-TARGET=0.336\n"
		"#EXTINF:1.000, no desc\na-1.ts\n#EXTINF:1.000, no desc\na-2.ts\n"
		"#EXT-X-PART:DURATION=1.000,URI=\"a-x.p0.m4s\",INDEPENDENT=YES\n"
		"#EXTINF:1.000, no desc\na-3.ts\n"
		"#EXT-X-PART:DURATION=1.000,URI=\"a-x.p0.m4s\",INDEPENDENT=YES\n"
		"#EXTINF:1.000, no desc\na-4.ts\n"
		"#EXT-X-PART:DURATION=1.000,URI=\"a-x.p0.m4s\",INDEPENDENT=YES\n"
		"#EXTINF:1.000, no desc\na-5.ts\n"
		"#EXT-X-PART:DURATION=0.333,URI=\"a-6.p0.m4s\"\n"
		"#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"a-6.p1.m4s\"\n");
	hls_segment_free(&l.open);
	free(l.hint);
	list_free(&l);
}

static void a_delta_leaves_out_what_is_old(void **state)
{
	struct hls_list l = {.target_s = 1, .part_ms = 336};
	struct buf text = {.max = 65536};
	(void)state;
	for (int64_t i = 1; i < 8; i++)
		hls_list_add(&l, segment(i, 1000), 60000, 0);
	assert_true(hls_list_write_delta(
		&l, &text)); /* the first one ends six seconds before the end */
	assert_non_null(strstr(buf_text(&text), "MEDIA-SEQUENCE:1\n"));
	assert_non_null(strstr(buf_text(&text), "#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n#EXTINF:1.000, no "
						"desc\na-2.ts\n"));
	l.is_ended = true;
	assert_false(hls_list_write_delta(&l, &text));
	buf_free(&text);
	list_free(&l);
}

static void parts_go_before_their_segments(void **state)
{
	struct hls_list l = {.target_s = 1, .part_ms = 336};
	(void)state;
	for (int64_t i = 1; i < 10; i++) {
		struct hls_segment *s = segment(i, 1000);
		put_part(s, "live/a-x.p0.m4s", 1000, true);
		hls_list_add(&l, s, 60000, 0);
	}
	assert_null(l.first->parts);
	assert_non_null(l.last->parts);
	list_free(&l);
}

static void a_list_shrinks_to_three_target_durations(void **state)
{
	struct hls_list l = {.target_s = 1};
	struct hls_segment *gone;
	int64_t number = 1;
	(void)state;
	for (int64_t i = 1; i < 8; i++)
		hls_list_add(&l, segment(i, 1000), 5000, 0);
	while ((gone = hls_list_shrink(&l))) {
		assert_int_equal(gone->number, number++);
		hls_segment_free(&gone);
	}
	assert_int_equal(l.count, 3);
	list_free(&l);
}

static void bit_rates_are_those_of_the_segments(void **state)
{
	struct hls_list l = {.target_s = 1};
	struct hls_segment *s = segment(1, 1000);
	(void)state;
	assert_int_equal(hls_list_bandwidth(&l).peak, 1);
	s->bytes = 1000;
	hls_list_add(&l, s, 9000, 0);
	s = segment(2, 1000);
	s->bytes = 3000;
	hls_list_add(&l, s, 9000, 0);
	assert_int_equal(hls_list_bandwidth(&l).peak, 24000);
	assert_int_equal(hls_list_bandwidth(&l).average, 16000);
	list_free(&l);
}

static void a_list_says_what_time_it_was(void **state)
{
	struct hls_list l = {.target_s = 2, .has_dates = true, .clock_ms = 77};
	struct hls_segment *s = segment(1, 2000);
	struct buf text = {.max = 65536};
	(void)state;
	s->wall_ms = 1796032800123;
	s->is_discontinuous = true;
	hls_list_add(&l, s, 9000, 0);
	hls_list_add(&l, segment(2, 2000), 9000, 0);
	hls_list_write_plain(&l, &text);
	assert_string_equal(
		buf_text(&text),
		"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-TARGETDURATION:2\n"
		"#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-11-30T10:00:00.123Z\n"
		"#EXTINF:2.000, no desc\na-1.ts\n#EXTINF:2.000, no desc\na-2.ts\n#SRS-CLOCK:77\n");
	buf_free(&text);
	list_free(&l);
}

static void a_list_that_is_retired_can_still_be_had(void **state)
{
	struct hls_list l = {.target_s = 2};
	struct hls_segment *s = segment(1, 2000);
	(void)state;
	s->is_discontinuous = true;
	hls_list_add(&l, s, 9000, 0);
	hls_list_add(&l, segment(2, 2000), 9000, 0);
	hls_list_retire(&l, 100);
	assert_true(!l.first && !l.last && l.count == 0 && l.duration_ms == 0);
	assert_int_equal(l.discontinuities, 1);
	assert_null(hls_list_expired(&l, 6099));
	hls_list_add(&l, segment(9, 2000), 9000, 0);
	assert_int_equal(l.first->number, 9);
	for (int64_t number = 1; number < 3; number++) {
		s = hls_list_expired(&l, 6100);
		assert_int_equal(s->number, number);
		hls_segment_free(&s);
	}
	list_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_are_listed),
		cmocka_unit_test(the_window_slides_and_counts_discontinuities),
		cmocka_unit_test(a_small_window_has_three_target_durations),
		cmocka_unit_test(a_key_is_told_before_the_first_segment),
		cmocka_unit_test(parts_are_listed_with_what_comes_next),
		cmocka_unit_test(a_delta_leaves_out_what_is_old),
		cmocka_unit_test(parts_go_before_their_segments),
		cmocka_unit_test(a_list_shrinks_to_three_target_durations),
		cmocka_unit_test(bit_rates_are_those_of_the_segments),
		cmocka_unit_test(a_list_says_what_time_it_was),
		cmocka_unit_test(a_list_that_is_retired_can_still_be_had),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
