/* The cluster as one server sees it, with other servers played by the test: a coworker and a relay that
 * have an API, and a relay that has none. */
#include "base/mem.h"
#include "cluster/announce.h"
#include "cluster/members.h"
#include "http/client.h"
#include "http/http.h"
#include "net/dns.h"
#include "net/listen.h"
#include "support/test_server.h"
#include "topology/view.h"
#include "unit/http/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 3000 };

/* Another server's API: answers by the path. */
struct api {
	struct listener *listener;
	struct co_group group;
	const char *streams, *versions, *kick;
	char last[1024]; /* the target of the last request */
};

struct visit {
	struct api *api;
	struct sock *sock;
};

static const char *answer_of(struct api *api, const struct http_message *m)
{
	snprintf(api->last, sizeof(api->last), "%s", m->target);
	const char *text = strstr(m->target, "/clients/")  ? api->kick
			   : strstr(m->target, "/streams") ? api->streams
							   : api->versions;
	return text ? text : "{\"code\":1}";
}

static void serve(void *arg)
{
	struct visit *v = arg;
	struct http_conn *conn = http_conn_new(v->sock);
	struct http_message *m;
	while (http_recv_request(conn, &m, clock_after(WAIT_MS)) == OK) {
		const char *text = answer_of(v->api, m);
		if (http_respond(v->sock, m, 200, "application/json", span_str(text), "") != OK)
			break;
	}
	http_conn_free(&conn);
	sock_close(&v->sock);
	free(v);
}

static void on_accept(void *ctx, struct sock *sock)
{
	struct api *api = ctx;
	struct visit *v = mem_new(struct visit);
	*v = (struct visit){api, sock};
	co_start_in(&api->group, "api", serve, v);
}

static int api_open(struct api *api)
{
	assert_int_equal(listener_open(&api->listener, &(struct listen_opts){.at = {"127.0.0.1"},
									     .what = "test",
									     .on_accept = on_accept,
									     .ctx = api}),
			 OK);
	listener_start(api->listener);
	return listener_port(api->listener);
}

static void api_close(struct api *api)
{
	listener_close(&api->listener);
	co_group_stop(&api->group);
}

/* ---- the server in the middle ---- */

static struct server *server;
static struct test_stream stream;
static struct api coworker, edge;
static struct announce told, mute = {.has_report = true, .players = 4};
static struct client relays[2];

static const char versions[] = "{\"code\":0,\"server\":\"vid-other\",\"service\":\"other\"}";

static void stop(struct client *client, err why)
{
	(void)client;
	(void)why;
}

static struct traffic count(const struct client *client)
{
	(void)client;
	return (struct traffic){0};
}

static const struct client_ops ops = {.stop = stop, .count = count};

/* A relay of the stream, which says that. */
static void relay_enter(struct client *c, const char *ip, const struct announce *says)
{
	*c = (struct client){.ops = &ops,
			     .type = "rtmp-play",
			     .page_url = "",
			     .swf_url = "",
			     .tc_url = "",
			     .url = "",
			     .relay = true,
			     .announce = says,
			     .source = stream.source};
	snprintf(c->ip, sizeof(c->ip), "%s", ip);
	stat_enter(&server->stat, c);
}

static int setup(void **state)
{
	if (co_setup(state) || dns_init(NULL) != OK)
		return -1;
	coworker = edge = (struct api){.versions = versions};
	char *conf = mem_printf("http_api { enabled on; listen 1985; }\n"
				"vhost __defaultVhost__ { cluster { origin_cluster on; "
				"query_timeout 1000; coworkers 127.0.0.1:%d; } }",
				api_open(&coworker));
	server = test_server_new(conf);
	free(conf);
	members_follow(server->cluster);
	test_stream_begin(&stream, server, "x");
	told = (struct announce){.node = "edgenode", .relay = "pull0001"};
	snprintf(told.api, sizeof(told.api), "127.0.0.1:%d", api_open(&edge));
	relay_enter(&relays[0], "127.0.0.1", &told);
	relay_enter(&relays[1], "192.0.2.9", &mute);
	return 0;
}

static int teardown(void **state)
{
	for (int i = 0; i < 2; i++)
		stat_leave(&server->stat, &relays[i]);
	test_stream_end(&stream);
	test_server_free(&server);
	api_close(&coworker);
	api_close(&edge);
	http_client_pool_close();
	dns_fini();
	return co_teardown(state);
}

/* ---- streams ---- */

static const char edges_answer[] =
	"{\"code\":0,\"streams\":[{\"stream\":\"/live/x\",\"origin\":{\"node\":\"edgenode\","
	"\"relay\":\"pull0001\",\"kind\":\"pull\",\"known\":true,\"viewers\":3,\"relays\":[]}}]}";
static const char coworkers_answer[] =
	"{\"code\":0,\"left_out\":2,\"streams\":[{\"stream\":\"/live/"
	"y\",\"vhost\":\"v\",\"app\":\"live\","
	"\"name\":\"y\",\"origin\":{\"node\":\"other\",\"kind\":\"publish\",\"known\":true,"
	"\"viewers\":5,\"relays\":[]}}]}";

static json_t *look(const char *name, enum view_scope scope, const char *from, const char *path)
{
	struct quota quota = {0};
	json_t *answer = json_object();
	view_streams(answer, &quota, server,
		     &(struct view_question){.vhost = "",
					     .app = "",
					     .stream = name,
					     .scope = scope,
					     .from = from,
					     .path = path,
					     .hops = 4,
					     .deadline = clock_after(WAIT_MS)});
	quota_empty(&quota);
	return answer;
}

static const json_t *tree_at(const json_t *answer, size_t i)
{
	return json_array_get(json_object_get(answer, "streams"), i);
}

static int64_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void streams_of_all_servers_are_trees(void **state)
{
	(void)state;
	edge.streams = edges_answer;
	coworker.streams = coworkers_answer;
	json_t *answer = look("", VIEW_ALL, "", "");
	assert_int_equal(json_array_size(json_object_get(answer, "streams")), 2);
	assert_int_equal(number(answer, "left_out"), 2);
	const json_t *x = tree_at(answer, 0), *y = tree_at(answer, 1);
	/* Three behind the edge with an API, four that the other one has reported. */
	assert_int_equal(number(x, "viewers_total"), 7);
	assert_int_equal(number(x, "nodes"), 3);
	assert_int_equal(number(y, "viewers_total"), 5);
	const json_t *found =
		json_array_get(json_object_get(json_object_get(x, "origin"), "relays"), 0);
	assert_true(json_is_true(json_object_get(found, "known")));
	assert_non_null(strstr(edge.last, "scope=below"));
	assert_non_null(strstr(edge.last, "&from="));
	assert_non_null(strstr(coworker.last, "scope=roots"));
	json_decref(answer);
}

static void a_relay_that_does_not_know_the_stream_says_why(void **state)
{
	(void)state;
	edge.streams = "{\"code\":0,\"streams\":[]}";
	json_t *answer = look("x", VIEW_ALL, "", "");
	const json_t *origin = json_object_get(tree_at(answer, 0), "origin");
	const json_t *found = json_array_get(json_object_get(origin, "relays"), 0);
	assert_true(json_is_false(json_object_get(found, "known")));
	assert_non_null(json_string_value(json_object_get(found, "why")));
	json_decref(answer);
}

static void a_question_that_was_here_is_not_answered(void **state)
{
	(void)state;
	char *path = mem_printf(",%s", server->service_id);
	json_t *answer = look("", VIEW_ALL, "", path);
	assert_int_equal(json_array_size(json_object_get(answer, "streams")), 0);
	assert_string_equal(coworker.last, "");
	json_decref(answer);
	free(path);
}

static void a_server_below_is_told_only_what_it_gave(void **state)
{
	(void)state;
	json_t *answer = look("", VIEW_BELOW, "somebody", "");
	assert_int_equal(json_array_size(json_object_get(answer, "streams")), 0);
	json_decref(answer);
	answer = look("", VIEW_ROOTS, "", "");
	assert_int_equal(json_array_size(json_object_get(answer, "streams")), 1);
	json_decref(answer);
}

/* ---- nodes and clients ---- */

static void nodes_are_asked_for_their_names(void **state)
{
	(void)state;
	json_t *nodes = view_nodes(server, clock_after(WAIT_MS)), *node;
	size_t i;
	int relays_seen = 0, coworkers_seen = 0;
	json_array_foreach(nodes, i, node)
	{
		const char *kind = json_string_value(json_object_get(node, "kind"));
		relays_seen += strcmp(kind, "relay") == 0;
		coworkers_seen += strcmp(kind, "coworker") == 0;
		assert_true(json_is_true(json_object_get(node, "alive")));
		if (json_object_get(node, "api"))
			assert_string_equal(json_string_value(json_object_get(node, "server")),
					    "vid-other");
	}
	assert_int_equal(relays_seen, 2);
	assert_int_equal(coworkers_seen, 1);
	json_decref(nodes);
}

static void kick(char node[static SIGN_ID_MAX], const char *id)
{
	view_kick(node, server,
		  &(struct view_question){.vhost = "",
					  .app = "",
					  .stream = "",
					  .from = "",
					  .path = "",
					  .hops = 4,
					  .deadline = clock_after(WAIT_MS)},
		  id);
}

static void a_client_is_stopped_wherever_it_is(void **state)
{
	(void)state;
	char node[SIGN_ID_MAX];
	kick(node, stream.client.id);
	assert_string_equal(node, server->service_id);
	assert_int_equal(stream.stops, 1);
	kick(node, "nobody");
	assert_string_equal(node, "");
	edge.kick = "{\"code\":0,\"node\":\"edgenode\"}";
	kick(node, "abcdefgh");
	assert_string_equal(node, "edgenode");
	assert_non_null(strstr(edge.last, "/api/v1/clusters/clients/abcdefgh?"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(streams_of_all_servers_are_trees, setup, teardown),
		cmocka_unit_test_setup_teardown(a_relay_that_does_not_know_the_stream_says_why,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_question_that_was_here_is_not_answered, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_server_below_is_told_only_what_it_gave, setup,
						teardown),
		cmocka_unit_test_setup_teardown(nodes_are_asked_for_their_names, setup, teardown),
		cmocka_unit_test_setup_teardown(a_client_is_stopped_wherever_it_is, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
