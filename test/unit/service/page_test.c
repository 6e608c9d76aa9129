/* The page's files: what they name is there, and nothing in them needs more than their policy allows. */
#include "service/page.h"
#include "service/page_files.h"
#include "support/unit.h"

#include <string.h>

static const char *const names[] = {"index.html", "console.html", "page.css",  "watch.js",
				    "play.js",    "boxes.js",     "rtc.js",    "dom.js",
				    "console.js", "api.js",       "picture.js"};
enum { NAMES = sizeof(names) / sizeof(names[0]) };

static struct page_file file_of(const char *name)
{
	struct page_file file;
	assert_true(page_file_find(&file, name));
	assert_true(file.text.n > 200 && file.text.p[file.text.n - 1] == '\n');
	return file;
}

static void each_file_has_a_name_and_a_type(void **state)
{
	struct page_file file;
	(void)state;
	assert_ptr_equal(file_of("").text.p, file_of("index.html").text.p);
	assert_string_equal(file_of("index.html").type, "text/html; charset=utf-8");
	assert_string_equal(file_of("page.css").type, "text/css; charset=utf-8");
	assert_string_equal(file_of("watch.js").type, "text/javascript; charset=utf-8");
	assert_false(page_file_find(&file, "nothing.js"));
	assert_false(page_file_find(&file, "../page/watch.js"));
}

/* "/page/NAME" in quotes. */
static void check_names(struct span text)
{
	static const char start[] = "\"/page/";
	const uint8_t *p = text.p, *end = text.p + text.n;
	while ((p = memmem(p, (size_t)(end - p), start, strlen(start)))) {
		char name[64] = "";
		p += strlen(start);
		size_t n = (size_t)((const uint8_t *)memchr(p, '"', (size_t)(end - p)) - p);
		assert_true(n < sizeof(name));
		memcpy(name, p, n);
		(void)file_of(name);
	}
}

static void what_a_file_names_is_there(void **state)
{
	(void)state;
	for (size_t i = 0; i < NAMES; i++)
		check_names(file_of(names[i]).text);
}

static bool has(struct span text, const char *word)
{
	return memmem(text.p, text.n, word, strlen(word));
}

static void nothing_is_inline_and_nothing_is_from_elsewhere(void **state)
{
	static const char *const never[] = {"<script>", "<style",    "style=\"", "onclick=",
					    "onload=",  "innerHTML", "eval(",    "https://",
					    "//cdn",    "import("};
	(void)state;
	for (size_t i = 0; i < NAMES; i++)
		for (size_t k = 0; k < sizeof(never) / sizeof(never[0]); k++)
			if (has(file_of(names[i]).text, never[k]))
				fail_msg("%s has %s", names[i], never[k]);
	assert_non_null(strstr(page_headers, "default-src 'none'"));
	assert_null(strstr(page_headers, "unsafe"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_file_has_a_name_and_a_type),
		cmocka_unit_test(what_a_file_names_is_there),
		cmocka_unit_test(nothing_is_inline_and_nothing_is_from_elsewhere),
	};
	return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
