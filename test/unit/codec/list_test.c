#include "codec/list.h"
#include "support/unit.h"

static const struct {
	const char *list, *item;
	bool has;
	int count;
} lists[] =
	{
		{NULL, "a:1", false, 0},
		{"", "a:1", false, 0},
		{",a:1", "a:1", true, 1},
		{",b:1,a:1", "a:1", true, 2},
		{",a:1,b:1", "a:1", true, 2},
		{",a:11", "a:1", false, 1},
		{",aa:1", "a:1", false, 1},
		{"a:1", "a:1", false, 0}, /* not in the form that servers send */
		{",,,", "a:1", false, 3},
};

static void an_item_is_found_only_as_a_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		assert_int_equal(list_has(lists[i].list, lists[i].item), lists[i].has);
		assert_int_equal(list_count(lists[i].list), lists[i].count);
	}
}

static void a_list_that_is_full_stays_as_it_is(void **state)
{
	char list[16] = "";
	(void)state;
	list_add(list, sizeof(list), "abc:1935");
	assert_string_equal(list, ",abc:1935");
	list_add(list, sizeof(list), "abcde:1");
	assert_string_equal(list, ",abc:1935");
	list_add(list, sizeof(list), "a:123");
	assert_string_equal(list, ",abc:1935,a:123");
}

static void lists_are_compared_and_merged_item_by_item(void **state)
{
	static const struct {
		const char *list, *other;
		bool has_all;
		const char *merged;
	} cases[] = {
		{"", "", true, ""},
		{"", ",a", false, ",a"},
		{",a", "", true, ",a"},
		{",abc", ",ab", false, ",abc,ab"},
		{",a,b,c", ",c,a", true, ",a,b,c"},
		{",a,b", ",b,c", false, ",a,b,c"},
		{",a", ",b,b", false, ",a,b"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = {.max = 100};
		assert_int_equal(list_has_all(cases[i].list, cases[i].other), cases[i].has_all);
		buf_printf(&b, "%s", cases[i].list);
		list_merge(&b, cases[i].other);
		assert_string_equal(buf_text(&b), cases[i].merged);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_item_is_found_only_as_a_whole),
		cmocka_unit_test(a_list_that_is_full_stays_as_it_is),
		cmocka_unit_test(lists_are_compared_and_merged_item_by_item),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
