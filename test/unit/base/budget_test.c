/* What is taken from a budget, from those above it, and by strangers. */
#include "base/budget.h"
#include "support/unit.h"

static void what_there_is_can_be_taken_and_no_more(void **state)
{
	(void)state;
	struct budget b = {.max = 100, .untrusted_max = 100};
	struct quota p = {.from = &b};
	assert_true(quota_take(&p, 60));
	assert_false(quota_take(&p, 41));
	assert_false(quota_take(&p, SIZE_MAX));
	assert_true(quota_take(&p, 40));
	assert_int_equal(p.taken, 100);
	quota_give(&p, 30);
	assert_int_equal(b.used, 70);
	quota_empty(&p);
	quota_empty(&p);
	assert_int_equal(b.used, 0);
}

static void a_part_is_taken_from_the_whole_too(void **state)
{
	(void)state;
	struct budget all = {.max = 100};
	struct budget one = {.max = 80, .above = &all}, other = {.max = 80, .above = &all};
	struct quota p = {.from = &one}, q = {.from = &other};
	assert_true(quota_take(&p, 80));
	assert_false(quota_take(&q, 21));
	assert_int_equal(other.used, 0); /* all or nothing */
	assert_true(quota_take(&q, 20));
	quota_empty(&p);
	assert_int_equal(all.used, 20);
	assert_true(quota_take(&q, 60));
	quota_empty(&q);
	assert_int_equal(all.used + one.used + other.used, 0);
}

static void strangers_leave_something_for_the_others(void **state)
{
	(void)state;
	struct budget b = {.max = 100, .untrusted_max = 50};
	struct quota ours = {.from = &b}, strangers = {.from = &b, .untrusted = true};
	assert_true(quota_take(&strangers, 50));
	assert_false(quota_take(&strangers, 1));
	assert_true(quota_take(&ours, 50));
	quota_empty(&strangers);
	assert_false(quota_take(&strangers, 1)); /* the others use their half */
	quota_give(&ours, 30);
	assert_true(quota_take(&strangers, 30));
	quota_empty(&ours);
	quota_empty(&strangers);
	assert_int_equal(b.used, 0);
}

static void without_a_budget_there_is_no_limit(void **state)
{
	(void)state;
	struct quota p = {0};
	assert_true(quota_take(&p, 1u << 30));
	quota_empty(&p);
	assert_int_equal(p.taken, 0);
}

/* What others of its kind have taken is no reason to refuse an untrusted user the little that is its own. */
static void an_untrusted_user_has_its_reserve(void **state)
{
	struct budget b = {.max = 100, .untrusted_max = 40};
	struct quota many = {&b, .untrusted = true}, few = {&b, .untrusted = true, .reserve = 10};
	(void)state;
	assert_true(quota_take(&many, 40));
	assert_true(quota_take(&few, 10));
	assert_false(quota_take(&few, 1));
	assert_false(quota_take(&many, 1));
	quota_empty(&many);
	assert_true(quota_take(&few, 1));
	quota_empty(&few);
	assert_int_equal(b.used, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_untrusted_user_has_its_reserve),
		cmocka_unit_test(what_there_is_can_be_taken_and_no_more),
		cmocka_unit_test(a_part_is_taken_from_the_whole_too),
		cmocka_unit_test(strangers_leave_something_for_the_others),
		cmocka_unit_test(without_a_budget_there_is_no_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
