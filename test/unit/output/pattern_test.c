/* Paths with variables, names that may be in them, and how a playlist names its neighbours. */
#include "output/pattern.h"
#include "support/unit.h"

#include <stdlib.h>

static const struct pattern_values values = {
	.vhost = "v.test",
	.app = "live",
	.stream = "a",
	.seq = 7,
	.duration_ms = 2040,
	.timestamp = 99,
	.wall_ms = 1767225599123, /* 2025-12-31 23:59:59.123 */
	.is_utc = true,
};

static void variables_are_filled_in(void **state)
{
	static const char *const cases[][2] = {
		{"[app]/[stream]-[seq].ts", "live/a-7.ts"},
		{"[vhost]/[app]/[stream].m3u8", "v.test/live/a.m3u8"},
		{"[stream].[timestamp].[duration].ts", "a.99.2040.ts"},
		{"[2006]/[01]/[02]/[15]-[04]-[05].[999]", "2025/12/31/23-59-59.123"},
		{"[other]/[stream", "[other]/[stream"},
		{"plain", "plain"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *path = pattern_fill(cases[i][0], &values);
		assert_string_equal(path, cases[i][1]);
		free(path);
	}
}

static void names_of_clients_cannot_leave_their_folder(void **state)
{
	static const char *const good[] = {"a", "live/sub", "a b", "\xc3\xa9", "a..b"};
	static const char *const bad[] = {"",   ".",  "..",      "../a", "a/..", "a//b",
					  "/a", "a/", ".hidden", "a\nb", "a\\b"};
	char name[300];
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(pattern_name_ok(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(pattern_name_ok(bad[i]));
	memset(name, 'a', sizeof(name));
	name[256] = '\0';
	assert_false(pattern_name_ok(name));
	name[255] = '\0';
	assert_true(pattern_name_ok(name));
}

static void uris_are_relative_to_the_list(void **state)
{
	static const char *const cases[][3] = {
		{"live/a.m3u8", "live/a-1.ts", "a-1.ts"},
		{"live/a.m3u8", "live/a/1.ts", "a/1.ts"},
		{"lists/a.m3u8", "live/a-1.ts", "../live/a-1.ts"},
		{"a.m3u8", "live/a b.ts", "live/a%20b.ts"},
		{"x/y/a.m3u8", "x/z/1.ts", "../z/1.ts"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *uri = pattern_relative(cases[i][0], cases[i][1]);
		assert_string_equal(uri, cases[i][2]);
		free(uri);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables_are_filled_in),
		cmocka_unit_test(names_of_clients_cannot_leave_their_folder),
		cmocka_unit_test(uris_are_relative_to_the_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
