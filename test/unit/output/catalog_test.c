/* Which files are recordings, and which of them go. */
#include "base/mem.h"
#include "output/catalog.h"
#include "support/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void only_names_that_the_pattern_makes_are_recordings(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool is;
	} cases[] = {
		{"./rec/[app]/[stream].[timestamp].flv", "./rec/live/a.123.flv", true},
		{"./rec/[app]/[stream].[timestamp].flv", "./rec/live/sub/a.b.123.flv", true},
		{"./rec/[app]/[stream].[timestamp].flv", "./rec/live/a.123-2.flv", true},
		{"./rec/[app]/[stream].[timestamp].flv", "./rec/live/film.flv", false},
		{"./rec/[app]/[stream].[timestamp].flv", "./rec/live/a.123.mp4", false},
		{"./rec/[app]/[stream].[timestamp].flv", "./rec/live/a.123.flv.77.tmp", false},
		{"./rec/[app]/[stream].[timestamp].flv", "./rec/a.123.flv", false},
		{"/r/[2006]-[01]-[02]/[stream].mp4", "/r/2026-11-29/a.mp4", true},
		{"/r/[2006]-[01]-[02]/[stream].mp4", "/r/2026-11/a.mp4", false},
		{"/r/[2006]-[01]-[02]/[stream].mp4", "/r/2026-11-29/sub/a.mp4", false},
		{"a.flv", "a.flv", true},
		{"a.flv", "a-9.flv", true},
		{"a.flv", "a-.flv", false},
		{"a.flv", "b.flv", false},
		{"[stream].flv", ".flv", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (catalog_matches(cases[i].pattern, cases[i].path) != cases[i].is)
			fail_msg("%s and %s", cases[i].pattern, cases[i].path);
	char *folder = catalog_pattern("./rec"), *top = catalog_folder("/[app].flv");
	assert_string_equal(folder, "./rec/[stream].[timestamp].flv");
	assert_string_equal(top, "/");
	free(folder);
	free(top);
}

static void a_name_that_fits_in_many_ways_ends(void **state)
{
	char path[2000];
	(void)state;
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_false(catalog_matches("[app][stream][app][stream][app]x.flv", path));
}

/* ---- files ---- */

static char root[] = "/tmp/catalog-test-XXXXXX";

static void put(const char *name, size_t n, int64_t modified_s)
{
	char *path = mem_printf("%s/%s", root, name);
	char data[4096] = {0};
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0 && n <= sizeof(data) && write(fd, data, n) == (ssize_t)n);
	struct timespec times[2] = {{.tv_sec = modified_s}, {.tv_sec = modified_s}};
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
	free(path);
}

static bool is_there(const char *name)
{
	char *path = mem_printf("%s/%s", root, name);
	bool is = access(path, F_OK) == 0;
	free(path);
	return is;
}

static void make_folder(const char *name)
{
	char *path = mem_printf("%s/%s", root, name);
	assert_int_equal(mkdir(path, 0700), 0);
	free(path);
}

/* Of files that were changed at 1000, 2000 and 3000. */
static void pages_have_the_newest_first(const char *pattern)
{
	static const struct {
		size_t skip, count, left;
		int64_t first, last; /* 0: there is none */
	} cases[] = {
		{0, 10, 0, 3000, 1000},   {0, 3, 0, 3000, 1000},  {0, 1, 2, 3000, 3000},
		{1, 1, 1, 2000, 2000},    {1, 10, 0, 2000, 1000}, {3, 10, 0, 0, 0},
		{INT32_MAX, 10, 0, 0, 0}, {0, 0, 3, 0, 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct catalog page = {0};
		size_t left = catalog_read_page(&page, pattern, cases[i].skip, cases[i].count);
		assert_int_equal(left, cases[i].left);
		assert_int_equal(page.count,
				 cases[i].first ? (cases[i].first - cases[i].last) / 1000 + 1 : 0);
		if (page.count) {
			assert_int_equal(page.entries[0].modified_s, cases[i].first);
			assert_int_equal(page.entries[page.count - 1].modified_s, cases[i].last);
		}
		catalog_free(&page);
	}
}

static void the_oldest_go_first_and_nothing_else(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(root));
	char *pattern = mem_printf("%s/[app]/[stream].[timestamp].flv", root);
	make_folder("old");
	make_folder("live");
	put("old/a.1.flv", 1000, 1000);
	put("live/a.2.flv", 1000, 2000);
	put("live/a.3.flv", 2000, 3000);
	put("live/film.flv", 4000, 1);
	put("live/a.4.flv.77.tmp", 4000, 1);
	struct catalog c = {0};
	catalog_read(&c, pattern);
	assert_int_equal(c.count, 3);
	assert_int_equal(c.entries[0].modified_s, 1000);
	assert_int_equal(c.entries[2].bytes, 2000);
	catalog_free(&c);
	pages_have_the_newest_first(pattern);
	assert_int_equal(catalog_prune(pattern, &(struct catalog_limits){0}, 9000), 0);
	assert_int_equal(catalog_prune(pattern, &(struct catalog_limits){.age_s = 7500}, 9000), 1);
	assert_false(is_there("old"));
	assert_int_equal(catalog_prune(pattern, &(struct catalog_limits){.bytes = 2500}, 9000), 1);
	assert_false(is_there("live/a.2.flv"));
	assert_true(is_there("live/a.3.flv") && is_there("live/film.flv"));
	assert_int_equal(catalog_prune(pattern, &(struct catalog_limits){.bytes = 1}, 9000), 1);
	assert_true(is_there("live/film.flv") && is_there("live/a.4.flv.77.tmp"));
	static const char *const rest[] = {"live/film.flv", "live/a.4.flv.77.tmp", "live", ""};
	for (size_t i = 0; i < 4; i++) {
		char *path = mem_printf("%s/%s", root, rest[i]);
		assert_int_equal(i < 2 ? unlink(path) : rmdir(path), 0);
		free(path);
	}
	free(pattern);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_names_that_the_pattern_makes_are_recordings),
		cmocka_unit_test(a_name_that_fits_in_many_ways_ends),
		cmocka_unit_test(the_oldest_go_first_and_nothing_else),
	};
	return cmocka_run_group_tests_name("catalog", tests, NULL, NULL);
}
