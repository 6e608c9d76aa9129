/* Which path media takes when the stream of another is gone. */
#include "base/mem.h"
#include "rtc/ice.h"
#include "support/unit.h"

static struct rtc_path path(int port)
{
	struct rtc_path p = {0};
	assert_true(addr_literal(&p.peer, "127.0.0.1", port));
	assert_true(addr_literal(&p.local, "127.0.0.1", 1));
	return p;
}

static void media_goes_on_where_something_came_from_last(void **state)
{
	struct ice ice = {.path_count = 4, .selected = 1};
	static const int64_t heard[] = {10, 40, 30, 20};
	(void)state;
	for (int i = 0; i < 4; i++) {
		ice.paths[i] = path(100 + i);
		ice.heard_ms[i] = heard[i];
	}
	struct rtc_path gone = path(101), best = path(102), other = path(100);
	assert_true(ice_forget(&ice, &gone));
	assert_true(rtc_path_same(ice_selected(&ice), &best));
	assert_false(ice_forget(&ice, &other));
	assert_true(rtc_path_same(ice_selected(&ice), &best));
	assert_true(ice_forget(&ice, &best));
	struct rtc_path last = path(103);
	assert_true(rtc_path_same(ice_selected(&ice), &last));
	assert_true(ice_forget(&ice, &last));
	assert_null(ice_selected(&ice));
	assert_false(ice_forget(&ice, &last));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(media_goes_on_where_something_came_from_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
