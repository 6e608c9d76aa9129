/* The whole cluster as seen from one server, whose neighbours the test plays. */
#include "cluster/announce.h"
#include "cluster/ask.h"
#include "cluster/members.h"
#include "http/client.h"
#include "support/api_stub.h"
#include "support/test_server.h"
#include "topology/tree.h"
#include "topology/view.h"

#include "support/co_unit.h"

#define THEIRS                                                                                     \
	"{\"code\":0,\"server\":\"vid-b\",\"node\":\"bbbb\",\"left_out\":2,\"streams\":[{"         \
	"\"stream\":\"/live/y\",\"vhost\":\"__defaultVhost__\",\"app\":\"live\",\"name\":\"y\","   \
	"\"origin\":{\"node\":\"bbbb\",\"known\":true,\"viewers\":7,\"api\":\":1985\","            \
	"\"relays\":[]}}]}"
#define RELAYS                                                                                     \
	"{\"code\":0,\"server\":\"edge\",\"streams\":[{\"stream\":\"/live/x\","                    \
	"\"origin\":{\"node\":\"eeee\",\"relay\":\"r1\",\"known\":true,\"viewers\":%s,"            \
	"\"relays\":[]}}]}"

static struct server *server;
static struct api_stub coworker, edge;
static struct test_stream here;

/* A relay of the stream, which says that it has that API. */
static struct client relay;
static struct announce said;
static struct addr at;

static struct traffic count(const struct client *client)
{
	(void)client;
	return (struct traffic){0};
}

static void on_stop(struct client *client, err why)
{
	(void)client;
	(void)why;
}

static const struct client_ops ops = {.stop = on_stop, .count = count};

static int set_up(void **state)
{
	int failed = co_setup(state);
	api_open(&coworker, THEIRS);
	api_open(&edge, "{}");
	char *content = mem_printf(
		"cluster { mode local; origin_cluster on; coworkers %s; query_timeout 8000; }",
		coworker.name);
	char *conf = test_server_vhost(content);
	server = test_server_new(conf);
	members_follow(server->cluster);
	test_stream_begin(&here, server, "x");
	free(content);
	free(conf);
	return failed;
}

static int tear_down(void **state)
{
	test_stream_end(&here);
	test_server_free(&server);
	http_client_pool_close();
	api_close(&coworker);
	api_close(&edge);
	return co_teardown(state);
}

static void enter_relay(const char *ip, const char *api)
{
	said = (struct announce){
		.node = "eeee", .hop = {.relay = "r1"}, .has_report = true, .players = 5};
	snprintf(said.api, sizeof(said.api), "%s", api);
	relay = (struct client){.ops = &ops,
				.type = "rtmp-play",
				.relay = true,
				.page_url = "",
				.swf_url = "",
				.tc_url = "",
				.url = "",
				.announce = &said,
				.peer = &at,
				.source = here.source};
	assert_true(addr_literal(&at, ip, 1935));
	stat_enter(&server->stat, &relay);
}

static struct view_query query(enum view_scope scope)
{
	return (struct view_query){.vhost = "",
				   .app = "",
				   .stream = "",
				   .scope = scope,
				   .from = "",
				   .path = "",
				   .hops = 3,
				   .deadline = clock_after(1000)};
}

static json_t *look(enum view_scope scope)
{
	struct quota quota = {0};
	struct view_query q = query(scope);
	json_t *answer = json_object();
	view_streams(answer, &quota, server, &q);
	quota_empty(&quota);
	return answer;
}

static json_t *tree_of(const json_t *answer, const char *name)
{
	json_t *list = json_object_get(answer, "streams");
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *tree = json_array_get(list, i);
		if (strcmp(json_string_value(json_object_get(tree, "stream")), name) == 0)
			return tree;
	}
	return NULL;
}

static json_t *relay_of(const json_t *answer)
{
	const json_t *origin = json_object_get(tree_of(answer, "/live/x"), "origin");
	return json_array_get(json_object_get(origin, "relays"), 0);
}

static int64_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));
	return value ? value : "";
}

static void streams_of_all_origins_are_shown(void **state)
{
	(void)state;
	json_t *answer = look(VIEW_ALL);
	assert_int_equal(json_array_size(json_object_get(answer, "streams")), 2);
	assert_int_equal(number(tree_of(answer, "/live/y"), "viewers_total"), 7);
	assert_int_equal(number(answer, "left_out"), 2);
	assert_non_null(strstr(coworker.last, "GET /api/v1/clusters/streams?scope=roots&hops=2"));
	const json_t *origin = json_object_get(tree_of(answer, "/live/y"), "origin");
	assert_string_equal(text(origin, "api"), "127.0.0.1:1985");
	json_decref(answer);
}

static void an_unsigned_relay_on_this_host_is_asked(void **state)
{
	char body[1000];
	(void)state;
	snprintf(body, sizeof(body), RELAYS, "3");
	edge.body = body;
	enter_relay("127.0.0.1", edge.name);
	json_t *answer = look(VIEW_ROOTS);
	assert_int_equal(edge.requests, 1);
	assert_int_equal(number(relay_of(answer), "viewers"), 3);
	assert_true(json_is_true(json_object_get(relay_of(answer), "known")));
	assert_int_equal(number(tree_of(answer, "/live/x"), "viewers_total"), 3);
	assert_int_equal(number(tree_of(answer, "/live/x"), "viewers_claimed"), 3);
	json_decref(answer);
	stat_leave(&server->stat, &relay);
}

static void what_it_claims_is_bounded_and_shown_as_a_claim(void **state)
{
	char body[1000];
	(void)state;
	snprintf(body, sizeof(body), RELAYS, "1000000000");
	edge.body = body;
	enter_relay("127.0.0.1", edge.name);
	json_t *answer = look(VIEW_ROOTS);
	assert_int_equal(number(relay_of(answer), "viewers"), CLAIM_PLAYERS_MAX);
	assert_true(json_is_true(json_object_get(relay_of(answer), "claimed")));
	json_decref(answer);
	stat_leave(&server->stat, &relay);
}

static void an_unsigned_relay_elsewhere_is_not_called(void **state)
{
	(void)state;
	enter_relay("192.0.2.9", edge.name);
	json_t *answer = look(VIEW_ROOTS);
	assert_int_equal(edge.requests, 0);
	assert_non_null(strstr(text(relay_of(answer), "why"), "has not signed"));
	assert_int_equal(number(relay_of(answer), "viewers"), 5);
	assert_true(json_is_true(json_object_get(relay_of(answer), "claimed")));
	json_decref(answer);
	json_t *nodes = view_nodes(server, clock_after(1000));
	assert_int_equal(edge.requests, 0);
	json_decref(nodes);
	stat_leave(&server->stat, &relay);
}

static void what_was_found_at_its_port_is_not_told(void **state)
{
	(void)state;
	edge.body = "secret service";
	edge.status = 404;
	enter_relay("127.0.0.1", edge.name);
	json_t *answer = look(VIEW_ROOTS);
	assert_string_equal(text(relay_of(answer), "why"), ASK_NO_ANSWER);
	json_decref(answer);
	stat_leave(&server->stat, &relay);
}

static void a_question_that_was_here_is_a_circle(void **state)
{
	struct quota quota = {0};
	(void)state;
	char *path = mem_printf(",%s", server->service_id);
	struct view_query q = query(VIEW_ALL);
	json_t *answer = json_object();
	q.path = path;
	view_streams(answer, &quota, server, &q);
	assert_int_equal(json_array_size(json_object_get(answer, "streams")), 0);
	assert_int_equal(coworker.requests, 0);
	json_decref(answer);
	free(path);
}

static void servers_around_are_listed_with_their_health(void **state)
{
	(void)state;
	enter_relay("127.0.0.1", edge.name);
	json_t *nodes = view_nodes(server, clock_after(1000));
	assert_int_equal(json_array_size(nodes), 2);
	const json_t *first = json_array_get(nodes, 0);
	assert_string_equal(text(first, "kind"), "coworker");
	assert_true(json_is_true(json_object_get(first, "alive")));
	assert_string_equal(text(first, "server"), "vid-b");
	assert_string_equal(text(json_array_get(nodes, 1), "kind"), "relay");
	assert_int_equal(number(json_array_get(nodes, 1), "streams"), 1);
	json_decref(nodes);
	stat_leave(&server->stat, &relay);
}

static void a_client_is_ended_wherever_it_is(void **state)
{
	char node[SIGN_ID_MAX];
	struct view_query q = query(VIEW_ALL);
	(void)state;
	view_kick(node, server, &q, here.client.id);
	assert_string_equal(node, server->service_id);
	assert_int_equal(here.stops, 1);
	view_kick(node, server, &q, "elsewhere");
	assert_string_equal(node, "bbbb");
	assert_non_null(strstr(coworker.last, "DELETE /api/v1/clusters/clients/elsewhere?"));
	coworker.body = "{\"code\":2049}";
	view_kick(node, server, &q, "nowhere");
	assert_string_equal(node, "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(streams_of_all_origins_are_shown),
		TEST(an_unsigned_relay_on_this_host_is_asked),
		TEST(what_it_claims_is_bounded_and_shown_as_a_claim),
		TEST(an_unsigned_relay_elsewhere_is_not_called),
		TEST(what_was_found_at_its_port_is_not_told),
		TEST(a_question_that_was_here_is_a_circle),
		TEST(servers_around_are_listed_with_their_health),
		TEST(a_client_is_ended_wherever_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
