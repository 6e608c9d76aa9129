/* The table, row by row: what each row says about itself must hold. */
#include "base/mem.h"
#include "conf/schema.h"
#include "conf/tree.h"
#include "conf/value.h"
#include "unit/conf/support.h"

#include <inttypes.h>
#include <stdio.h>

#define each_row(row) (const struct row *row = schema_first(); row; row = schema_next(row))

static void every_row_has_a_name_of_its_own_and_help(void **state)
{
	(void)state;
	for
		each_row(row)
		{
			assert_ptr_equal(schema_find(row->path), row);
			assert_non_null(row->help);
			if (row->help[strlen(row->help) - 1] != '.')
				fail_msg("%s: the help is not a sentence", row->path);
			if (row_is_value(row) && !row->value && !row->example)
				fail_msg("%s: neither default nor example", row->path);
		}
}

static int place_of_row(const struct row *wanted)
{
	int n = 0;
	for
		each_row(row)
		{
			if (row == wanted)
				return n;
			n++;
		}
	return -1;
}

static void every_row_stands_in_a_block_that_comes_before(void **state)
{
	(void)state;
	char block[TREE_PATH_MAX];
	for
		each_row(row)
		{
			size_t n = (size_t)(row_name(row) - row->path);
			if (n == 0)
				continue;
			snprintf(block, sizeof(block), "%.*s", (int)n - 1, row->path);
			const struct row *outer = schema_find(block);
			if (!outer || outer->kind != ROW_BLOCK ||
			    place_of_row(outer) > place_of_row(row))
				fail_msg("%s: no block '%s' before it", row->path, block);
			assert_true(row_is_in(row, block));
			assert_false(row_is_in(row, ""));
		}
}

static void offsets_are_inside_their_struct(void **state)
{
	(void)state;
	for
		each_row(row)
		{
			size_t size =
				row_is_vhost(row) ? sizeof(struct conf_vhost) : sizeof(struct conf);
			if (row_is_value(row) && (row->offset == 0 || row->offset >= size))
				fail_msg("%s: offset %zu", row->path, row->offset);
		}
}

/* Tries one text on a row; what was stored comes back as text. */
static bool accepts(const struct row *row, const char *text, char out[static 256])
{
	static union {
		struct conf conf;
		struct conf_vhost vhost;
	} base;
	char why[VALUE_WHY_MAX];
	struct text_list words = {};
	struct buf shown = {.max = 255};

	memset(&base, 0, sizeof(base));
	for (const char *p = text; *p; p += strcspn(p, " "), p += strspn(p, " "))
		text_list_add(&words, span_of(p, strcspn(p, " ")));
	bool ok = value_set(&base, row, &words, why);
	value_text(&shown, row, &base);
	snprintf(out, 256, "%s", ok ? buf_text(&shown) : why);
	value_fini(&base, row);
	text_list_fini(&words);
	buf_free(&shown);
	return ok;
}

static void every_default_is_a_good_value(void **state)
{
	(void)state;
	char out[256];
	for
		each_row(row)
		{
			const char *text = row->value ? row->value : row->example;
			if (!row_is_value(row))
				continue;
			if (!accepts(row, text, out))
				fail_msg("%s %s: %s", row->path, text, out);
			assert_string_equal(out, text);
		}
}

static void number(char out[static 32], const struct row *row, int64_t v)
{
	if (row->kind == ROW_SECONDS)
		snprintf(out, 32, "%" PRId64 ".%03d", v / 1000, (int)(v % 1000));
	else
		snprintf(out, 32, "%" PRId64, v);
}

static void numbers_keep_their_bounds(void **state)
{
	(void)state;
	static const char *const bad[] = {"",
					  "x",
					  "1e3",
					  "0x10",
					  "+1",
					  "1 2",
					  "1.",
					  ".5",
					  "--1",
					  "1s",
					  "99999999999999999999",
					  "nan"};
	char text[32], out[256];

	for
		each_row(row)
		{
			if (row->kind != ROW_INT && row->kind != ROW_SECONDS &&
			    row->kind != ROW_MILLIS)
				continue;
			assert_true(row->min < row->max);
			number(text, row, row->min);
			assert_true(accepts(row, text, out));
			number(text, row, row->max);
			assert_true(accepts(row, text, out));
			number(text, row, row->max + 1);
			assert_false(accepts(row, text, out));
			if (row->min > 0) {
				number(text, row, row->min - 1);
				assert_false(accepts(row, text, out));
			}
			assert_int_equal(accepts(row, "-1", out), row->min < 0);
			for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
				if (accepts(row, bad[i], out))
					fail_msg("%s accepts '%s'", row->path, bad[i]);
			}
		}
}

static void switches_and_choices_take_nothing_else(void **state)
{
	(void)state;
	static const char *const bad[] = {"",   "true", "false",  "yes", "1",
					  "On", "ON",   "on off", "onn"};
	char out[256];

	for
		each_row(row)
		{
			if (row->kind != ROW_ONOFF && row->kind != ROW_ENUM)
				continue;
			for (const struct choice *c = row->choices; c && c->name; c++) {
				assert_true(accepts(row, c->name, out));
				assert_string_equal(out, c->name);
			}
			for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
				if (accepts(row, bad[i], out))
					fail_msg("%s accepts '%s'", row->path, bad[i]);
				if (!strstr(out, "expects") && !strstr(out, "takes one value"))
					fail_msg("%s %s: '%s'", row->path, bad[i], out);
			}
		}
}

static void texts_have_a_length(void **state)
{
	(void)state;
	char out[256];
	char *long_text = mem_zalloc(1025);
	memset(long_text, 'x', 1024);
	for
		each_row(row)
		{
			if (row->kind == ROW_TEXT) {
				assert_false(accepts(row, long_text, out));
				assert_false(accepts(row, "two words", out));
				assert_int_equal(accepts(row, "", out), row->min == 0);
			}
		}
	free(long_text);
}

static void addresses_are_looked_at(void **state)
{
	(void)state;
	static const struct {
		const char *path, *good, *bad;
	} cases[] = {
		{"listen", "1935", ""},
		{"listen", "127.0.0.1:1935 [::1]:1935", "0"},
		{"listen", "[::]:1", "65536"},
		{"listen", "1 2 3", "1 2 x"},
		{"listen", "65535", "localhost:1935"},
		{"listen", "01935", "127.0.0.1"},
		{"listen", "0.0.0.0:1935", "127.0.0.1:"},
		{"http_api.listen", "[::1]:1985", "::1:1985x"},
		{"http_server.listen", "127.0.0.1:8080", ":8080"},
		{"vhost.cluster.origin", "", "http://a"},
		{"vhost.cluster.origin", "a b:1 ::1 [::1] [::1]:2", "a:b"},
		{"vhost.cluster.coworkers", "a.example.com:9090", "a/b"},
		{"vhost.cluster.coworkers", "127.0.0.1:9090", "[a]:1"},
		{"advertise", "live.example.com:1935", "a/b"},
		{"resolver", "127.0.0.1", "localhost"},
		{"resolver", "[::1]:53", "127.0.0.1:0"},
		{"vhost.http_remux.mount", "[vhost]/[app]/[stream].flv", "/[app]/[stream].mkv"},
		{"vhost.http_remux.mount", "/a.flv", ".flv"},
	};
	char out[256];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct row *row = schema_find(cases[i].path);
		if (!accepts(row, cases[i].good, out))
			fail_msg("%s refuses '%s': %s", row->path, cases[i].good, out);
		if (accepts(row, cases[i].bad, out))
			fail_msg("%s accepts '%s'", row->path, cases[i].bad);
		assert_non_null(strstr(out, "expects"));
	}
}

static void seconds_are_kept_in_milliseconds(void **state)
{
	(void)state;
	struct conf_vhost vhost = {};
	char why[VALUE_WHY_MAX], text[] = "60.5";
	char *v[] = {text};
	struct text_list words = {.count = 1, .v = v};
	assert_true(value_set(&vhost, schema_find("vhost.publish.kickoff_for_idle"), &words, why));
	assert_int_equal(vhost.publish.kickoff_for_idle_ms, 60500);
	assert_true(value_set(&vhost, schema_find("vhost.play.send_min_interval"), &words, why));
	assert_int_equal(vhost.play.send_min_interval_ms, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_has_a_name_of_its_own_and_help),
		cmocka_unit_test(every_row_stands_in_a_block_that_comes_before),
		cmocka_unit_test(offsets_are_inside_their_struct),
		cmocka_unit_test(every_default_is_a_good_value),
		cmocka_unit_test(numbers_keep_their_bounds),
		cmocka_unit_test(switches_and_choices_take_nothing_else),
		cmocka_unit_test(texts_have_a_length),
		cmocka_unit_test(addresses_are_looked_at),
		cmocka_unit_test(seconds_are_kept_in_milliseconds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
