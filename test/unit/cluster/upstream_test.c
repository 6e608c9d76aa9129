/* Which origin a stream goes to, and what a failure does to that. */
#include "cluster/upstream.h"
#include "support/fake_time.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES = 1000, ORIGINS = 4 };

static const char *const addresses[ORIGINS] = {
	"10.0.0.1:1935",
	"10.0.0.2:1935",
	"origin-c.example.org:1935",
	"[fd00::4]:19350",
};

static struct peers *ups;
static struct upstreams sorted;
static struct peer **list; /* what is in it */

static int setup(void **state)
{
	(void)state;
	fake_time_begin(); /* what waits after a failure waits as long as a case takes */
	ups = peers_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	upstreams_fini(&sorted);
	peers_free(&ups);
	fake_time_end();
	return 0;
}

/* All origins in the order for one of the thousand streams. */
static void order(int name)
{
	char key[64];
	snprintf(key, sizeof(key), "/live/stream-%d", name);
	sorted.count = 0;
	for (int i = 0; i < ORIGINS; i++)
		upstreams_add(&sorted, peer_get(ups, addresses[i]));
	upstreams_sort(&sorted, key);
	list = sorted.v;
}

static int number_of(const struct peer *up)
{
	for (int i = 0; i < ORIGINS; i++)
		if (strcmp(up->name, addresses[i]) == 0)
			return i;
	fail();
	return -1;
}

static void a_thousand_names_spread_evenly_over_four_origins(void **state)
{
	(void)state;
	int share[ORIGINS] = {0};
	for (int n = 0; n < NAMES; n++) {
		order(n);
		share[number_of(list[0])]++;
	}
	for (int i = 0; i < ORIGINS; i++) {
		print_message("%s: %d of %d\n", addresses[i], share[i], NAMES);
		assert_in_range(share[i], NAMES * 21 / 100, NAMES * 29 / 100);
	}
}

static void the_loss_of_an_origin_moves_only_its_own_streams(void **state)
{
	(void)state;
	static int first[NAMES], second[NAMES];
	int heirs[ORIGINS] = {0};
	for (int lost = 0; lost < ORIGINS; lost++) {
		for (int n = 0; n < NAMES; n++) {
			order(n);
			first[n] = number_of(list[0]);
			second[n] = number_of(list[1]);
		}
		struct peer *gone = peer_get(ups, addresses[lost]);
		peer_failed(gone, ERR_CONNECT, "it is gone");
		for (int n = 0; n < NAMES; n++) {
			order(n);
			assert_int_equal(number_of(list[0]),
					 first[n] == lost ? second[n] : first[n]);
			assert_int_equal(number_of(list[ORIGINS - 1]), lost);
			heirs[number_of(list[0])] += first[n] == lost;
		}
		peer_ok(gone, 1);
	}
	for (int i = 0; i < ORIGINS; i++) /* a lost share is divided among all others */
		assert_in_range(heirs[i], NAMES * 15 / 100, NAMES * 35 / 100);
}

static void two_edges_agree_whatever_the_order_of_their_configuration(void **state)
{
	(void)state;
	for (int n = 0; n < NAMES; n++) {
		struct upstreams reverse = {0};
		char key[64];
		snprintf(key, sizeof(key), "/live/stream-%d", n);
		order(n);
		for (int i = 0; i < ORIGINS; i++)
			upstreams_add(&reverse, peer_get(ups, addresses[ORIGINS - 1 - i]));
		upstreams_sort(&reverse, key);
		for (int i = 0; i < ORIGINS; i++)
			assert_ptr_equal(list[i], reverse.v[i]);
		upstreams_fini(&reverse);
	}
}

static void repeated_failures_wait_longer_and_never_too_long(void **state)
{
	(void)state;
	struct peer *up = peer_get(ups, addresses[0]);
	int64_t limit = 200;
	for (int n = 0; n < 40; n++) {
		int64_t before = clock_ms();
		peer_failed(up, ERR_CONNECT, "it is gone");
		assert_in_range(up->retry_ms, before + limit / 2, clock_ms() + limit);
		limit = limit * 2 < 15000 ? limit * 2 : 15000;
	}
	assert_int_equal(up->failures_total, 40);
	assert_string_equal(up->reason, "it is gone");
}

static void what_we_lack_is_no_failure_of_the_origin(void **state)
{
	(void)state;
	struct peer *up = peer_get(ups, addresses[0]);
	peer_failed(up, ERR_SYSTEM, "there are no descriptors");
	assert_int_equal(up->failures, 0);
	assert_int_equal(up->failures_total, 0);
	assert_int_equal(up->retry_ms, 0);
	assert_string_equal(up->reason, "");
}

static void trust_returns_slowly(void **state)
{
	(void)state;
	struct peer *up = peer_get(ups, addresses[0]);
	for (int n = 0; n < 8; n++)
		peer_failed(up, ERR_CONNECT, "it is gone");
	peer_ok(up, 3);
	assert_int_equal(up->retry_ms, 0);
	assert_int_equal(up->failures, 4);
	int64_t before = clock_ms();
	peer_failed(up, ERR_CONNECT, "again");
	assert_true(up->retry_ms - before > 1000); /* a first failure waits 200 ms at most */
}

static void a_lower_priority_is_tried_first(void **state)
{
	(void)state;
	peer_get(ups, addresses[2])->priority = -1;
	for (int n = 0; n < 50; n++) {
		order(n);
		assert_int_equal(number_of(list[0]), 2);
	}
}

static const struct {
	int weights[ORIGINS], thousandths[ORIGINS];
} weighted[] = {
	{{0, 0, 0, 0}, {250, 250, 250, 250}},     {{9, 9, 9, 9}, {250, 250, 250, 250}},
	{{1, 2, 3, 4}, {100, 200, 300, 400}},     {{10, 0, 10, 0}, {500, 0, 500, 0}},
	{{65535, 1, 1, 1}, {1000, 0, 0, 0}},      {{0, 0, 0, 1}, {0, 0, 0, 1000}},
	{{100, 100, 200, 0}, {250, 250, 500, 0}},
};

static void set_weights(const int *weights)
{
	for (int i = 0; i < ORIGINS; i++)
		peer_get(ups, addresses[i])->weight = weights[i];
}

static void shares_follow_the_weights(void **state)
{
	(void)state;
	enum { MANY = 20000 };
	for (size_t c = 0; c < sizeof(weighted) / sizeof(weighted[0]); c++) {
		int share[ORIGINS] = {0};
		set_weights(weighted[c].weights);
		for (int n = 0; n < MANY; n++) {
			order(n);
			share[number_of(list[0])]++;
		}
		for (int i = 0; i < ORIGINS; i++) {
			int off = share[i] * 1000 / MANY - weighted[c].thousandths[i];
			print_message("weight %d: %d of %d\n", weighted[c].weights[i], share[i],
				      MANY);
			assert_in_range(off + 12, 0, 24);
		}
	}
}

/* A change of weight moves no more than it must, and without one nothing is different. */
static void equal_weights_are_as_none(void **state)
{
	(void)state;
	for (int n = 0; n < NAMES; n++) {
		struct peer *plain[ORIGINS];
		set_weights((const int[ORIGINS]){0, 0, 0, 0});
		order(n);
		memcpy(plain, list, sizeof(plain));
		set_weights((const int[ORIGINS]){7, 7, 7, 7});
		order(n);
		assert_memory_equal(list, plain, sizeof(plain));
	}
}

static void more_weight_only_attracts(void **state)
{
	(void)state;
	for (int n = 0; n < NAMES; n++) {
		set_weights((const int[ORIGINS]){10, 10, 10, 10});
		order(n);
		int before = number_of(list[0]);
		set_weights((const int[ORIGINS]){10, 20, 10, 10});
		order(n);
		assert_true(number_of(list[0]) == before || number_of(list[0]) == 1);
	}
}

static void priority_comes_before_weight(void **state)
{
	(void)state;
	set_weights((const int[ORIGINS]){65535, 0, 0, 65535});
	peer_get(ups, addresses[2])->priority = -1;
	for (int n = 0; n < 50; n++) {
		order(n);
		assert_int_equal(number_of(list[0]), 2);
		assert_int_equal(number_of(list[3]), 1);
	}
}

static void one_can_be_put_last_or_taken_out(void **state)
{
	(void)state;
	order(1);
	struct peer *a = list[0], *b = list[1], *c = list[2], *d = list[3];
	upstreams_put_last(&sorted, b);
	assert_true(list[0] == a && list[1] == c && list[2] == d && list[3] == b);
	upstreams_put_last(&sorted, NULL);
	assert_true(list[0] == a && list[3] == b);
	upstreams_remove(&sorted, c);
	assert_int_equal(sorted.count, 3);
	assert_true(list[0] == a && list[1] == d && list[2] == b);
	upstreams_remove(&sorted, c);
	assert_int_equal(sorted.count, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_thousand_names_spread_evenly_over_four_origins,
						setup, teardown),
		cmocka_unit_test_setup_teardown(the_loss_of_an_origin_moves_only_its_own_streams,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			two_edges_agree_whatever_the_order_of_their_configuration, setup, teardown),
		cmocka_unit_test_setup_teardown(repeated_failures_wait_longer_and_never_too_long,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_we_lack_is_no_failure_of_the_origin, setup,
						teardown),
		cmocka_unit_test_setup_teardown(trust_returns_slowly, setup, teardown),
		cmocka_unit_test_setup_teardown(a_lower_priority_is_tried_first, setup, teardown),
		cmocka_unit_test_setup_teardown(shares_follow_the_weights, setup, teardown),
		cmocka_unit_test_setup_teardown(equal_weights_are_as_none, setup, teardown),
		cmocka_unit_test_setup_teardown(more_weight_only_attracts, setup, teardown),
		cmocka_unit_test_setup_teardown(priority_comes_before_weight, setup, teardown),
		cmocka_unit_test_setup_teardown(one_can_be_put_last_or_taken_out, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
