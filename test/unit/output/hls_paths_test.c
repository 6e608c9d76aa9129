/* Whose file a path is, and what a request for a playlist waits for. */
#include "base/mem.h"
#include "output/hls_paths.h"
#include "output/hls_want.h"
#include "output/pattern.h"
#include "support/unit.h"

#include <stdlib.h>

static struct conf_vhost vhost = {
	.name = "v.test",
	.hls = {.m3u8_file = "[app]/[stream].m3u8",
		.ts_file = "[app]/[stream]-[seq].ts",
		.fmp4_file = "[app]/[2006][01]/[stream]-[seq]-[duration].m4s",
		.init_file = "[app]/[stream]-init.mp4",
		.key_file = "[app]/[stream]-[seq].key"},
};

static void paths_say_whose_they_are(void **state)
{
	static const struct {
		const char *path, *app, *stream, *type;
	} cases[] = {
		{"/live/a.m3u8", "live", "a", hls_type_list},
		{"/live/x/a.m3u8", "live/x", "a", hls_type_list},
		{"/live/a-12.ts", "live", "a", hls_type_ts},
		{"/live/a-b-1-12.ts", "live", "a-b-1", hls_type_ts},
		{"/live/202611/a-3-1000.m4s", "live", "a", hls_type_mp4},
		{"/live/202611/a-3-1000.p2.m4s", "live", "a", hls_type_mp4},
		{"/live/a-init-17.mp4", "live", "a", hls_type_init},
		{"/live/a-5.key", "live", "a", hls_type_key},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct hls_name name = {0};
		const char *type;
		assert_true(hls_name_by_path(&vhost, cases[i].path, &name, &type));
		assert_string_equal(name.app, cases[i].app);
		assert_string_equal(name.stream, cases[i].stream);
		assert_ptr_equal(type, cases[i].type);
		char *list = mem_printf("%s/%s.m3u8", cases[i].app, cases[i].stream);
		assert_string_equal(name.list_path, list);
		free(list);
		hls_name_fini(&name);
	}
}

static void other_paths_are_none_of_hls(void **state)
{
	static const char *const paths[] = {
		"/",          "/live/a.flv",  "/a.m3u8",       "/live/.m3u8",      "/live/a-.ts",
		"/live/a.ts", "/live/a-x.ts", "/live/.a.m3u8", "/live/a-init.mp4", "/live/a-12.tsx",
		"live/a.m3u8"};
	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct hls_name name = {0};
		const char *type;
		assert_false(hls_name_by_path(&vhost, paths[i], &name, &type));
	}
}

static void a_name_that_stands_twice_is_one(void **state)
{
	struct pattern_names names;
	(void)state;
	assert_true(pattern_match("[stream]/[stream]-[seq].ts", "ab/ab-1.ts", &names));
	assert_string_equal(names.stream, "ab");
	assert_null(names.app);
	pattern_names_fini(&names);
	assert_false(pattern_match("[stream]/[stream]-[seq].ts", "ab/a-1.ts", &names));
	assert_false(pattern_match("[vhost]/[app]", "x", &names));
}

/* A path that could be read in very many ways costs little. */
static void a_path_of_many_readings_is_given_up(void **state)
{
	char path[1000];
	struct pattern_names names;
	(void)state;
	memset(path, '-', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_false(pattern_match("[vhost]-[app]-[stream]-[seq].ts", path, &names));
}

static void parts_stand_beside_their_segment(void **state)
{
	(void)state;
	char *path = hls_part_path("live/a.b/c-1.m4s", 3);
	assert_string_equal(path, "live/a.b/c-1.p3.m4s");
	free(path);
	path = hls_part_path("live/a.b/c", 0);
	assert_string_equal(path, "live/a.b/c.p0");
	free(path);
}

static void directives_are_read_and_written_again(void **state)
{
	static const struct {
		const char *query, *again; /* NULL: nonsense */
	} cases[] = {
		{"", ""},
		{"a=1", ""},
		{"_HLS_msn=7", "_HLS_msn=7"},
		{"a=b&_HLS_part=2&_HLS_msn=7", "_HLS_msn=7&_HLS_part=2"},
		{"_HLS_skip=YES", "_HLS_skip=YES"},
		{"_HLS_skip=v2&_HLS_msn=1", "_HLS_msn=1&_HLS_skip=YES"},
		{"_HLS_skip=no", ""},
		{"_HLS_part=1", NULL},
		{"_HLS_msn=", NULL},
		{"_HLS_msn=-1", NULL},
		{"_HLS_msn=1&_HLS_part=x", NULL},
		{"_HLS_msn=1234567890123456", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct hls_want want;
		struct buf text = {.max = 256};
		assert_int_equal(hls_want_read(&want, cases[i].query), cases[i].again != NULL);
		if (cases[i].again) {
			hls_want_write(&text, &want);
			assert_string_equal(buf_text(&text), cases[i].again);
		}
		buf_free(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_say_whose_they_are),
		cmocka_unit_test(other_paths_are_none_of_hls),
		cmocka_unit_test(a_name_that_stands_twice_is_one),
		cmocka_unit_test(a_path_of_many_readings_is_given_up),
		cmocka_unit_test(parts_stand_beside_their_segment),
		cmocka_unit_test(directives_are_read_and_written_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
