/* What is kept of where streams were: the newest of each, and no more than so many. */
#include "base/mem.h"
#include "cluster/coworker_last.h"
#include "support/unit.h"

#include <stdlib.h>

static void the_newest_of_a_stream_counts(void **state)
{
	struct coworker_last *last = coworker_last_new();
	(void)state;
	assert_null(coworker_last_get(last, "/live/a"));
	coworker_last_set(last, "/live/a", "10.0.0.1:1985");
	coworker_last_set(last, "/live/a", "10.0.0.2:1985");
	assert_string_equal(coworker_last_get(last, "/live/a"), "10.0.0.2:1985");
	coworker_last_forget(last, "/live/a");
	coworker_last_forget(last, "/live/a");
	assert_null(coworker_last_get(last, "/live/a"));
	coworker_last_free(&last);
	coworker_last_free(&last);
}

static void set_numbered(struct coworker_last *last, int n)
{
	char *key = mem_printf("/live/%d", n);
	coworker_last_set(last, key, "10.0.0.1:1985");
	free(key);
}

static void those_found_longest_ago_are_forgotten(void **state)
{
	struct coworker_last *last = coworker_last_new();
	(void)state;
	for (int i = 0; i < COWORKER_LAST_MAX; i++)
		set_numbered(last, i);
	set_numbered(last, 0); /* found again */
	set_numbered(last, COWORKER_LAST_MAX);
	assert_non_null(coworker_last_get(last, "/live/0"));
	assert_null(coworker_last_get(last, "/live/1"));
	assert_non_null(coworker_last_get(last, "/live/2"));
	coworker_last_free(&last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_of_a_stream_counts),
		cmocka_unit_test(those_found_longest_ago_are_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
