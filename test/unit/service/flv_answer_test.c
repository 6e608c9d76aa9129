/* Answers as they are heard at the other end. */
#include "codec/url.h"
#include "service/flv_answer.h"
#include "unit/http/peer.h"

#include <string.h>

struct talk {
	struct http_session s;
	struct sock *client;
	struct buf heard;
};

static void begin(struct talk *t, const char *method, const char *target, const char *version)
{
	*t = (struct talk){.s.cors = "A: b\r\n"};
	char *text = mem_printf("%s %s HTTP/%s\r\nHost: h\r\n\r\n", method, target, version);
	peer_pair(&t->client, &t->s.sock);
	peer_send(t->client, text);
	t->s.conn = http_conn_new(t->s.sock);
	assert_int_equal(http_recv_request(t->s.conn, &t->s.request, clock_after(PEER_MS)), OK);
	free(text);
}

static const char *heard(struct talk *t)
{
	http_conn_free(&t->s.conn);
	sock_close(&t->s.sock);
	return peer_recv_all(t->client, &t->heard);
}

static void end(struct talk *t)
{
	http_message_free(&t->s.request);
	http_conn_free(&t->s.conn);
	sock_close(&t->s.sock);
	sock_close(&t->client);
	buf_free(&t->heard);
}

static void a_redirect_names_the_same_stream_there(void **state)
{
	(void)state;
	static char any[] = DEFAULT_VHOST, chosen[] = "v";
	static const struct {
		const char *target;
		char *vhost;
		const char *location;
	} cases[] = {
		{"/live/x.flv", any, "http://there:80/live/x.flv"},
		{"/live/x.flv?k=1", any, "http://there:80/live/x.flv?k=1"},
		{"/live/%20x.flv", any, "http://there:80/live/%20x.flv"},
		{"/live/x.flv", chosen, "http://there:80/live/x.flv?vhost=v"},
		{"/live/x.flv?k=1", chosen, "http://there:80/live/x.flv?k=1&vhost=v"},
		{"/live/x.flv?vhost=v", chosen, "http://there:80/live/x.flv?vhost=v"},
		{"/live/x.flv?domain=v", chosen, "http://there:80/live/x.flv?domain=v"},
		{"http://h/live/x.flv?k=1", any, "http://there:80/live/x.flv?k=1"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct talk t;
		const struct conf_vhost vhost = {.name = cases[i].vhost};
		char *line = mem_printf("\r\nLocation: %s\r\n", cases[i].location);
		begin(&t, "GET", cases[i].target, "1.1");
		assert_int_equal(flv_redirect(&t.s, &vhost, "there:80"), OK);
		assert_false(t.s.request->keep_alive);
		const char *answer = heard(&t);
		assert_int_equal(strncmp(answer, "HTTP/1.1 302 ", 13), 0);
		if (!strstr(answer, line))
			fail_msg("%s: %s", cases[i].target, answer);
		assert_non_null(strstr(answer, "\r\nA: b\r\n"));
		free(line);
		end(&t);
	}
}

static void a_refusal_says_why_and_ends_the_connection(void **state)
{
	(void)state;
	struct talk t;
	begin(&t, "GET", "/live/x.flv", "1.1");
	assert_int_equal(flv_refuse(&t.s, 404, "It is not here."), OK);
	assert_false(t.s.request->keep_alive);
	const char *answer = heard(&t);
	assert_int_equal(strncmp(answer, "HTTP/1.1 404 ", 13), 0);
	assert_non_null(strstr(answer, "It is not here."));
	end(&t);
}

static void head_is_answered_and_the_connection_goes_on_where_it_can(void **state)
{
	(void)state;
	static const char *const versions[] = {"1.0", "1.1"};
	for (int i = 0; i < 2; i++) {
		struct talk t;
		begin(&t, "HEAD", "/live/x.flv", versions[i]);
		assert_int_equal(flv_answer_head(&t.s), OK);
		assert_int_equal(t.s.request->keep_alive, i);
		const char *answer = heard(&t);
		assert_non_null(strstr(answer, "Content-Type: video/x-flv\r\n"));
		assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
		end(&t);
	}
}

static void a_stream_takes_the_connection(void **state)
{
	(void)state;
	static const char *const versions[] = {"1.0", "1.1"};
	for (int i = 0; i < 2; i++) {
		struct talk t;
		struct chunks out;
		chunks_init(&out);
		begin(&t, "GET", "/live/x.flv", versions[i]);
		flv_answer_stream(&t.s, NULL, &out);
		assert_null(t.s.request);
		assert_null(t.s.conn);
		assert_int_equal(out.mode, i ? CHUNKS_HTTP : CHUNKS_NONE);
		const char *head = buf_text(&out.own);
		assert_non_null(strstr(head, "Content-Type: video/x-flv\r\n"));
		assert_non_null(strstr(head, "Cache-Control: no-cache\r\n"));
		assert_non_null(strstr(head, "\r\nA: b\r\n"));
		assert_int_equal(strstr(head, "Transfer-Encoding: chunked\r\n") != NULL, i);
		chunks_fini(&out);
		end(&t);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_redirect_names_the_same_stream_there),
		cmocka_unit_test(a_refusal_says_why_and_ends_the_connection),
		cmocka_unit_test(head_is_answered_and_the_connection_goes_on_where_it_can),
		cmocka_unit_test(a_stream_takes_the_connection),
	};
	return cmocka_run_group_tests(tests, co_setup, co_teardown);
}
