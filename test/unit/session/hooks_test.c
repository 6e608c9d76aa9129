/* Web services are asked about clients, and are told of their ends, with the bodies of SRS. */
#include "base/mem.h"
#include "node/hook_queue.h"
#include "session/hook_body.h"
#include "session/hooks.h"
#include "support/api_stub.h"
#include "support/co_unit.h"
#include "support/datagram.h"
#include "support/test_server.h"

#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

static struct server *server;
static struct datagram_peer publisher, viewer;
static struct api_stub service;

static int setup(void **state)
{
	memset(&publisher, 0, sizeof(publisher));
	memset(&viewer, 0, sizeof(viewer));
	memset(&service, 0, sizeof(service));
	return co_setup(state);
}

static int teardown(void **state)
{
	datagram_stop(&viewer);
	datagram_stop(&publisher);
	api_close(&service);
	hooks_free(&server->hooks);
	test_server_free(&server);
	return co_teardown(state);
}

/* The directives of http_hooks, in which %s stands for the service's address. */
static void begin(const char *answer, const char *hooks, const char *more)
{
	if (!service.listener)
		api_open(&service, answer);
	char *mine = mem_strdup(hooks), *at;
	char *content = mem_printf("%s http_hooks { enabled on; ", more);
	while ((at = strstr(mine, "%s"))) {
		char *longer = mem_printf("%s%.*shttp://%s", content, (int)(at - mine), mine,
					  service.name);
		char *rest = mem_strdup(at + 2);
		free(content);
		free(mine);
		content = longer;
		mine = rest;
	}
	char *all = mem_printf("%s%s }", content, mine), *conf = test_server_vhost(all);
	server = test_server_new(conf);
	server->hooks = hooks_new(server);
	free(conf);
	free(all);
	free(mine);
	free(content);
}

static void start(struct datagram_peer *peer, bool publish)
{
	datagram_start(peer, server, "x", publish);
	wait_until(peer->is_begun || peer->is_over);
}

static void posted(const char *what)
{
	if (!strstr(service.last, what))
		fail_msg("%s is not in: %s", what, service.last);
}

/* ---- decisions ---- */

static void a_service_that_agrees_lets_a_client_in(void **state)
{
	(void)state;
	begin("0", "on_connect %s/c?k=1; on_publish %s/p; on_play %s/v;", "play { mw_latency 0; }");
	start(&publisher, true);
	assert_true(publisher.is_begun);
	assert_int_equal(service.requests, 2);
	posted("POST /p HTTP/1.1\r\n");
	posted("Content-Type: application/json\r\n");
	posted("{\"server_id\":\"vid-tested\",\"service_id\":\"");
	posted("\"action\":\"on_publish\"");
	posted("\"ip\":\"192.0.2.1\",\"vhost\":\"__defaultVhost__\",\"app\":\"live\",\"tcUrl\":"
	       "\"datagram://h/live\","
	       "\"stream\":\"x\",\"param\":\"\"");
	posted("\"stream_url\":\"/live/x\"");
	start(&viewer, false);
	assert_true(viewer.is_begun);
	assert_int_equal(service.requests, 4);
	posted("\"action\":\"on_play\"");
	posted("\"pageUrl\":\"\"");
}

static void a_service_that_refuses_says_why(void **state)
{
	(void)state;
	static const struct {
		const char *hooks, *answer, *words;
		bool publish;
	} cases[] = {
		{"on_connect %s;", "{\"code\":1,\"msg\":\"not today\"}", "not today", true},
		{"on_publish %s;", "1", "", true},
		{"on_play %s;", "{\"code\":403,\"reason\":\"pay first\"}", "pay first", false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(cases[i].answer, cases[i].hooks, "");
		viewer = (struct datagram_peer){0};
		start(&viewer, cases[i].publish);
		assert_int_equal(viewer.outcome.code, OUTCOME_DENIED);
		if (!strstr(viewer.outcome.text, cases[i].words))
			fail_msg("%s: %s", cases[i].hooks, viewer.outcome.text);
		datagram_stop(&viewer);
		hooks_free(&server->hooks);
		test_server_free(&server);
		api_close(&service);
		memset(&service, 0, sizeof(service));
	}
	begin("0", "", ""); /* for the teardown */
}

static void no_answer_means_what_the_configuration_says(void **state)
{
	(void)state;
	begin("what?", "on_publish %s; on_publish_retries 2;", "");
	start(&publisher, true);
	assert_int_equal(publisher.outcome.code, OUTCOME_DENIED);
	assert_int_equal(service.requests, 3);
	/* What the service has said wrong is no business of a stranger. */
	assert_null(strstr(publisher.outcome.text, "what?"));
	datagram_stop(&publisher);
	hooks_free(&server->hooks);
	test_server_free(&server);
	begin("what?", "on_publish %s; on_publish_retries 0; on_publish_failure allow;", "");
	publisher = (struct datagram_peer){0};
	start(&publisher, true);
	assert_true(publisher.is_begun);
}

/* A service is not asked about a client that it cannot see. */
static void a_client_of_too_many_words_is_refused(void **state)
{
	(void)state;
	begin("0", "on_play %s; on_stop %s;", "");
	char *words = mem_alloc(HOOK_BODY_MAX);
	memset(words, '\\', HOOK_BODY_MAX - 1);
	words[HOOK_BODY_MAX - 1] = '\0';
	struct target target = {.app = (char[]){"live"}, .stream = (char[]){"x"}, .param = words};
	struct addr peer;
	assert_true(addr_literal(&peer, "192.0.2.1", 1));
	struct request request = {.server = server,
				  .conf = server->conf,
				  .vhost = &server->conf->vhosts[0],
				  .target = &target,
				  .peer = &peer,
				  .url = "",
				  .tc_url = "",
				  .page_url = ""};
	struct outcome outcome = {0};
	assert_int_not_equal(hooks_ask(&request, HOOK_ON_PLAY, &outcome), OK);
	assert_int_equal(outcome.code, OUTCOME_DENIED);
	hooks_tell(&request, HOOK_ON_STOP, &(struct traffic){0});
	assert_int_equal(hook_queue_facts(server->hook_queue).waiting, 0);
	assert_int_equal(service.requests, 0);
	free(words);
}

static void servers_of_the_cluster_are_not_asked_about(void **state)
{
	(void)state;
	begin("1", "on_connect %s; on_play %s;",
	      "cluster { relays 192.0.2.0/24; } play { mw_latency 0; }");
	start(&publisher, true);
	assert_int_equal(publisher.outcome.code, OUTCOME_DENIED);
	viewer.path = ",edge";
	start(&viewer, false);
	assert_true(viewer.is_begun);
	assert_int_equal(service.requests, 1);
}

/* ---- notices ---- */

static void the_ends_of_clients_are_told_in_the_background(void **state)
{
	(void)state;
	begin("0", "on_unpublish %s; on_stop %s;", "play { mw_latency 0; }");
	start(&publisher, true);
	start(&viewer, false);
	datagram_stop(&viewer);
	wait_until(service.requests == 1);
	posted("\"action\":\"on_stop\"");
	datagram_stop(&publisher);
	wait_until(service.requests == 2);
	posted("\"action\":\"on_unpublish\"");
	wait_until(hook_queue_facts(server->hook_queue).delivered == 2);
}

static void a_form_has_the_same_members(void **state)
{
	(void)state;
	begin("0", "format form; on_unpublish %s;", "");
	start(&publisher, true);
	datagram_stop(&publisher);
	wait_until(service.requests == 1);
	posted("Content-Type: application/x-www-form-urlencoded\r\n");
	posted("action=on_unpublish&");
	posted("&tcUrl=datagram://h/live&stream=x&param=&");
}

static void the_end_of_a_connection_has_its_bytes(void **state)
{
	(void)state;
	begin("0", "on_close %s;", "");
	struct target target = {
		.app = (char[]){"live"}, .stream = (char[]){"x"}, .param = (char[]){""}};
	struct addr peer;
	assert_true(addr_literal(&peer, "192.0.2.1", 1));
	struct request request = {.server = server,
				  .conf = server->conf,
				  .vhost = &server->conf->vhosts[0],
				  .target = &target,
				  .peer = &peer,
				  .tc_url = "",
				  .page_url = ""};
	hooks_tell(&request, HOOK_ON_CLOSE, &(struct traffic){.recv = 7, .send = 9});
	wait_until(service.requests == 1);
	posted("\"send_bytes\":9,\"recv_bytes\":7");
	hooks_tell(&request, HOOK_ON_STOP, NULL); /* nobody wants to know */
	assert_int_equal(hook_queue_facts(server->hook_queue).waiting, 0);
}

int main(void)
{
#define with(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		with(a_service_that_agrees_lets_a_client_in),
		with(a_service_that_refuses_says_why),
		with(no_answer_means_what_the_configuration_says),
		with(a_client_of_too_many_words_is_refused),
		with(servers_of_the_cluster_are_not_asked_about),
		with(the_ends_of_clients_are_told_in_the_background),
		with(a_form_has_the_same_members),
		with(the_end_of_a_connection_has_its_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
