#include "base/backoff.h"
#include "support/unit.h"

static void the_wait_doubles_up_to_its_limit(void **state)
{
	static const struct {
		int failures;
		int64_t least, most;
	} cases[] = {{0, 750, 1250},  {1, 750, 1250},    {2, 1500, 2500},
		     {3, 3000, 5000}, {6, 22500, 37500}, {1000000, 22500, 37500}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int n = 0; n < 100; n++)
			assert_in_range(backoff_ms(cases[i].failures, 1000, 30000), cases[i].least,
					cases[i].most);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_wait_doubles_up_to_its_limit)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
