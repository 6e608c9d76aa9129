/* Clients that are asked to connect anew, when another process has taken over. */
#include "base/mem.h"
#include "main/drainage.h"
#include "support/co_unit.h"
#include "support/fake_time.h"
#include "support/test_server.h"
#include "support/unit.h"

#include <stdlib.h>

enum { MANY = 10000, FEW = 50, PACE_MS = 10, ALL_MS = 10000, LEAVES_MS = 30 };

static struct server *other; /* whose configuration is used */
static struct serve *serve;
static struct test_stream stream;
static struct client clients[MANY + 1];
static int entered, asked, asked_at_once, most_at_once;
static int64_t asked_ms;

static bool on_reconnect(struct client *client, const char *url)
{
	assert_string_equal(url, "");
	if (!client->publish)
		return true;
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
	entered = asked = asked_at_once = most_at_once = 0;
	asked_ms = 0;
	fake_time_begin();
	return failed;
}

static struct client *enter(bool publish)
{
	struct client *c = &clients[entered++];
	*c = (struct client){.ops = &ops, .source = stream.source, .publish = publish};
	stat_enter(&serve->server.stat, c);
	return c;
}

static void enter_many(int n, bool publish)
{
	for (int i = 0; i < n; i++)
		enter(publish);
}

static void leave(struct client *c)
{
	stat_leave(&serve->server.stat, c);
	c->source = NULL;
}

/* Whoever was asked goes a little later. */
static void leaver_main(void *arg)
{
	(void)arg;
	while (co_sleep(LEAVES_MS) == OK)
		for (int i = 0; i < entered; i++)
			if (clients[i].source && clients[i].asked_to_leave)
				leave(&clients[i]);
}

static int tear_down(void **state)
{
	co_group_stop(&serve->server.services);
	for (int i = 0; i < entered; i++)
		if (clients[i].source)
			leave(&clients[i]);
	fake_time_end();
	stat_fini(&serve->server.stat);
	free(serve);
	test_stream_end(&stream);
	test_server_free(&other);
	return co_teardown(state);
}

/* All at once they would hold one another up on their way; the players beside them make no difference. */
static void a_few_encoders_are_asked_one_after_the_other(void **state)
{
	(void)state;
	enter_many(MANY - FEW, false);
	enter_many(FEW, true);
	drainage_hand_over(serve);
	(void)co_sleep(PACE_MS / 2);
	assert_int_equal(asked, 1);
	(void)co_sleep(FEW / 2 * PACE_MS);
	assert_in_range(asked, FEW / 2 - 2, FEW / 2 + 2);
	(void)co_sleep(FEW / 2 * PACE_MS);
	assert_int_equal(asked, FEW);
	assert_int_equal(most_at_once, 1);
	assert_int_equal(serve->server.drain.asked, MANY);
}

static void many_encoders_are_asked_within_ten_seconds_though_they_leave(void **state)
{
	(void)state;
	enter_many(MANY, true);
	assert_non_null(co_start_in(&serve->server.services, "leaver", leaver_main, NULL));
	drainage_hand_over(serve);
	(void)co_sleep(ALL_MS);
	assert_int_equal(asked, MANY);
	assert_int_equal(most_at_once, 1 + MANY / (ALL_MS / PACE_MS));
}

static void all_are_asked_before_the_limit(void **state)
{
	(void)state;
	other->conf->drain_timeout_ms = 400;
	enter_many(FEW, true);
	drainage_hand_over(serve);
	(void)co_sleep(200);
	assert_int_equal(asked, FEW);
	assert_int_equal(most_at_once, 1 + FEW / (200 / PACE_MS));
}

static void encoders_that_come_meanwhile_are_asked_and_players_that_come_back_are_not(void **state)
{
	(void)state;
	enter_many(FEW, true);
	drainage_hand_over(serve);
	(void)co_sleep(PACE_MS / 2);
	const struct client *late = enter(true), *back = enter(false);
	leave(&clients[FEW - 1]);
	leave(&clients[1]); /* the next one */
	(void)co_sleep(2 * FEW * PACE_MS);
	assert_true(late->asked_to_leave);
	assert_false(back->asked_to_leave);
	assert_int_equal(asked, FEW - 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_few_encoders_are_asked_one_after_the_other),
		TEST(many_encoders_are_asked_within_ten_seconds_though_they_leave),
		TEST(all_are_asked_before_the_limit),
		TEST(encoders_that_come_meanwhile_are_asked_and_players_that_come_back_are_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
