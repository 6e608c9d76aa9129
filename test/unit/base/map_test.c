#include "base/map.h"
#include "base/mem.h"
#include "support/unit.h"

static void a_key_that_was_never_set_is_null(void **state)
{
	(void)state;
	struct map *m = map_new();
	assert_null(map_get(m, "a"));
	assert_null(map_remove(m, "a"));
	assert_int_equal(map_count(m), 0);
	map_free(&m);
	assert_null(m);
	map_free(&m);
}

static void values_go_with_the_map(void **state)
{
	(void)state;
	struct map *m = map_new();
	assert_null(map_set(m, "a", mem_alloc(10)));
	assert_null(map_set(m, "b", mem_alloc(10)));
	map_free_values(&m); /* the sanitizers see whether they have */
	assert_null(m);
	map_free_values(&m);
}

static void setting_twice_replaces_and_returns_the_old_value(void **state)
{
	(void)state;
	int one = 1, two = 2;
	struct map *m = map_new();
	char key[] = "live/a";
	assert_null(map_set(m, key, &one));
	key[0] = 'X'; /* the map has a copy */
	assert_ptr_equal(map_set(m, "live/a", &two), &one);
	assert_ptr_equal(map_get(m, "live/a"), &two);
	assert_int_equal(map_count(m), 1);
	map_free(&m);
}

static void a_walk_keeps_the_order_and_allows_to_remove_its_entry(void **state)
{
	(void)state;
	static char keys[100][4];
	struct map *m = map_new();
	for (int i = 0; i < 100; i++) {
		keys[i][0] = (char)('a' + i / 10);
		keys[i][1] = (char)('0' + i % 10);
		map_set(m, keys[i], keys[i]);
	}
	int seen = 0;
	for (struct map_iter it = map_begin(m); map_next(&it); seen++) {
		assert_string_equal(it.key, keys[seen]);
		assert_ptr_equal(it.value, keys[seen]);
		if (seen % 2)
			assert_ptr_equal(map_remove(m, keys[seen]), keys[seen]);
	}
	assert_int_equal(seen, 100);
	assert_int_equal(map_count(m), 50);
	assert_null(map_get(m, "a1"));
	assert_non_null(map_get(m, "a2"));
	map_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_that_was_never_set_is_null),
		cmocka_unit_test(values_go_with_the_map),
		cmocka_unit_test(setting_twice_replaces_and_returns_the_old_value),
		cmocka_unit_test(a_walk_keeps_the_order_and_allows_to_remove_its_entry),
	};
	return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
