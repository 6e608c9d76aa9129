/* What all clients have received and sent: which of them a sum asks, and that sums neither lack anything nor go back. */
#include "base/mem.h"
#include "node/stat.h"
#include "support/co_unit.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

static struct registry registry;
static struct stats stats;

/* A client whose numbers are the test's. */
struct counted {
	struct client client;
	struct traffic traffic;
	struct source *source;
	int asked;
};

static struct traffic count(const struct client *client)
{
	struct counted *c =
		container_of((struct client *)(uintptr_t)client, struct counted, client);
	c->asked++;
	return c->traffic;
}

static const struct client_ops ops = {.count = count};

static int setup(void **state)
{
	int status = co_setup_fake_time(state);
	stats = (struct stats){0};
	registry_init(&registry);
	stat_init(&stats, &registry);
	return status;
}

static int teardown(void **state)
{
	stat_fini(&stats);
	registry_fini(&registry);
	return co_teardown(state);
}

static void enter(struct counted *c, const char *name, int64_t recv, int64_t send)
{
	char key[64];
	snprintf(key, sizeof(key), "/live/%s", name);
	*c = (struct counted){.client = {.ops = &ops}, .traffic = {recv, send}};
	c->source = c->client.source =
		registry_get(&registry, key, "__defaultVhost__", "live", name,
			     &(struct source_opts){.chunk_size = 60000});
	stat_enter(&stats, &c->client);
}

static void leave(struct counted *c)
{
	stat_leave(&stats, &c->client);
	source_unref(&c->source);
}

static void assert_sums(const char *name, int64_t recv, int64_t send)
{
	char key[64];
	snprintf(key, sizeof(key), "/live/%s", name);
	const struct stat_id *id = stat_stream_find(&stats, key);
	assert_non_null(id);
	assert_int_equal(id->recv_now, recv);
	assert_int_equal(id->send_now, send);
}

static void clients_are_asked_twice_a_second_at_most(void **state)
{
	struct counted a, b;
	(void)state;
	enter(&a, "a", 100, 10);
	fake_time_pass(1);
	enter(&b, "a", 0, 1000);
	fake_time_pass(1);
	stat_sum(&stats);
	assert_sums("a", 100, 1010);
	for (int i = 0; i < 50; i++)
		stat_sum(&stats);
	assert_int_equal(a.asked, 1);
	assert_int_equal(b.asked, 1);
	b.traffic.send = 3000;
	fake_time_pass(SUM_FRESH_MS);
	stat_sum(&stats);
	assert_sums("a", 100, 3010);
	assert_int_equal(stat_vhost(&stats, "__defaultVhost__")->send_now, 3010);
	assert_int_equal(a.asked, 2);
	leave(&a);
	leave(&b);
}

static void who_has_come_since_is_in_the_sums_at_once(void **state)
{
	struct counted a, b, c;
	(void)state;
	enter(&a, "a", 100, 0);
	fake_time_pass(10);
	stat_sum(&stats);
	fake_time_pass(10);
	enter(&b, "a", 0, 1000);
	enter(&c, "new", 500, 0);
	a.traffic.recv = 200;
	stat_sum(&stats);
	assert_sums("a", 100, 1000);
	assert_sums("new", 500, 0);
	c.traffic.recv = 700;
	stat_sum(&stats);
	assert_sums("new", 700, 0);
	assert_int_equal(a.asked, 1);
	leave(&a);
	leave(&b);
	leave(&c);
}

static void who_leaves_is_counted_once_more_and_stays_in_the_sums(void **state)
{
	struct counted a, b;
	(void)state;
	enter(&a, "a", 100, 0);
	enter(&b, "a", 0, 10);
	stat_sum(&stats);
	a.traffic.recv = 150;
	leave(&a);
	assert_sums("a", 150, 10);
	assert_int_equal(stats.recv_bytes, 150);
	assert_int_equal(stats.send_bytes, 10);
	fake_time_pass(SUM_FRESH_MS);
	stat_sum(&stats);
	assert_sums("a", 150, 10);
	leave(&b);
	assert_null(stat_stream_find(&stats, "/live/a"));
	assert_int_equal(stats.recv_bytes, 150);
	assert_int_equal(stats.send_bytes, 10);
}

static void rates_are_made_of_sums_that_are_not_older_than_themselves(void **state)
{
	struct counted a;
	(void)state;
	enter(&a, "a", 0, 0);
	(void)co_sleep(RATE_STEP_MS - 100);
	stat_sum(&stats);
	a.traffic.recv = 640000;
	(void)co_sleep(200); /* the sample is taken meanwhile */
	assert_sums("a", 640000, 0);
	(void)co_sleep(RATE_STEP_MS - 100);
	const struct stat_id *id = stat_stream_find(&stats, "/live/a");
	assert_int_equal(rate_recv_kbps(&id->rate, id->recv_now), 640000 * 8 / (2 * RATE_STEP_MS));
	leave(&a);
}

static void a_pulled_stream_has_what_its_source_has(void **state)
{
	struct counted a;
	(void)state;
	enter(&a, "a", 0, 10);
	stat_sum(&stats);
	a.source->recv_bytes = 5000;
	const struct stat_id *id = stat_stream_find(&stats, "/live/a");
	assert_int_equal(stat_stream_recv(id, a.source), 5000);
	assert_int_equal(stat_stream_recv(id, NULL), 0);
	leave(&a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(clients_are_asked_twice_a_second_at_most),
		TEST(who_has_come_since_is_in_the_sums_at_once),
		TEST(who_leaves_is_counted_once_more_and_stays_in_the_sums),
		TEST(rates_are_made_of_sums_that_are_not_older_than_themselves),
		TEST(a_pulled_stream_has_what_its_source_has),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
