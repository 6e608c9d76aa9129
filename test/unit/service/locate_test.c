/* The list of servers that have redirected a request. */
#include "cluster/upstream.h"
#include "service/locate.h"
#include "support/unit.h"

#include <string.h>

static const struct {
	const char *list, *hostport;
	bool has;
} lists[] = {
	{NULL, "a:1", false},      {"", "a:1", false},        {",a:1", "a:1", true},
	{",b:1,a:1", "a:1", true}, {",a:1,b:1", "a:1", true}, {",a:11", "a:1", false},
	{",aa:1", "a:1", false},   {"a:1", "a:1", false}, /* not in the form that servers send */
	{",,,", "a:1", false},
};

static void a_server_is_found_only_as_a_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		assert_int_equal(locate_has_been(lists[i].list, lists[i].hostport), lists[i].has);
}

static void a_list_that_is_full_stays_as_it_is(void **state)
{
	char list[16] = "";
	(void)state;
	upstream_redirected_by(list, sizeof(list), "abc:1935");
	assert_string_equal(list, ",abc:1935");
	upstream_redirected_by(list, sizeof(list), "abcde:1");
	assert_string_equal(list, ",abc:1935");
	upstream_redirected_by(list, sizeof(list), "a:123");
	assert_string_equal(list, ",abc:1935,a:123");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_is_found_only_as_a_whole),
		cmocka_unit_test(a_list_that_is_full_stays_as_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
