#include "node/guesses.h"
#include "support/co_unit.h"
#include "support/unit.h"

#include <stdio.h>

static struct guesses *guesses;
static struct addr addr;

static void guess(void *arg)
{
	(void)arg;
	guesses_wrong(guesses, &addr);
}

static int64_t seconds_of(int count)
{
	int64_t start = clock_ms();
	for (int i = 0; i < count; i++)
		guesses_wrong(guesses, &addr);
	return (clock_ms() - start) / 1000;
}

static void the_first_ones_are_free_and_the_rest_slow(void **state)
{
	(void)state;
	guesses = guesses_new();
	assert_true(addr_literal(&addr, "192.0.2.1", 1));
	assert_int_equal(seconds_of(GUESSES_FREE), 0);
	assert_int_equal(seconds_of(5), 5);
	assert_int_equal(guesses_count(guesses), GUESSES_FREE + 5);
	/* Another address pays nothing for this one. */
	assert_true(addr_literal(&addr, "192.0.2.2", 1));
	assert_int_equal(seconds_of(1), 0);
	/* A minute of silence is forgiveness. */
	assert_true(addr_literal(&addr, "192.0.2.1", 1));
	assert_int_equal(co_sleep(GUESS_FORGET_MS + 1000), OK);
	assert_int_equal(seconds_of(GUESSES_FREE), 0);
	guesses_free(&guesses);
}

static void an_address_has_few_at_a_time(void **state)
{
	(void)state;
	struct co_group group = {0};
	guesses = guesses_new();
	assert_true(addr_literal(&addr, "2001:db8::1", 1));
	seconds_of(GUESSES_FREE);
	for (int i = 0; i < GUESSES_WAITING_MAX; i++) {
		assert_true(guesses_may_try(guesses, &addr));
		co_start_in(&group, "guess", guess, NULL);
		assert_int_equal(co_sleep(1), OK);
	}
	assert_false(guesses_may_try(guesses, &addr));
	/* The same network, and another one. */
	assert_true(addr_literal(&addr, "2001:db8::ffff", 1));
	assert_false(guesses_may_try(guesses, &addr));
	assert_true(addr_literal(&addr, "2001:db8:0:1::1", 1));
	assert_true(guesses_may_try(guesses, &addr));
	assert_int_equal(co_sleep(GUESS_WAIT_MS), OK);
	assert_true(addr_literal(&addr, "2001:db8::1", 1));
	assert_true(guesses_may_try(guesses, &addr));
	co_group_stop(&group);
	guesses_free(&guesses);
}

static void guess_from_each_of(int first, int end)
{
	char text[32];
	for (int i = first; i < end; i++) {
		snprintf(text, sizeof(text), "10.0.%d.%d", i / 256, i % 256);
		assert_true(addr_literal(&addr, text, 1));
		guesses_wrong(guesses, &addr);
	}
}

/* Memory is bounded however many addresses there are, and the last ones are slowed together. */
static void very_many_addresses_share_a_place(void **state)
{
	(void)state;
	guesses = guesses_new();
	int64_t start = clock_ms();
	guess_from_each_of(0, 4096 + GUESSES_FREE);
	assert_int_equal(clock_ms() - start, 0);
	guess_from_each_of(5000, 5003);
	assert_int_equal(clock_ms() - start, 3 * GUESS_WAIT_MS);
	assert_int_equal(co_sleep(GUESS_FORGET_MS + 1000), OK);
	assert_int_equal(seconds_of(GUESSES_FREE), 0);
	guesses_free(&guesses);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, co_setup_fake_time, co_teardown)
	const struct CMUnitTest tests[] = {
		T(the_first_ones_are_free_and_the_rest_slow),
		T(an_address_has_few_at_a_time),
		T(very_many_addresses_share_a_place),
	};
	return cmocka_run_group_tests_name("guesses", tests, NULL, NULL);
}
