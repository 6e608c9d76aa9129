#include "base/clock.h"
#include "support/unit.h"

#include <stdlib.h>
#include <time.h>

static void never_stays_never(void **state)
{
	(void)state;
	assert_true(clock_after(-1) == CLOCK_NEVER);
	assert_true(clock_after(CLOCK_NEVER) == CLOCK_NEVER);
	int64_t before = clock_ms();
	int64_t at = clock_after(1000);
	assert_true(at >= before + 1000 && at <= clock_ms() + 1000);
}

static void both_units_are_one_clock_that_never_goes_back(void **state)
{
	(void)state;
	int64_t last = 0;
	for (int i = 0; i < 1000; i++) {
		int64_t before = clock_us(), ms = clock_ms(), after = clock_us();
		assert_in_range(ms, before / 1000, after / 1000);
		assert_true(before >= last && after >= before);
		last = after;
	}
}

static void wall_time_is_written_in_both_zones(void **state)
{
	(void)state;
	static const struct {
		int64_t ms;
		int utc;
		const char *text;
	} cases[] = {
		{0, 1, "1970-01-01 00:00:00.000"},
		{1769903999123, 1, "2026-01-31 23:59:59.123"},
		{1769903999123, 0, "2026-02-01 07:59:59.123"},
		{1769903999007, 0, "2026-02-01 07:59:59.007"},
	};
	setenv("TZ", "EAST-8", 1);
	tzset();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[CLOCK_TEXT_MAX];
		clock_text(text, cases[i].ms, cases[i].utc);
		assert_string_equal(text, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_stays_never),
		cmocka_unit_test(both_units_are_one_clock_that_never_goes_back),
		cmocka_unit_test(wall_time_is_written_in_both_zones),
	};
	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
