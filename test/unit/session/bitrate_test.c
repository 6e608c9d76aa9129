#include "session/bitrate.h"
#include "support/unit.h"

enum { LIMIT = 1000, BEGIN = 5000 };

/* Looks twenty times a second; returns what was said in those seconds, in the order of severity. */
static enum bitrate_verdict run(struct bitrate *b, int64_t *now, int64_t *bytes, int kbps, int ms)
{
	enum bitrate_verdict worst = BITRATE_FINE;
	for (int i = 0; i < ms / 50; i++) {
		*now += 50;
		*bytes += kbps * 50 / 8;
		enum bitrate_verdict v = bitrate_look(b, *now, *bytes, LIMIT);
		worst = v > worst ? v : worst;
	}
	return worst;
}

static void what_is_allowed_is_fine(void **state)
{
	struct bitrate b = {0};
	int64_t now = BEGIN, bytes = 1000000;
	(void)state;
	assert_int_equal(run(&b, &now, &bytes, LIMIT, 60000), BITRATE_FINE);
	assert_in_range(b.kbps, LIMIT - 20, LIMIT);
}

static void an_excess_is_warned_of_and_then_ends(void **state)
{
	struct bitrate b = {0};
	int64_t now = BEGIN, bytes = 0;
	(void)state;
	assert_int_equal(run(&b, &now, &bytes, 1500, BITRATE_WINDOW_MS - 100), BITRATE_FINE);
	assert_int_equal(run(&b, &now, &bytes, 1500, 300), BITRATE_WARN);
	assert_int_equal(run(&b, &now, &bytes, 1500, BITRATE_WINDOW_MS), BITRATE_FINE);
	assert_int_equal(run(&b, &now, &bytes, 1500, BITRATE_WINDOW_MS), BITRATE_EXCEEDED);
}

static void an_excess_that_ends_is_forgotten(void **state)
{
	struct bitrate b = {0};
	int64_t now = BEGIN, bytes = 0;
	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(run(&b, &now, &bytes, 1500, 2 * BITRATE_WINDOW_MS), BITRATE_WARN);
		assert_int_equal(run(&b, &now, &bytes, 500, 3 * BITRATE_WINDOW_MS), BITRATE_FINE);
	}
}

static void a_burst_within_the_average_is_fine(void **state)
{
	struct bitrate b = {0};
	int64_t now = BEGIN, bytes = 0;
	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(run(&b, &now, &bytes, 4000, 500), BITRATE_FINE);
		assert_int_equal(run(&b, &now, &bytes, 100, 3500), BITRATE_FINE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_allowed_is_fine),
		cmocka_unit_test(an_excess_is_warned_of_and_then_ends),
		cmocka_unit_test(an_excess_that_ends_is_forgotten),
		cmocka_unit_test(a_burst_within_the_average_is_fine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
