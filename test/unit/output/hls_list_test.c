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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_are_listed),
		cmocka_unit_test(the_window_slides_and_counts_discontinuities),
		cmocka_unit_test(a_small_window_has_three_target_durations),
		cmocka_unit_test(a_key_is_told_before_the_first_segment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
