/* Clients that are asked to connect anew, when another process has taken over. */
#include "base/mem.h"
#include "main/drainage.h"
#include "support/co_unit.h"
#include "support/fake_time.h"
#include "support/test_server.h"
#include "support/unit.h"

#include <stdlib.h>

enum { MANY = 10000, FEW = 50, PACE_MS = 10, ALL_MS = 10000 };

static struct server *other; /* whose configuration is used */
static struct serve *serve;
static struct test_stream stream;
static struct client *clients;
static int count, asked, asked_at_once, most_at_once;
static int64_t asked_ms;

static bool on_reconnect(struct client *client, const char *url)
{
	(void)client;
	assert_string_equal(url, "");
	asked_at_once = clock_ms() == asked_ms ? asked_at_once + 1 : 1;
	most_at_once = asked_at_once > most_at_once ? asked_at_once : most_at_once;
	asked_ms = clock_ms();
	asked++;
	return true;
}

static struct traffic on_count(const struct client *client)
{
	(void)client;
	return (struct traffic){0};
}

static const struct client_ops ops = {.count = on_count, .reconnect = on_reconnect};

static int set_up(void **state)
{
	int failed = co_setup(state);
	other = test_server_new("vhost __defaultVhost__ { }");
	serve = mem_new(struct serve);
	serve->server.conf = other->conf;
	stat_init(&serve->server.stat, &other->registry);
	stream = (struct test_stream){0};
	test_stream_begin(&stream, other, "x");
	count = asked = asked_at_once = most_at_once = 0;
	asked_ms = 0;
	fake_time_begin();
	return failed;
}

static void enter(int n)
{
	clients = mem_zalloc((size_t)n * sizeof(clients[0]));
	for (count = 0; count < n; count++) {
		clients[count] = (struct client){.ops = &ops, .source = stream.source};
		stat_enter(&serve->server.stat, &clients[count]);
	}
}

static int tear_down(void **state)
{
	co_group_stop(&serve->server.services);
	for (int i = 0; i < count; i++)
		stat_leave(&serve->server.stat, &clients[i]);
	free(clients);
	fake_time_end();
	stat_fini(&serve->server.stat);
	free(serve);
	test_stream_end(&stream);
	test_server_free(&other);
	return co_teardown(state);
}

/* All at once they would hold one another up on their way. */
static void a_few_are_asked_one_after_the_other(void **state)
{
	(void)state;
	enter(FEW);
	drainage_hand_over(serve);
	(void)co_sleep(PACE_MS / 2);
	assert_int_equal(asked, 1);
	(void)co_sleep(FEW / 2 * PACE_MS);
	assert_in_range(asked, FEW / 2 - 2, FEW / 2 + 2);
	(void)co_sleep(FEW / 2 * PACE_MS);
	assert_int_equal(asked, FEW);
	assert_int_equal(most_at_once, 1);
	assert_int_equal(serve->server.drain.asked, FEW);
}

static void many_do_not_take_longer_than_some_seconds(void **state)
{
	(void)state;
	enter(MANY);
	drainage_hand_over(serve);
	(void)co_sleep(ALL_MS);
	assert_int_equal(asked, MANY);
	assert_in_range(most_at_once, 2, 1 + MANY / 1000);
}

static void one_that_comes_meanwhile_is_asked_too_and_one_that_leaves_is_not(void **state)
{
	(void)state;
	enter(FEW);
	drainage_hand_over(serve);
	(void)co_sleep(PACE_MS / 2);
	struct client late = {.ops = &ops, .source = stream.source};
	stat_enter(&serve->server.stat, &late);
	stat_leave(&serve->server.stat, &clients[--count]);
	(void)co_sleep(2 * FEW * PACE_MS);
	assert_true(late.asked_to_leave);
	assert_int_equal(asked, FEW);
	stat_leave(&serve->server.stat, &late);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_few_are_asked_one_after_the_other),
		TEST(many_do_not_take_longer_than_some_seconds),
		TEST(one_that_comes_meanwhile_is_asked_too_and_one_that_leaves_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
