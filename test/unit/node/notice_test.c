/* What may be logged about those who repeat themselves. */
#include "base/clock.h"
#include "node/notice.h"
#include "support/fake_time.h"
#include "support/unit.h"

#include <stdio.h>

static struct notices *notices;

static int set_up(void **state)
{
	(void)state;
	fake_time_begin();
	notices = notices_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	notices_free(&notices);
	fake_time_end();
	return 0;
}

static void an_address_has_a_line_a_minute(void **state)
{
	(void)state;
	assert_true(notice_is_due(notices, "10.0.0.1"));
	assert_false(notice_is_due(notices, "10.0.0.1"));
	assert_true(notice_is_due(notices, "10.0.0.2"));
	fake_time_pass(60001);
	assert_true(notice_is_due(notices, "10.0.0.1"));
}

static void of_very_many_addresses_the_new_ones_have_none(void **state)
{
	int said = 0;
	(void)state;
	for (int i = 0; i < 2000; i++) {
		char ip[32];
		snprintf(ip, sizeof(ip), "10.0.%d.%d", i / 250, i % 250);
		said += notice_is_due(notices, ip);
	}
	assert_int_equal(said, 1024);
	fake_time_pass(60001);
	assert_true(notice_is_due(notices, "10.9.9.9"));
}

static void a_kind_of_lines_has_a_rate_and_what_is_left_out_is_counted(void **state)
{
	int said = 0;
	(void)state;
	for (int i = 0; i < 1000; i++)
		said += notice_rate_take(notices, NOTICE_MISSING);
	assert_int_equal(said, NOTICE_BURST);
	assert_int_equal(notice_left_out(notices, NOTICE_MISSING), 1000 - NOTICE_BURST);
	assert_true(notice_rate_take(notices, NOTICE_PULLS)); /* of its own */
	fake_time_pass(5000);
	for (int i = 0; i < 1000; i++)
		said += notice_rate_take(notices, NOTICE_MISSING);
	assert_int_equal(said, NOTICE_BURST + 5 * NOTICE_PER_S);
	assert_true(notice_rate_take(NULL, NOTICE_MISSING));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_address_has_a_line_a_minute),
		TEST(of_very_many_addresses_the_new_ones_have_none),
		TEST(a_kind_of_lines_has_a_rate_and_what_is_left_out_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
