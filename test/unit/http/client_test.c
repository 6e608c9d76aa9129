/* The client against scripted servers: each connection gets the next script of a list. */
#include "unit/http/scripted.h"

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

/* ---- trust that is loaded anew meanwhile ---- */

static struct tls_client *trust;

static void let_go(void *arg)
{
	(void)arg;
	tls_client_unref(&trust);
}

struct asking {
	struct http_request_opts opts;
	err e;
};

static void ask_in_turn(void *arg)
{
	struct asking *a = arg;
	struct buf body = {0};
	int status;
	a->e = http_request(&a->opts, &status, &body);
	buf_free(&body);
}

/* The request waits for its turn while whoever gave it the certificates to trust lets go of them. */
static void what_is_trusted_outlives_a_reload(void **state)
{
	(void)state;
	const struct script scripts[SCRIPTS] = {{{""}, STAYS}, {{"no TLS"}, CLOSES}};
	struct server server;
	struct buf body = {0};
	int status;
	server_open(&server, scripts);
	assert_int_equal(tls_client_new(&trust, &(struct tls_client_opts){.verify = false}), OK);
	struct asking asking = {.opts = get(&server, "/")};
	asking.opts.tls = trust;
	asking.opts.at_once = 1;
	struct http_request_opts first = get(&server, "/");
	first.at_once = 1;
	first.deadline = clock_after(300);
	struct co *second = co_start("asks", ask_in_turn, &asking);
	struct co *reload = co_start("reload", let_go, NULL);
	assert_int_equal(http_request(&first, &status, &body), ERR_TIMEOUT);
	co_join(&second);
	co_join(&reload);
	assert_null(trust);
	assert_int_equal(asking.e, ERR_CONNECT);
	server_close(&server);
	buf_free(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_of_all_kinds_are_read_to_their_end),
		cmocka_unit_test(a_long_answer_ends_at_its_limit),
		cmocka_unit_test(a_silent_server_costs_the_deadline),
		cmocka_unit_test(a_refused_connection_is_said),
		cmocka_unit_test(the_addresses_of_a_name_are_tried_until_one_connects),
		cmocka_unit_test(the_request_is_written_as_asked),
		cmocka_unit_test(a_header_of_the_answer_is_handed_out),
		cmocka_unit_test(nothing_can_add_a_line_to_a_request),
		cmocka_unit_test(a_live_answer_is_handed_out_as_it_comes),
		cmocka_unit_test(opening_a_closed_server_leaves_nothing),
		cmocka_unit_test(what_is_trusted_outlives_a_reload),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
