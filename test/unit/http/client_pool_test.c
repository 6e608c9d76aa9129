/* Connections of the client: which are kept, and how many there are to a host. */
#include "unit/http/scripted.h"

static void connections_are_kept_and_used_again(void **state)
{
	(void)state;
	const struct script scripts[SCRIPTS] = {{{HI, HI, HI}, STAYS}};
	struct server server;
	server_open(&server, scripts);
	for (int i = 0; i < 3; i++)
		ask(&server, OK);
	assert_int_equal(server.accepted, 1);
	assert_int_equal(server.requests, 3);
	server_close(&server);
}

static void a_kept_connection_that_ended_is_replaced(void **state)
{
	(void)state;
	/* The first ends at once behind its answer, the second when the next request comes. */
	const struct script scripts[SCRIPTS] = {
		{{HI}, CLOSES}, {{HI, ""}, CLOSES}, {{HI, HI}, STAYS}};
	struct server server;
	server_open(&server, scripts);
	ask(&server, OK);
	while (server.group.count > 0)
		co_yield ();
	ask(&server, OK);
	assert_int_equal(server.accepted, 2);
	ask(&server, OK);
	assert_int_equal(server.accepted, 3);
	ask(&server, OK);
	assert_int_equal(server.accepted, 3);
	server_close(&server);
}

static void a_request_is_repeated_once_and_never_after_a_byte_of_an_answer(void **state)
{
	(void)state;
	const struct script scripts[SCRIPTS] = {
		{{HI, "HTTP/1.1 2"}, CLOSES}, {{HI, ""}, CLOSES}, {{""}, CLOSES}};
	struct server server;
	server_open(&server, scripts);
	ask(&server, OK);
	ask(&server, ERR_CLOSED);
	assert_int_equal(server.accepted, 1);
	ask(&server, OK);
	ask(&server, ERR_CLOSED);
	assert_int_equal(server.accepted, 3);
	server_close(&server);
}

struct asker {
	const struct server *server;
	err e;
	int64_t ms; /* of its deadline */
};

static void ask_in_background(void *arg)
{
	struct asker *a = arg;
	struct buf body = {0};
	int status;
	struct http_request_opts opts = {
		.method = "GET", .target = "/", .body_max = 1000, .deadline = clock_after(a->ms)};
	strcpy(opts.host.host, "127.0.0.1");
	opts.host.port = listener_port(a->server->listener);
	a->e = http_request(&opts, &status, &body);
	buf_free(&body);
}

static void no_more_than_four_are_kept_for_a_host(void **state)
{
	(void)state;
	struct script scripts[SCRIPTS];
	struct asker askers[SCRIPTS];
	struct co *co[SCRIPTS];
	struct server server;
	for (int i = 0; i < SCRIPTS; i++)
		scripts[i] = (struct script){{HI}, STAYS};
	server_open(&server, scripts);
	for (int i = 0; i < SCRIPTS; i++) {
		askers[i] = (struct asker){.server = &server, .e = ERR_SYSTEM, .ms = PEER_MS};
		co[i] = co_start("asker", ask_in_background, &askers[i]);
	}
	for (int i = 0; i < SCRIPTS; i++) {
		co_join(&co[i]);
		assert_int_equal(askers[i].e, OK);
	}
	assert_int_equal(server.accepted, SCRIPTS);
	assert_int_equal(http_pool_count(), POOL_PER_ADDR);
	server_close(&server);
}

enum { TOO_MANY = POOL_BUSY_MAX + 5 };

/* Those who have no place at once have `waits_ms`. */
static void ask_all(struct server *server, struct asker *askers, struct co **co, int64_t ms,
		    int64_t waits_ms)
{
	for (int i = 0; i < TOO_MANY; i++) {
		askers[i] = (struct asker){
			.server = server, .e = ERR_SYSTEM, .ms = i < POOL_BUSY_MAX ? ms : waits_ms};
		co[i] = co_start("asker", ask_in_background, &askers[i]);
	}
	for (int i = 0; i < TOO_MANY; i++)
		co_join(&co[i]);
}

static void a_silent_host_holds_so_many_connections_and_no_more(void **state)
{
	(void)state;
	static struct script scripts[TOO_MANY];
	struct asker askers[TOO_MANY];
	struct co *co[TOO_MANY];
	struct server server;
	for (int i = 0; i < TOO_MANY; i++)
		scripts[i] = (struct script){{""}, STAYS};
	server_open(&server, scripts);
	ask_all(&server, askers, co, 1500, 100);
	for (int i = 0; i < TOO_MANY; i++)
		assert_int_equal(askers[i].e, i < POOL_BUSY_MAX ? ERR_TIMEOUT : ERR_FULL);
	assert_int_equal(server.accepted, POOL_BUSY_MAX);
	server_close(&server);
}

static void who_waits_for_a_host_has_its_turn(void **state)
{
	(void)state;
	static struct script scripts[TOO_MANY];
	struct asker askers[TOO_MANY];
	struct co *co[TOO_MANY];
	struct server server;
	for (int i = 0; i < TOO_MANY; i++)
		scripts[i] = (struct script){{HI, HI, HI, HI}, STAYS};
	server_open(&server, scripts);
	ask_all(&server, askers, co, PEER_MS, PEER_MS);
	for (int i = 0; i < TOO_MANY; i++)
		assert_int_equal(askers[i].e, OK);
	assert_int_equal(server.requests, TOO_MANY);
	assert_true(server.accepted <= TOO_MANY);
	server_close(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_are_kept_and_used_again),
		cmocka_unit_test(a_kept_connection_that_ended_is_replaced),
		cmocka_unit_test(a_request_is_repeated_once_and_never_after_a_byte_of_an_answer),
		cmocka_unit_test(no_more_than_four_are_kept_for_a_host),
		cmocka_unit_test(a_silent_host_holds_so_many_connections_and_no_more),
		cmocka_unit_test(who_waits_for_a_host_has_its_turn),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
