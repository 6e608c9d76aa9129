/* Several servers asked at once: who is waited for, for how long, and what each has said. */
#include "cluster/ask.h"
#include "http/client.h"
#include "http/pool.h"
#include "net/listen.h"
#include "node/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/http/peer.h"

enum { APIS = 4, LONG_MS = 5000, SHORT_MS = 100, LATE_MS = 2000 };

#define ANSWER(status, length, text)                                                               \
	"HTTP/1.1 " status "\r\nContent-Length: " #length "\r\n\r\n" text
#define YES ANSWER("200 OK", 10, "{\"code\":0}")
#define NO ANSWER("200 OK", 10, "{\"code\":1}")

/* A server whose connections all get the same answers, one for each request. */
struct api {
	const char *answers[3];
	int64_t after_ms; /* before the first one */
	struct listener *listener;
	struct co_group group;
	int requests;
	char last[4096]; /* the last request */
};

struct session {
	struct api *api;
	struct sock *sock;
};

static bool hear(struct session *s)
{
	struct api *api = s->api;
	size_t at = 0, n;
	while (at < sizeof(api->last) - 1) {
		if (sock_recv(s->sock, api->last + at, sizeof(api->last) - 1 - at, &n) != OK)
			return false;
		at += n;
		api->last[at] = '\0';
		if (strstr(api->last, "\r\n\r\n"))
			return true;
	}
	return false;
}

static void serve(void *arg)
{
	struct session *s = arg;
	for (int i = 0; s->api->answers[i] && hear(s); i++) {
		const char *answer = s->api->answers[i];
		s->api->requests++;
		if ((i == 0 && co_sleep(s->api->after_ms) != OK) ||
		    sock_send(s->sock, answer, strlen(answer)) != OK)
			break;
	}
	while (hear(s))
		; /* says nothing any more */
	sock_close(&s->sock);
	free(s);
}

static void on_accept(void *ctx, struct sock *sock)
{
	struct api *api = ctx;
	struct session *s = mem_new(struct session);
	*s = (struct session){api, sock};
	co_start_in(&api->group, "api", serve, s);
}

/* Adds a server; its address stays when it is closed. */
static void add(struct asks *asks, struct api *api)
{
	assert_int_equal(listener_open(&api->listener, &(struct listen_opts){.at = {"127.0.0.1"},
									     .what = "test",
									     .on_accept = on_accept,
									     .ctx = api}),
			 OK);
	listener_start(api->listener);
	char *name = mem_printf("127.0.0.1:%d", listener_port(api->listener));
	assert_non_null(asks_add(asks, 0, ASK_TRUSTED, name, mem_strdup("/api?x")));
}

static void end(struct asks *asks, struct api *apis, int count)
{
	asks_fini(asks);
	for (int i = 0; i < count; i++) {
		listener_close(&apis[i].listener);
		co_group_stop(&apis[i].group);
	}
	http_client_pool_close();
}

static int told; /* replies that were handed out */

static bool is_yes(const struct ask *a)
{
	const json_t *code = json_object_get(a->answer, "code");
	return json_is_integer(code) && json_integer_value(code) == 0;
}

enum { NO_LATE = -1 };

/* All that answer; after the first yes only those within late_ms, where that is not NO_LATE. */
static void hear_all(struct asks *asks, int64_t ms, int64_t late_ms)
{
	int64_t until = CLOCK_NEVER;
	asks->method = "GET";
	asks->deadline = clock_after(ms);
	for (struct ask *a; asks_next(asks, &a, until) == OK; told++)
		if (until == CLOCK_NEVER && late_ms != NO_LATE && is_yes(a))
			until = clock_after(late_ms);
}

static struct server server;
static struct conf bare = {.refs = 1}; /* without a vhost */

static int set_up(void **state)
{
	server = (struct server){.conf = &bare, .signer = signer_new("selfself")};
	told = 0;
	return co_setup(state);
}

static int tear_down(void **state)
{
	signer_free(&server.signer);
	return co_teardown(state);
}

static const struct {
	const char *answer;
	int status;
	bool is_json;
	const char *why;
} kinds[] = {
	{YES, 200, true, ""},
	{ANSWER("201 Created", 2, "{}"), 201, true, ""},
	{ANSWER("404 Not Found", 2, "{}"), 404, false, "it answered 404"},
	{ANSWER("200 OK", 2, "hi"), 200, false, "its answer is not JSON"},
};

static void each_is_noted_with_what_it_said(void **state)
{
	struct asks asks = {.server = &server};
	struct api apis[APIS] = {0};
	(void)state;
	for (int i = 0; i < APIS; i++) {
		apis[i].answers[0] = kinds[i].answer;
		add(&asks, &apis[i]);
	}
	hear_all(&asks, LONG_MS, NO_LATE);
	for (int i = 0; i < APIS; i++) {
		const struct ask *a = &asks.v[i];
		assert_int_equal(a->result, OK);
		assert_int_equal(a->status, kinds[i].status);
		assert_int_equal(a->answer != NULL, kinds[i].is_json);
		if (!a->answer)
			assert_string_equal(a->why, kinds[i].why);
		assert_non_null(strstr(apis[i].last, "GET /api?x HTTP/1.1\r\n"));
	}
	end(&asks, apis, APIS);
}

static void who_cannot_be_reached_has_failed(void **state)
{
	struct asks asks = {.server = &server};
	struct api apis[2] = {{.answers = {YES}}, {.answers = {YES}}};
	(void)state;
	add(&asks, &apis[0]);
	listener_close(&apis[0].listener);
	add(&asks, &apis[1]);
	asks_add(&asks, 0, ASK_TRUSTED, mem_strdup("no:such:host:"), mem_strdup("/"));
	hear_all(&asks, LONG_MS, 0);
	assert_int_equal(asks.v[0].result, ERR_CONNECT);
	assert_non_null(strstr(asks.v[0].why, "127.0.0.1"));
	assert_int_not_equal(asks.v[2].result, OK);
	end(&asks, apis, 2);
}

static void a_silent_one_costs_the_deadline(void **state)
{
	struct asks asks = {.server = &server};
	struct api apis[2] = {{.answers = {NO}}, {}};
	(void)state;
	add(&asks, &apis[0]);
	add(&asks, &apis[1]);
	int64_t began = clock_ms();
	/* Not too short, since the other one has to answer in it. */
	hear_all(&asks, LATE_MS / 2, 0);
	assert_in_range(clock_ms() - began, LATE_MS / 2 - 10, LONG_MS);
	assert_int_equal(told, 2);
	assert_int_equal(asks.v[0].result, OK);
	assert_int_equal(asks.v[1].result, ERR_TIMEOUT);
	assert_string_equal(asks.v[1].why, "it did not answer in time");
	end(&asks, apis, 2);
}

static void the_first_good_answer_ends_the_wait(void **state)
{
	struct asks asks = {.server = &server};
	struct api apis[3] = {{}, {.answers = {YES}, .after_ms = 50}, {.answers = {NO}}};
	(void)state;
	for (int i = 0; i < 3; i++)
		add(&asks, &apis[i]);
	int64_t began = clock_ms();
	hear_all(&asks, LONG_MS, 0);
	assert_in_range(clock_ms() - began, 40, LATE_MS);
	assert_int_equal(told, 2);
	assert_int_equal(asks.v[0].result, ERR_TIMEOUT);
	end(&asks, apis, 3);
}

/* So that the connections to them are good for the next question. */
static void the_others_have_a_moment_to_answer_too(void **state)
{
	struct asks asks = {.server = &server};
	struct api apis[2] = {{.answers = {YES}}, {.answers = {NO}, .after_ms = 50}};
	(void)state;
	add(&asks, &apis[0]);
	add(&asks, &apis[1]);
	hear_all(&asks, LONG_MS, LATE_MS);
	assert_int_equal(told, 2);
	assert_int_equal(asks.v[1].result, OK);
	assert_int_equal(http_pool_count(), 2);
	end(&asks, apis, 2);
}

static void but_no_more_than_a_moment(void **state)
{
	struct asks asks = {.server = &server};
	struct api apis[2] = {{.answers = {YES}}, {}};
	(void)state;
	add(&asks, &apis[0]);
	add(&asks, &apis[1]);
	int64_t began = clock_ms();
	hear_all(&asks, LONG_MS, SHORT_MS);
	assert_in_range(clock_ms() - began, SHORT_MS - 10, LATE_MS);
	assert_int_equal(told, 1);
	end(&asks, apis, 2);
}

static void a_server_that_names_itself_is_asked_once_more(void **state)
{
	char secret[] = "alpha", none[] = "", name[] = "a";
	struct conf_vhost vhost = {.name = name,
				   .cluster = {.secret = secret, .secret_file = none}};
	struct conf conf = {.vhost_count = 1, .vhosts = &vhost};
	struct asks asks = {.server = &server};
	struct api api = {.answers = {"HTTP/1.1 401 Unauthorized\r\nX-Srs-Receiver: otherone\r\n"
				      "Content-Length: 0\r\n\r\n",
				      YES}};
	(void)state;
	assert_int_equal(signer_load(server.signer, &conf), OK);
	add(&asks, &api);
	hear_all(&asks, LONG_MS, NO_LATE);
	assert_int_equal(api.requests, 2);
	assert_int_equal(asks.v[0].status, 200);
	assert_non_null(strstr(api.last, "otherone"));
	end(&asks, &api, 1);
}

static void there_is_an_end_to_how_many_are_asked(void **state)
{
	struct asks asks = {.server = &server};
	(void)state;
	for (int i = 0; i < ASKS_MAX; i++)
		assert_non_null(asks_add(&asks, 0, ASK_TRUSTED, mem_strdup("a"), mem_strdup("/")));
	assert_null(asks_add(&asks, 0, ASK_TRUSTED, mem_strdup("a"), mem_strdup("/")));
	assert_int_equal(asks.count, ASKS_MAX);
	asks_fini(&asks);
}

static void strangers_at_one_address_are_a_few(void **state)
{
	struct asks asks = {.server = &server};
	int added = 0;
	(void)state;
	for (int port = 1; port <= ASKS_PER_HOST + 5; port++)
		added += asks_add(&asks, 0, ASK_UNTRUSTED, mem_printf("10.0.0.1:%d", port),
				  mem_strdup("/")) != NULL;
	assert_int_equal(added, ASKS_PER_HOST);
	assert_non_null(
		asks_add(&asks, 0, ASK_UNTRUSTED, mem_strdup("10.0.0.2:1"), mem_strdup("/")));
	assert_non_null(
		asks_add(&asks, 0, ASK_TRUSTED, mem_strdup("10.0.0.1:99"), mem_strdup("/")));
	asks_fini(&asks);
}

static void each_is_found_by_what_it_was_added_for(void **state)
{
	struct asks asks = {.server = &server};
	(void)state;
	assert_null(asks_find(&asks, 1, "a:1"));
	for (int i = 0; i < 100; i++)
		asks_add(&asks, i % 2, ASK_TRUSTED, mem_printf("a:%d", i), mem_strdup("/"));
	assert_ptr_equal(asks_find(&asks, 1, "a:7"), &asks.v[7]);
	assert_null(asks_find(&asks, 0, "a:7"));
	assert_null(asks_find(&asks, 1, "a:101"));
	asks_fini(&asks);
}

/* An answer with that body, malloc'ed. */
static char *answer_of(const char *body)
{
	return mem_printf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
}

/* "[x,x,x,…x]" */
static char *array_of(const char *x, int count)
{
	struct buf b = {.max = 1 << 24};
	for (int i = 0; i < count; i++)
		buf_printf(&b, "%s%s", i ? "," : "[", x);
	buf_printf(&b, "]");
	char *text = mem_strdup(buf_text(&b));
	buf_free(&b);
	return text;
}

#define TWENTY_BYTES "\"eighteen bytes her\""

/* Too long for a stranger and not for a server of ours; too many values for both; more than there is
 * room for; and good ones. */
static void an_answer_has_to_be_small_enough(void **state)
{
	static const struct {
		const char *value;
		int count;
		enum ask_whom whom;
		size_t room;
		err result;
	} cases[] = {
		{TWENTY_BYTES, 20000, ASK_TRUSTED, 0, OK},
		{TWENTY_BYTES, 20000, ASK_UNTRUSTED, 0, ERR_LIMIT},
		{TWENTY_BYTES, 10000, ASK_UNTRUSTED, 0, OK},
		{TWENTY_BYTES, 10000, ASK_TRUSTED, 100000, ERR_LIMIT},  /* the text */
		{TWENTY_BYTES, 10000, ASK_TRUSTED, 1000000, ERR_LIMIT}, /* and what is made of it */
		{TWENTY_BYTES, 10000, ASK_TRUSTED, 4000000, OK},
		{"[]", 10000, ASK_TRUSTED, 0, ERR_LIMIT},
		{"{}", 10000, ASK_UNTRUSTED, 0, ERR_LIMIT},
		{"{}", 20, ASK_UNTRUSTED, 0, OK},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct budget b = {cases[i].room, cases[i].room, 0, NULL};
		struct asks asks = {.server = &server, .budget = cases[i].room ? &b : NULL};
		char *body = array_of(cases[i].value, cases[i].count), *text = answer_of(body);
		struct api api = {.answers = {text}};
		add(&asks, &api);
		asks.v[0].untrusted = cases[i].whom == ASK_UNTRUSTED;
		hear_all(&asks, LONG_MS, NO_LATE);
		if (asks.v[0].result != cases[i].result)
			fail_msg("case %zu: %s", i, asks.v[0].why);
		assert_int_equal(asks.v[0].answer != NULL, cases[i].result == OK);
		assert_int_equal(b.used, 0);
		end(&asks, &api, 1);
		free(text);
		free(body);
	}
}

static void more_than_may_be_asked_at_once_are_asked_all_the_same(void **state)
{
	struct asks asks = {.server = &server};
	struct api api = {.answers = {"HTTP/1.1 200 OK\r\nConnection: close\r\n"
				      "Content-Length: 2\r\n\r\n{}"}};
	(void)state;
	add(&asks, &api);
	for (int i = 1; i < ASKS_AT_ONCE + 20; i++)
		asks_add(&asks, i, ASK_TRUSTED, mem_strdup(asks.v[0].api), mem_strdup("/"));
	hear_all(&asks, LONG_MS, LATE_MS);
	assert_int_equal(told, ASKS_AT_ONCE + 20);
	assert_int_equal(asks.v[ASKS_AT_ONCE + 19].status, 200);
	end(&asks, &api, 1);
}

static void nobody_to_ask_is_no_wait(void **state)
{
	struct asks asks = {.server = &server};
	(void)state;
	hear_all(&asks, LONG_MS, NO_LATE);
	asks_fini(&asks);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_is_noted_with_what_it_said),
		TEST(who_cannot_be_reached_has_failed),
		TEST(a_silent_one_costs_the_deadline),
		TEST(the_first_good_answer_ends_the_wait),
		TEST(the_others_have_a_moment_to_answer_too),
		TEST(but_no_more_than_a_moment),
		TEST(a_server_that_names_itself_is_asked_once_more),
		TEST(there_is_an_end_to_how_many_are_asked),
		TEST(strangers_at_one_address_are_a_few),
		TEST(each_is_found_by_what_it_was_added_for),
		TEST(an_answer_has_to_be_small_enough),
		TEST(more_than_may_be_asked_at_once_are_asked_all_the_same),
		TEST(nobody_to_ask_is_no_wait),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
