/* The client against scripted servers: each connection gets the next script of a list. */
#include "base/clock.h"
#include "http/client.h"
#include "http/pool.h"
#include "net/dns.h"
#include "net/listen.h"

#include <stdio.h>

#include "unit/http/peer.h"

enum { ANSWERS = 6, SCRIPTS = 8 };

/* What one connection says: an answer to each request, then `linger` decides. */
struct script {
	const char *answers[ANSWERS];
	enum { CLOSES, STAYS } then;
};

struct server {
	struct listener *listener;
	const struct script *scripts;
	int accepted, requests;
	struct co_group group;
	char last[4096]; /* the last request */
};

struct session {
	struct server *server;
	struct sock *sock;
	const struct script *script;
};

static bool hear(struct session *s)
{
	struct server *server = s->server;
	size_t at = 0, n;
	while (at < sizeof(server->last) - 1) {
		if (sock_recv(s->sock, server->last + at, sizeof(server->last) - 1 - at, &n) != OK)
			return false;
		at += n;
		server->last[at] = '\0';
		if (strstr(server->last, "\r\n\r\n"))
			return true;
	}
	return false;
}

static void play(void *arg)
{
	struct session *s = arg;
	int i = 0;
	for (; i < ANSWERS && s->script->answers[i] && hear(s); i++) {
		s->server->requests++;
		if (sock_send(s->sock, s->script->answers[i], strlen(s->script->answers[i])) != OK)
			break;
	}
	if (s->script->then == STAYS)
		hear(s);
	sock_close(&s->sock);
	free(s);
}

static void on_accept(void *ctx, struct sock *sock)
{
	struct server *server = ctx;
	struct session *s = mem_new(struct session);
	*s = (struct session){server, sock, &server->scripts[server->accepted++]};
	co_start_in(&server->group, "session", play, s);
}

static void server_open(struct server *server, const struct script *scripts)
{
	const struct listen_opts opts = {
		.at = {"127.0.0.1"}, .what = "test", .on_accept = on_accept, .ctx = server};
	*server = (struct server){.scripts = scripts};
	assert_int_equal(listener_open(&server->listener, &opts), OK);
	listener_start(server->listener);
}

static void server_close(struct server *server)
{
	listener_close(&server->listener);
	co_group_stop(&server->group);
	http_client_pool_close();
	assert_int_equal(http_pool_count(), 0);
}

static struct http_request_opts get(const struct server *server, const char *target)
{
	struct http_request_opts opts = {.method = "GET",
					 .target = target,
					 .body_max = 1000,
					 .deadline = clock_after(PEER_MS)};
	strcpy(opts.host.host, "127.0.0.1");
	opts.host.port = listener_port(server->listener);
	return opts;
}

#define OK_HEAD "HTTP/1.1 200 OK\r\n"
static const struct {
	struct script script;
	err e;
	int status;
	const char *body;
	bool kept;
} answers[] = {
	{{{OK_HEAD "Content-Length: 2\r\n\r\nhi"}, STAYS}, OK, 200, "hi", true},
	{{{OK_HEAD "Content-Length: 0\r\n\r\n"}, STAYS}, OK, 200, "", true},
	{{{"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"}, STAYS}, OK, 404, "no", true},
	{{{OK_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"}, STAYS},
	 OK,
	 200,
	 "hi",
	 true},
	{{{"HTTP/1.1 100 Continue\r\n\r\n" OK_HEAD "Content-Length: 2\r\n\r\nhi"}, STAYS},
	 OK,
	 200,
	 "hi",
	 true},
	{{{OK_HEAD "Connection: Close\r\nContent-Length: 2\r\n\r\nhi"}, STAYS},
	 OK,
	 200,
	 "hi",
	 false},
	{{{"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"}, STAYS}, OK, 200, "hi", false},
	{{{OK_HEAD "Content-Length: 2\r\n\r\nhi and more"}, STAYS}, OK, 200, "hi", false},
	{{{OK_HEAD "\r\nuntil the end"}, CLOSES}, OK, 200, "until the end", false},
	{{{OK_HEAD "Content-Length: 1001\r\n\r\n"}, STAYS}, ERR_LIMIT, 200, "", false},
	{{{OK_HEAD "Content-Length: 5\r\n\r\nhi"}, CLOSES}, ERR_CLOSED, 200, "hi", false},
	{{{OK_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"}, CLOSES},
	 ERR_CLOSED,
	 200,
	 "hi",
	 false},
	{{{OK_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nhiXX"}, CLOSES},
	 ERR_PROTOCOL,
	 200,
	 "",
	 false},
	{{{"rubbish that is no answer at all\r\n\r\n"}, CLOSES}, ERR_PROTOCOL, 0, "", false},
	{{{"HTTP/1.1 101 Switching Protocols\r\n\r\n"}, STAYS}, ERR_PROTOCOL, 0, "", false},
	{{{""}, CLOSES}, ERR_CLOSED, 0, "", false},
	{{{NULL}, CLOSES}, ERR_CLOSED, 0, "", false},
};

static void answers_of_all_kinds_are_read_to_their_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct server server;
		server_open(&server, &answers[i].script);
		struct buf body = {0};
		int status = -1;
		struct http_request_opts opts = get(&server, "/a?b");
		err e = http_request(&opts, &status, &body);
		if (e != answers[i].e)
			print_error("%s\n", answers[i].script.answers[0]);
		assert_int_equal(e, answers[i].e);
		assert_int_equal(status, answers[i].status);
		assert_string_equal(buf_text(&body), answers[i].body);
		assert_int_equal(http_pool_count(), answers[i].kept);
		buf_free(&body);
		server_close(&server);
	}
}

static void a_long_answer_ends_at_its_limit(void **state)
{
	(void)state;
	struct buf text = {.max = 1 << 16}, body = {0};
	buf_printf(&text, "%s\r\n", OK_HEAD);
	for (int i = 0; i < 1001; i++)
		buf_u8(&text, 'x');
	const struct script script = {{buf_text(&text)}, CLOSES};
	struct server server;
	server_open(&server, &script);
	int status;
	struct http_request_opts opts = get(&server, "/");
	assert_int_equal(http_request(&opts, &status, &body), ERR_LIMIT);
	server_close(&server);
	buf_free(&text);
	buf_free(&body);
}

#define HI OK_HEAD "Content-Length: 2\r\n\r\nhi"

static void ask(const struct server *server, err expected)
{
	struct buf body = {0};
	int status;
	struct http_request_opts opts = get(server, "/");
	assert_int_equal(http_request(&opts, &status, &body), expected);
	if (expected == OK)
		assert_string_equal(buf_text(&body), "hi");
	buf_free(&body);
}

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

static void a_silent_server_costs_the_deadline(void **state)
{
	(void)state;
	const struct script scripts[SCRIPTS] = {{{""}, STAYS}};
	struct server server;
	struct buf body = {0};
	int status;
	server_open(&server, scripts);
	struct http_request_opts opts = get(&server, "/");
	opts.deadline = clock_after(500); /* for the connection it must be enough */
	int64_t deadline = opts.deadline;
	assert_int_equal(http_request(&opts, &status, &body), ERR_TIMEOUT);
	assert_in_range(clock_ms(), deadline, deadline + PEER_MS);
	server_close(&server);
}

static void a_refused_connection_is_said(void **state)
{
	(void)state;
	const struct script scripts[SCRIPTS] = {0};
	struct server server;
	struct buf body = {0};
	int status;
	server_open(&server, scripts);
	struct http_request_opts opts = get(&server, "/secret?token=1");
	server_close(&server);
	assert_int_equal(http_request(&opts, &status, &body), ERR_CONNECT);
	assert_non_null(strstr(err_trail(ERR_CONNECT), "GET http://127.0.0.1:"));
	assert_null(strstr(err_trail(ERR_CONNECT), "token"));
}

static void the_addresses_of_a_name_are_tried_until_one_connects(void **state)
{
	(void)state;
	/* The server has IPv4 only; where localhost is ::1 too, that is refused first. */
	const struct script scripts[SCRIPTS] = {{{HI}, STAYS}};
	struct server server;
	struct buf body = {0};
	int status;
	server_open(&server, scripts);
	struct http_request_opts opts = get(&server, "/");
	strcpy(opts.host.host, "localhost");
	assert_int_equal(http_request(&opts, &status, &body), OK);
	assert_string_equal(buf_text(&body), "hi");
	server_close(&server);
	buf_free(&body);
}

static void the_request_is_written_as_asked(void **state)
{
	(void)state;
	const struct script scripts[SCRIPTS] = {{{HI, HI}, STAYS}};
	struct server server;
	struct buf body = {0};
	int status;
	char host[64];
	server_open(&server, scripts);
	struct http_request_opts opts = get(&server, "/hook?x=%0d");
	snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%d\r\n", opts.host.port);
	opts.method = "POST";
	opts.headers = "Content-Type: application/json\r\n";
	opts.body = span_str("{}");
	assert_int_equal(http_request(&opts, &status, &body), OK);
	assert_int_equal(strncmp(server.last, "POST /hook?x=%0d HTTP/1.1\r\n", 27), 0);
	assert_non_null(strstr(server.last, host));
	assert_non_null(strstr(
		server.last, "\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"));
	opts.method = "HEAD";
	opts.body = (struct span){0};
	assert_int_equal(http_request(&opts, &status, &body), OK);
	assert_string_equal(buf_text(&body), "");
	assert_int_equal(http_pool_count(), 0);
	server_close(&server);
	buf_free(&body);
}

static void a_header_of_the_answer_is_handed_out(void **state)
{
	(void)state;
	static const struct {
		const char *line, *value;
	} cases[] = {
		{"X-Who: me\r\n", "me"},
		{"x-who:  me\r\n", "me"},
		{"X-Who: \r\n", ""},
		{"X-Other: me\r\n", ""},
		{"X-Who: a value that is longer than any that could be of use here, and then more"
		 "\r\n",
		 ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char answer[256];
		struct http_field field = {.name = "X-Who", .value = "before"};
		struct buf body = {0};
		struct server server;
		int status;
		snprintf(answer, sizeof(answer), OK_HEAD "%sContent-Length: 0\r\n\r\n",
			 cases[i].line);
		const struct script scripts[SCRIPTS] = {{{answer}, CLOSES}};
		server_open(&server, scripts);
		struct http_request_opts opts = get(&server, "/");
		opts.field = &field;
		assert_int_equal(http_request(&opts, &status, &body), OK);
		assert_string_equal(field.value, cases[i].value);
		server_close(&server);
		buf_free(&body);
	}
}

static void nothing_can_add_a_line_to_a_request(void **state)
{
	(void)state;
	static const char *const targets[] = {"", "x", "/a b", "/a\r\nX: y", "/a\n", "/\x7f"};
	const struct script scripts[SCRIPTS] = {0};
	struct server server;
	struct buf body = {0};
	int status;
	server_open(&server, scripts);
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		struct http_request_opts opts = get(&server, targets[i]);
		assert_int_equal(http_request(&opts, &status, &body), ERR_PROTOCOL);
	}
	struct http_request_opts opts = get(&server, "/");
	opts.headers = "A: b\r\n\r\nGET /";
	assert_int_equal(http_request(&opts, &status, &body), ERR_PROTOCOL);
	assert_int_equal(server.accepted, 0);
	server_close(&server);
}

static void a_live_answer_is_handed_out_as_it_comes(void **state)
{
	(void)state;
	static const struct script scripts[] = {
		{{OK_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"}, STAYS},
		{{"HTTP/1.0 200 OK\r\n\r\nabc"}, STAYS},
		{{"HTTP/1.0 200 OK\r\n\r\nabc"}, CLOSES},
	};
	static const err ends[] = {ERR_TIMEOUT, ERR_TIMEOUT, OK};
	for (int i = 0; i < 3; i++) {
		struct server server;
		struct sock *sock;
		struct http_conn *conn;
		struct http_message *head;
		char p[4096];
		size_t n, got = 0;
		server_open(&server, &scripts[i]);
		struct http_request_opts opts = get(&server, "/live/a.flv");
		assert_int_equal(http_open(&opts, &sock, &conn, &head), OK);
		assert_int_equal(head->status, 200);
		assert_non_null(strstr(server.last, "Connection: close\r\n"));
		while (got < 3) {
			size_t cap = i == 1 ? 1 : sizeof(p) - got;
			assert_int_equal(
				http_recv_body(conn, p + got, cap, &n, clock_after(PEER_MS)), OK);
			got += n;
		}
		assert_memory_equal(p, "abc", 3);
		int64_t patience_ms = ends[i] == ERR_TIMEOUT ? 20 : PEER_MS;
		assert_int_equal(http_recv_body(conn, p, sizeof(p), &n, clock_after(patience_ms)),
				 ends[i]);
		assert_int_equal(n, 0);
		http_message_free(&head);
		http_conn_free(&conn);
		sock_close(&sock);
		server_close(&server);
	}
}

static void opening_a_closed_server_leaves_nothing(void **state)
{
	(void)state;
	const struct script scripts[SCRIPTS] = {{{"rubbish\r\n\r\n"}, CLOSES}};
	struct server server;
	struct sock *sock;
	struct http_conn *conn;
	struct http_message *head;
	server_open(&server, scripts);
	struct http_request_opts opts = get(&server, "/");
	assert_int_equal(http_open(&opts, &sock, &conn, &head), ERR_PROTOCOL);
	server_close(&server);
}

static int setup(void **state)
{
	return co_setup(state) == 0 && dns_init(NULL) == OK ? 0 : -1;
}

static int teardown(void **state)
{
	dns_fini();
	return co_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_of_all_kinds_are_read_to_their_end),
		cmocka_unit_test(a_long_answer_ends_at_its_limit),
		cmocka_unit_test(connections_are_kept_and_used_again),
		cmocka_unit_test(a_kept_connection_that_ended_is_replaced),
		cmocka_unit_test(a_request_is_repeated_once_and_never_after_a_byte_of_an_answer),
		cmocka_unit_test(no_more_than_four_are_kept_for_a_host),
		cmocka_unit_test(a_silent_host_holds_so_many_connections_and_no_more),
		cmocka_unit_test(who_waits_for_a_host_has_its_turn),
		cmocka_unit_test(a_silent_server_costs_the_deadline),
		cmocka_unit_test(a_refused_connection_is_said),
		cmocka_unit_test(the_addresses_of_a_name_are_tried_until_one_connects),
		cmocka_unit_test(the_request_is_written_as_asked),
		cmocka_unit_test(a_header_of_the_answer_is_handed_out),
		cmocka_unit_test(nothing_can_add_a_line_to_a_request),
		cmocka_unit_test(a_live_answer_is_handed_out_as_it_comes),
		cmocka_unit_test(opening_a_closed_server_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
