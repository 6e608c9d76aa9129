/* Publishers of streams that have gone over to the next process. */
#include "main/taken.h"
#include "support/co_unit.h"
#include "support/fake_time.h"
#include "support/test_server.h"
#include "support/unit.h"

#include <stdio.h>

enum { STREAMS = 600, DELAY_MS = 2000, STEP_MS = 500 };

static struct server *server;
static struct test_stream streams[STREAMS];

static int set_up(void **state)
{
	int failed = co_setup(state);
	server = test_server_new("vhost __defaultVhost__ { }");
	for (int i = 0; i < STREAMS; i++) {
		char name[16];
		snprintf(name, sizeof(name), "s%d", i);
		streams[i] = (struct test_stream){0};
		test_stream_begin(&streams[i], server, name);
	}
	fake_time_begin();
	return failed;
}

static int tear_down(void **state)
{
	fake_time_end();
	co_group_stop(&server->services);
	for (int i = 0; i < STREAMS; i++)
		test_stream_end(&streams[i]);
	test_server_free(&server);
	return co_teardown(state);
}

static void take(int i)
{
	taken_add(server, streams[i].source->key);
}

static int stopped(void)
{
	int n = 0;
	for (int i = 0; i < STREAMS; i++)
		n += streams[i].stops > 0;
	return n;
}

static void one_that_has_not_left_by_itself_is_ended_after_the_delay_and_others_stay(void **state)
{
	(void)state;
	take(3);
	(void)co_sleep(DELAY_MS - 1);
	assert_int_equal(stopped(), 0);
	(void)co_sleep(STEP_MS);
	assert_int_equal(streams[3].stops, 1);
	assert_int_equal(stopped(), 1);
	(void)co_sleep(2 * DELAY_MS);
	assert_int_equal(streams[3].stops, 1);
}

static void those_that_are_taken_later_have_the_whole_delay_too(void **state)
{
	(void)state;
	take(1);
	(void)co_sleep(DELAY_MS - 1);
	take(2);
	(void)co_sleep(STEP_MS);
	assert_int_equal(streams[1].stops, 1);
	(void)co_sleep(DELAY_MS - STEP_MS);
	assert_int_equal(streams[2].stops, 0);
	(void)co_sleep(STEP_MS + 1);
	assert_int_equal(streams[2].stops, 1);
}

static void one_coroutine_waits_for_all_of_them_and_for_more_when_it_has_ended(void **state)
{
	(void)state;
	int before = server->services.count;
	for (int i = 0; i < STREAMS; i++)
		take(i);
	assert_int_equal(server->services.count, before + 1);
	(void)co_sleep(DELAY_MS + STEP_MS);
	assert_int_equal(stopped(), STREAMS);
	assert_int_equal(server->services.count, before);
	take(0);
	assert_int_equal(server->services.count, before + 1);
	(void)co_sleep(DELAY_MS + STEP_MS);
	assert_int_equal(streams[0].stops, 2);
}

static void the_end_of_the_server_does_not_wait_for_it(void **state)
{
	(void)state;
	take(0);
	(void)co_sleep(1);
	co_group_stop(&server->services);
	assert_int_equal(stopped(), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_that_has_not_left_by_itself_is_ended_after_the_delay_and_others_stay),
		TEST(those_that_are_taken_later_have_the_whole_delay_too),
		TEST(one_coroutine_waits_for_all_of_them_and_for_more_when_it_has_ended),
		TEST(the_end_of_the_server_does_not_wait_for_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
