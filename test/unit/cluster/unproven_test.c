/* What nothing has come of yet has a limit, and a turn. */
#include "cluster/unproven.h"

#include "support/co_unit.h"
#include "support/unit.h"

enum { MAX = 4, PER_ADDRESS = 2, MANY = 6 };

static struct unproven u;
static struct unproven_pass passes[MANY];
static err results[MANY];

static int set_up(void **state)
{
	unproven_init(&u, MAX, PER_ADDRESS);
	return co_setup(state);
}

static int tear_down(void **state)
{
	for (int i = 0; i < MANY; i++)
		unproven_end(&passes[i]);
	assert_int_equal(map_count(u.by_address), 0);
	assert_int_equal(u.count, 0);
	unproven_fini(&u);
	return co_teardown(state);
}

static struct addr address(const char *ip)
{
	struct addr a;
	assert_true(addr_literal(&a, ip, 1));
	return a;
}

static void enter(void *arg)
{
	struct unproven_pass *pass = arg;
	results[pass - passes] = unproven_wait(pass);
}

static struct co *begin(int i, const char *ip)
{
	struct addr from = ip ? address(ip) : (struct addr){0};
	unproven_begin(&u, &passes[i], ip ? &from : NULL);
	struct co *co = co_start("enter", enter, &passes[i]);
	(void)co_sleep(1);
	return co;
}

static void one_address_has_its_part_and_leaves_the_rest_to_others(void **state)
{
	struct co *co[4];
	(void)state;
	for (int i = 0; i < 3; i++)
		co[i] = begin(i, "10.0.0.1");
	assert_true(passes[0].counts && passes[1].counts && !passes[2].counts);
	co[3] = begin(3, "10.0.0.2");
	assert_true(passes[3].counts);
	unproven_end(&passes[0]);
	(void)co_sleep(1);
	assert_true(passes[2].counts);
	for (int i = 0; i < 4; i++)
		co_join(&co[i]);
}

static void all_together_are_so_many(void **state)
{
	struct co *co[MANY];
	(void)state;
	for (int i = 0; i < MANY; i++)
		co[i] = begin(i, NULL);
	assert_int_equal(u.count, MAX);
	unproven_end(&passes[0]);
	unproven_end(&passes[1]);
	(void)co_sleep(1);
	assert_true(passes[4].counts && passes[5].counts);
	for (int i = 0; i < MANY; i++)
		co_join(&co[i]);
}

static void one_that_is_stopped_leaves_its_turn_to_the_next(void **state)
{
	struct co *co[4];
	(void)state;
	for (int i = 0; i < 4; i++)
		co[i] = begin(i, "10.0.0.1");
	unproven_end(&passes[0]);
	co_stop(co[2]);
	(void)co_sleep(1);
	assert_true(passes[2].counts || passes[3].counts);
	co_stop(co[2]);
	co_stop(co[3]);
	for (int i = 0; i < 4; i++)
		co_join(&co[i]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_address_has_its_part_and_leaves_the_rest_to_others),
		TEST(all_together_are_so_many),
		TEST(one_that_is_stopped_leaves_its_turn_to_the_next),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
