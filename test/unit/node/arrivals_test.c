#include "node/arrivals.h"
#include "support/fake_time.h"
#include "support/unit.h"

#include <stdio.h>

static const struct arrival_rate rate = {.per_s = 10, .burst = 20};

static int take(struct arrivals *a, const char *ip, int count)
{
	struct addr addr;
	int n = 0;
	assert_true(addr_literal(&addr, ip, 1));
	for (int i = 0; i < count; i++)
		n += arrivals_of_address(a, &addr, rate);
	return n;
}

static void a_burst_and_then_the_rate(void **state)
{
	(void)state;
	fake_time_begin();
	struct arrivals *a = arrivals_new();
	assert_int_equal(take(a, "192.0.2.1", 100), 20);
	assert_int_equal(arrivals_refused(a), 80);
	fake_time_pass(1000);
	assert_int_equal(take(a, "192.0.2.1", 100), 10);
	fake_time_pass(60000);
	assert_int_equal(take(a, "192.0.2.1", 100), 20);
	arrivals_free(&a);
	fake_time_end();
}

static void addresses_do_not_know_of_each_other(void **state)
{
	(void)state;
	fake_time_begin();
	struct arrivals *a = arrivals_new();
	assert_int_equal(take(a, "192.0.2.1", 30), 20);
	assert_int_equal(take(a, "192.0.2.2", 30), 20);
	assert_int_equal(take(a, "::ffff:192.0.2.2", 30), 0);
	assert_int_equal(take(a, "2001:db8::1", 30), 20);
	assert_int_equal(take(a, "2001:db8::2", 30), 0);
	assert_int_equal(take(a, "2001:db8:0:1::2", 30), 20);
	arrivals_free(&a);
	fake_time_end();
}

static void very_many_addresses_take_no_more_memory(void **state)
{
	(void)state;
	fake_time_begin();
	struct arrivals *a = arrivals_new();
	char ip[ADDR_TEXT_MAX];
	for (int i = 0; i < 20000; i++) {
		snprintf(ip, sizeof(ip), "10.%d.%d.1", i / 250, i % 250);
		assert_int_equal(take(a, ip, 1), 1);
	}
	/* Whoever goes on has its place there. */
	assert_int_equal(take(a, "192.0.2.1", 100), 20);
	assert_int_equal(take(a, "192.0.2.1", 100), 0);
	arrivals_free(&a);
	fake_time_end();
}

static void a_listener_has_a_rate_for_all(void **state)
{
	(void)state;
	fake_time_begin();
	struct arrivals *a = arrivals_new();
	int n = 0, other = 0;
	for (int i = 0; i < 50; i++)
		n += arrivals_at_listener(a, "RTMP", rate);
	for (int i = 0; i < 50; i++)
		other += arrivals_at_listener(a, "HTTP", rate);
	assert_int_equal(n, 20);
	assert_int_equal(other, 20);
	assert_true(arrivals_at_listener(a, "RTMP", (struct arrival_rate){0}));
	arrivals_free(&a);
	fake_time_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_and_then_the_rate),
		cmocka_unit_test(addresses_do_not_know_of_each_other),
		cmocka_unit_test(very_many_addresses_take_no_more_memory),
		cmocka_unit_test(a_listener_has_a_rate_for_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
