/* The bit rates of a client over the last half minute. */
#include "node/client.h"
#include "support/fake_time.h"
#include "support/unit.h"

static struct rate rate;

static int setup(void **state)
{
	(void)state;
	rate = (struct rate){0};
	fake_time_begin();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_time_end();
	return 0;
}

static void nothing_is_known_before_there_is_a_sample(void **state)
{
	(void)state;
	assert_int_equal(rate_recv_kbps(&rate, 1000000), 0);
	rate_add(&rate, 0, 0);
	assert_int_equal(rate_recv_kbps(&rate, 1000000), 0); /* no time has passed */
}

static void the_rate_is_that_of_the_samples_kept(void **state)
{
	(void)state;
	int64_t recv = 0, send = 0;
	for (int i = 0; i < 10; i++) {
		rate_add(&rate, recv, send);
		fake_time_pass(RATE_STEP_MS);
		recv += i < 5 ? 64000 : 1280000;
		send += 640000;
	}
	/* The oldest of four samples is 40 s old. */
	assert_int_equal(rate_recv_kbps(&rate, recv), 1280000LL * 4 * 8 / (4 * RATE_STEP_MS));
	assert_int_equal(rate_send_kbps(&rate, send), 512);
}

static void counts_of_many_terabytes_have_a_rate_too(void **state)
{
	(void)state;
	int64_t sent = 64LL * UINT32_MAX * 3 - 640;
	rate_add(&rate, 0, sent);
	fake_time_pass(RATE_STEP_MS);
	assert_int_equal(rate_send_kbps(&rate, sent + 12800000), 12800000LL * 8 / RATE_STEP_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_known_before_there_is_a_sample, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_rate_is_that_of_the_samples_kept, setup,
						teardown),
		cmocka_unit_test_setup_teardown(counts_of_many_terabytes_have_a_rate_too, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
