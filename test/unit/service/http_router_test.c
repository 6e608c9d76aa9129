/* Rows, and what becomes of requests that fit several, one or none. */
#include "service/http_router.h"
#include "unit/http/peer.h"

#include <string.h>

static err say(struct http_session *s, bool *found)
{
	(void)found;
	return http_respond_text(s->sock, s->request, 200, s->route->arg, NULL);
}

static err pass(struct http_session *s, bool *found)
{
	(void)s;
	*found = false;
	return OK;
}

static err forbid(struct http_session *s, bool *refused)
{
	*refused = true;
	return http_respond_text(s->sock, s->request, 403, "no", NULL);
}

static const struct http_route rows[] = {
	{"/a", HTTP_GET, HTTP_PORT_API, HTTP_ROUTE_WHEN_FULL, NULL, say, "a"},
	{"/a/<id>", HTTP_GET | HTTP_DELETE, HTTP_PORT_API, 0, NULL, say, "id"},
	{"/secret/*", HTTP_ANY, HTTP_PORT_API, 0, forbid, say, "secret"},
	{"*.flv", HTTP_ANY, HTTP_PORT_FILES, 0, NULL, pass, NULL},
	{"*", HTTP_ANY, HTTP_PORT_FILES, 0, NULL, say, "file"},
};

static const struct {
	const char *method, *path;
	unsigned ports;
	bool full;
	const char *answer;
} cases[] = {
	{"GET", "/a", HTTP_PORT_API, false, "200 OK|a"},
	{"GET", "/a/", HTTP_PORT_API, true, "200 OK|a"},
	{"HEAD", "/a", HTTP_PORT_API, false, "200 OK|"},
	{"POST", "/a", HTTP_PORT_API, false,
	 "405 Method Not Allowed|This method is not possible here."},
	{"GET", "/a/x", HTTP_PORT_API, false, "200 OK|id"},
	{"DELETE", "/a/x", HTTP_PORT_API, false, "200 OK|id"},
	{"GET", "/a/x", HTTP_PORT_API, true,
	 "503 Service Unavailable|The server is full (max_connections)."},
	{"GET", "/a/x/y", HTTP_PORT_API, false, "404 Not Found|There is nothing at this path."},
	{"GET", "/ab", HTTP_PORT_API, false, "404 Not Found|There is nothing at this path."},
	{"GET", "/secret", HTTP_PORT_API, false, "403 Forbidden|no"},
	{"GET", "/secret/x/y", HTTP_PORT_API, true, "403 Forbidden|no"},
	{"GET", "/live/x.flv", HTTP_PORT_FILES, false, "200 OK|file"},
	{"GET", "/.flv", HTTP_PORT_FILES, false, "200 OK|file"},
	{"GET", "/a", HTTP_PORT_FILES, false, "200 OK|file"},
	{"GET", "/a", HTTP_PORT_FILES | HTTP_PORT_API, false, "200 OK|a"},
	{"BREW", "/x", HTTP_PORT_FILES, false, NULL},
};

static void ask(const struct http_router *router, size_t i)
{
	struct http_session s = {
		.ports = cases[i].ports, .place.is_reserved = cases[i].full, .cors = ""};
	struct sock *client;
	struct buf heard = {0};
	char *text =
		mem_printf("%s %s HTTP/1.1\r\nHost: h\r\n\r\n", cases[i].method, cases[i].path);
	peer_pair(&client, &s.sock);
	peer_send(client, text);
	s.conn = http_conn_new(s.sock);
	err e = http_recv_request(s.conn, &s.request, clock_after(PEER_MS));
	if (cases[i].answer) {
		assert_int_equal(e, OK);
		assert_int_equal(http_router_serve(router, &s), OK);
	}
	http_conn_free(&s.conn);
	sock_close(&s.sock);
	const char *all = peer_recv_all(client, &heard);
	const char *bar = cases[i].answer ? strchr(cases[i].answer, '|') : NULL;
	if (bar && (!strstr(all, bar + 1) ||
		    strncmp(all + 9, cases[i].answer, (size_t)(bar - cases[i].answer))))
		fail_msg("%s %s: %s", cases[i].method, cases[i].path, all);
	http_message_free(&s.request);
	sock_close(&client);
	buf_free(&heard);
	free(text);
}

static void a_request_is_answered_by_the_first_row_that_means_it(void **state)
{
	(void)state;
	struct http_router router = {0};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		http_router_add(&router, &rows[i]);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ask(&router, i);
	http_router_fini(&router);
}

static void methods_are_named(void **state)
{
	(void)state;
	struct buf out = {.max = 100};
	http_route_methods(&out, HTTP_ANY);
	assert_string_equal(buf_text(&out), "GET, HEAD, POST, PUT, PATCH, DELETE");
	buf_clear(&out);
	http_route_methods(&out, HTTP_GET | HTTP_DELETE);
	assert_string_equal(buf_text(&out), "GET, HEAD, DELETE");
	buf_free(&out);
	assert_int_equal(http_method_bit(HTTP_METHOD_OPTIONS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_request_is_answered_by_the_first_row_that_means_it, co_setup,
			co_teardown),
		cmocka_unit_test(methods_are_named),
	};
	return cmocka_run_group_tests_name("http_router", tests, NULL, NULL);
}
