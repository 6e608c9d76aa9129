/* A playlist that was written is read again; what nobody writes is refused. */
#include "base/mem.h"
#include "output/hls_list.h"
#include "output/hls_list_read.h"
#include "support/unit.h"

#include <stdlib.h>

static struct hls_item *item(const char *path)
{
	struct buf empty = {.max = 1};
	return hls_item_new("live/a.m3u8", mem_strdup(path), blob_new(&empty), "video/MP2T");
}

static void add(struct hls_list *l, int64_t number, struct hls_item *init, struct hls_item *key)
{
	struct hls_segment *s = mem_new(struct hls_segment);
	char *path = mem_printf("live/a b-%d.ts", (int)number);
	*s = (struct hls_segment){.file = item(path),
				  .number = number,
				  .duration_ms = 1960 + number,
				  .wall_ms = 1796032800123 + number,
				  .is_discontinuous = number == 3};
	s->init = init ? hls_item_ref(init) : NULL;
	s->key = key ? hls_item_ref(key) : NULL;
	hls_list_add(l, s, 60000, 0);
	free(path);
}

static void list_free(struct hls_list *l)
{
	struct hls_segment *s;
	hls_list_retire(l, 0);
	while ((s = hls_list_expired(l, INT64_MAX)))
		hls_segment_free(&s);
}

static void what_was_written_is_read(void **state)
{
	struct hls_list l = {
		.target_s = 2, .has_dates = true, .clock_ms = -77, .discontinuities = 4};
	struct hls_item *init = item("live/a-init-1.mp4"), *key = item("live/a.key");
	struct hls_read_list got = {0};
	struct buf text = {.max = 65536};
	(void)state;
	key->tag = mem_strdup("METHOD=AES-128,URI=\"a.key\",IV=0x00");
	add(&l, 1, NULL, NULL);
	add(&l, 2, init, key);
	add(&l, 3, init, key);
	add(&l, 4, init, NULL);
	hls_list_write_plain(&l, &text);
	assert_true(hls_list_read(&got, buf_span(&text)));
	assert_int_equal(got.count, 4);
	assert_true(got.number == 1 && got.discontinuities == 4 && got.target_s == 2 &&
		    got.clock_ms == -77);
	for (size_t i = 0; i < got.count; i++) {
		const struct hls_read_segment *s = &got.v[i];
		assert_int_equal(s->number, i + 1);
		assert_int_equal(s->duration_ms, 1961 + i);
		assert_int_equal(s->wall_ms, 1796032800124 + (int64_t)i);
		assert_int_equal(s->is_discontinuous, i == 2);
		assert_int_equal(s->init != NULL, i > 0);
		assert_int_equal(s->key != NULL, i == 1 || i == 2);
		char *path = hls_read_path("live/a.m3u8", s->uri);
		char *want = mem_printf("live/a b-%d.ts", (int)i + 1);
		assert_string_equal(path, want);
		free(path);
		free(want);
	}
	char *uri = hls_read_uri(got.v[2].key);
	assert_string_equal(uri, "a.key");
	assert_string_equal(got.v[3].init, "a-init-1.mp4");
	free(uri);
	hls_list_read_fini(&got);
	hls_item_unref(&init);
	hls_item_unref(&key);
	buf_free(&text);
	list_free(&l);
}

static void lists_of_others_are_read(void **state)
{
	static const char text[] =
		"#EXTM3U\r\n#EXT-X-TARGETDURATION:3\r\n#EXT-X-MEDIA-SEQUENCE:7\r\n"
		"#EXT-X-PROGRAM-DATE-TIME:yesterday\r\n#EXTINF:2.0234567,\r\n"
		"a-7.ts\r\n#EXT-X-OTHER:1\r\n\r\n#EXTINF:3\r\na-8.ts";
	struct hls_read_list got = {0};
	(void)state;
	assert_true(hls_list_read(&got, span_str(text)));
	assert_int_equal(got.count, 2);
	assert_int_equal(got.v[0].duration_ms, 2023);
	assert_int_equal(got.v[0].wall_ms, 0);
	assert_int_equal(got.v[1].duration_ms, 3000);
	assert_string_equal(got.v[1].uri, "a-8.ts");
	hls_list_read_fini(&got);
}

static void nonsense_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"#EXTM3U",
		"#EXTM3",
		"#EXTM3U\n#EXT-X-TARGETDURATION:2\n",
		"#EXTM3U\n#EXTINF:2,\na.ts\n",
		"#EXTM3U\n#EXT-X-TARGETDURATION:2\na.ts\n",
		"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:x,\na.ts\n",
		"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:999999999,\na.ts\n",
		"#EXTM3U\n#EXT-X-TARGETDURATION:-2\n#EXTINF:2,\na.ts\n",
		"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:99999999999999999999\n"
		"#EXTINF:2,\na.ts\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct hls_read_list got = {0};
		if (hls_list_read(&got, span_str(texts[i])))
			fail_msg("%s", texts[i]);
		hls_list_read_fini(&got);
	}
}

static void paths_stay_below_the_folder(void **state)
{
	static const struct {
		const char *list, *uri, *path;
	} cases[] = {
		{"live/a.m3u8", "a-1.ts", "live/a-1.ts"},
		{"live/a.m3u8", "a/x%20y.ts", "live/a/x y.ts"},
		{"live/sub/a.m3u8", "../a-1.ts", "live/a-1.ts"},
		{"live/sub/a.m3u8", "../../a-1.ts", "a-1.ts"},
		{"a.m3u8", "a-1.ts", "a-1.ts"},
		{"a.m3u8", "../a-1.ts", NULL},
		{"live/a.m3u8", "../../a-1.ts", NULL},
		{"live/a.m3u8", "a/../../../a-1.ts", NULL},
		{"live/a.m3u8", "%2e%2e/%2e%2e/a-1.ts", NULL},
		{"live/a.m3u8", "/etc/passwd", NULL},
		{"live/a.m3u8", "%", NULL},
		{"live/a.m3u8", "a%00.ts", NULL},
		{"live/a.m3u8", "", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *path = hls_read_path(cases[i].list, cases[i].uri);
		if (!path != !cases[i].path || (path && strcmp(path, cases[i].path) != 0))
			fail_msg("%s: %s", cases[i].uri, path ? path : "none");
		free(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(lists_of_others_are_read),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(paths_stay_below_the_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
