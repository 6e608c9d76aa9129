#include "base/vec.h"
#include "support/unit.h"

#include <stdint.h>
#include <stdlib.h>

static void room_doubles_and_items_stay(void **state)
{
	(void)state;
	int *items = NULL;
	uint32_t room = 0, grown = 0;
	for (uint32_t count = 0; count < 1000; count++) {
		uint32_t before = room;
		vec_reserve(items, room, count + 1);
		grown += room != before;
		items[count] = (int)count;
	}
	for (int i = 0; i < 1000; i++)
		assert_int_equal(items[i], i);
	assert_int_equal(room, 1024);
	assert_int_equal(grown, 9);
	free(items);
}

static void much_at_once_gets_what_it_needs(void **state)
{
	(void)state;
	char *items = NULL;
	int room = 0;
	vec_reserve(items, room, 100);
	assert_int_equal(room, 100);
	vec_reserve(items, room, 100);
	assert_int_equal(room, 100);
	vec_reserve(items, room, 101);
	assert_int_equal(room, 200);
	free(items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(room_doubles_and_items_stay),
		cmocka_unit_test(much_at_once_gets_what_it_needs),
	};
	return cmocka_run_group_tests_name("vec", tests, NULL, NULL);
}
