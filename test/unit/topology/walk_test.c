/* A server with thousands of streams and relays is looked at while others have their turns, and while streams end and
 * relays leave. */
#include "base/mem.h"
#include "cluster/announce.h"
#include "support/test_server.h"
#include "topology/neighbours.h"
#include "topology/tree.h"
#include "topology/view.h"
#include "topology/walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "support/co_unit.h"
#include "support/unit.h"

enum { MANY = 2000, HALF = MANY / 2, TURNS_FOR_NODES = MANY * WORK_NODE / 2048 };

static struct server *server;
static struct source *sources[MANY];
static struct feeder feeders[MANY];
static struct client relays[MANY];
static struct announce said = {.node = "eeee", .hop = {.relay = "r1"}, .api = "127.0.0.1:9"};
static struct addr at;
static struct trees trees;
static struct co *other;
static int turns;
static void (*on_turn)(void);

static struct traffic count(const struct client *client)
{
	(void)client;
	return (struct traffic){0};
}

static const struct client_ops ops = {.count = count};

static void other_main(void *arg)
{
	(void)arg;
	for (; !co_stopping(); co_yield ()) {
		turns++;
		if (on_turn)
			on_turn();
	}
}

static void begin_source(int i)
{
	char key[32], name[16];
	snprintf(name, sizeof(name), "s%d", i);
	snprintf(key, sizeof(key), "/live/%s", name);
	sources[i] = registry_get(&server->registry, key, "__defaultVhost__", "live", name,
				  &(struct source_opts){.chunk_size = 4096});
	feeders[i] = (struct feeder){.kind = FEEDER_PUBLISHER};
	source_begin(sources[i], &feeders[i]);
}

static void end_source(int i)
{
	if (sources[i])
		source_leave(sources[i], &feeders[i], 0);
	source_unref(&sources[i]);
}

static void enter_relay(int i)
{
	relays[i] = (struct client){.ops = &ops,
				    .type = "rtmp-play",
				    .relay = true,
				    .page_url = "",
				    .swf_url = "",
				    .tc_url = "",
				    .url = "",
				    .announce = &said,
				    .peer = &at,
				    .source = sources[0]};
	stat_enter(&server->stat, &relays[i]);
}

static int set_up(void **state)
{
	int failed = co_setup(state);
	char *conf = test_server_vhost("");
	server = test_server_new(conf);
	free(conf);
	assert_true(addr_literal(&at, "127.0.0.1", 1935));
	for (int i = 0; i < MANY; i++)
		begin_source(i);
	for (int i = 0; i < MANY; i++)
		enter_relay(i);
	turns = 0;
	on_turn = NULL;
	trees = (struct trees){0};
	other = co_start("other", other_main, NULL);
	return failed;
}

static int tear_down(void **state)
{
	co_stop(other);
	co_join(&other);
	for (int i = 0; i < MANY; i++)
		stat_leave(&server->stat, &relays[i]);
	for (int i = 0; i < MANY; i++)
		end_source(i);
	test_server_free(&server);
	return co_teardown(state);
}

static void take(void)
{
	struct tree_room room = {.depth = 8};
	trees_take(&trees, server, &(struct tree_filter){"", "", ""}, &room);
}

static int tree_count(void)
{
	int n = 0;
	struct tree *t;
	DL_COUNT(trees.list, t, n);
	return n;
}

static int relay_count(void)
{
	int n = 0;
	struct tree_relay *r;
	DL_COUNT(trees.relays, r, n);
	return n;
}

static void others_run_while_streams_and_relays_are_taken_down(void **state)
{
	(void)state;
	take();
	assert_true(turns >= 2 * TURNS_FOR_NODES);
	assert_int_equal(tree_count(), MANY);
	assert_int_equal(relay_count(), MANY);
	turns = 0;
	trees_fini(&trees);
	assert_true(turns >= TURNS_FOR_NODES);
}

/* The second half: of the streams at the first turn, of the relays once the first ones are in. */
static void half_goes(void)
{
	for (int i = HALF; i < MANY; i++) {
		end_source(i);
		if (trees.relays)
			stat_leave(&server->stat, &relays[i]);
	}
}

static void what_goes_meanwhile_is_left_out(void **state)
{
	(void)state;
	on_turn = half_goes;
	take();
	assert_int_equal(tree_count(), HALF);
	assert_int_equal(relay_count(), HALF);
	/* Nobody holds them any more. */
	assert_int_equal(map_count(server->registry.sources), HALF);
	trees_fini(&trees);
}

static void a_walk_that_is_left_lets_go_of_all(void **state)
{
	struct source_walk walk;
	(void)state;
	source_walk_begin(&walk, &server->registry);
	assert_ptr_equal(source_walk_next(&walk), sources[0]);
	assert_ptr_equal(source_walk_next(&walk), sources[1]);
	half_goes();
	assert_int_equal(map_count(server->registry.sources), MANY);
	source_walk_end(&walk);
	assert_int_equal(map_count(server->registry.sources), HALF);
}

static void others_run_while_servers_around_are_listed(void **state)
{
	(void)state;
	json_t *nodes = view_nodes(server, clock_after(1000));
	assert_true(turns >= TURNS_FOR_NODES);
	assert_int_equal(json_array_size(nodes), 1);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(nodes, 0), "streams")),
			 MANY);
	json_decref(nodes);
}

static void others_run_while_relays_become_questions(void **state)
{
	(void)state;
	struct asks asks = {.server = server, .method = "GET", .deadline = clock_after(1000)};
	struct view_query q = {.vhost = "",
			       .app = "",
			       .stream = "",
			       .scope = VIEW_BELOW,
			       .from = "",
			       .path = "",
			       .hops = 3,
			       .deadline = asks.deadline};
	neighbours_add(&asks, "/api/v1/clusters/streams", &q);
	assert_true(turns >= MANY * WORK_ASK / 2048);
	assert_int_equal(asks.count, 1);
	asks_fini(&asks);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(others_run_while_streams_and_relays_are_taken_down),
		TEST(what_goes_meanwhile_is_left_out),
		TEST(a_walk_that_is_left_lets_go_of_all),
		TEST(others_run_while_servers_around_are_listed),
		TEST(others_run_while_relays_become_questions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
