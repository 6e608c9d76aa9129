/* The server side on a socket: a coroutine answers what the test, as the client, sends. */
#include "base/clock.h"
#include "http/http.h"

#include <malloc.h>
#include <stdio.h>

#include "unit/http/peer.h"

struct server {
	struct sock *sock;
	int64_t ms; /* for each request */
	int served;
	err end;
};

/* Says what it heard: "METHOD path?query body". */
static void serve(void *arg)
{
	struct server *s = arg;
	struct http_conn *conn = http_conn_new(s->sock);
	bool keep_alive = true;
	while (keep_alive) {
		struct http_message *m = NULL;
		struct buf b = {.max = HTTP_BODY_MAX + 1000};
		s->end = http_recv_request(conn, &m, clock_after(s->ms));
		if (s->end != OK)
			break;
		s->served++;
		buf_printf(&b, "%s %s?%s ", m->method_name, m->path, m->query);
		buf_put(&b, m->body.p ? m->body.p : (const uint8_t *)"", m->body.n);
		s->end = http_respond(s->sock, m, 200, "text/plain", buf_span(&b), NULL);
		keep_alive = m->keep_alive && s->end == OK;
		buf_free(&b);
		http_message_free(&m);
	}
	http_conn_free(&conn);
	sock_close_gently(&s->sock, 1000);
}

/* What the server answers to these bytes, sent `step` at a time, after which the client ends. */
static const char *converse(struct server *s, struct span in, size_t step, struct buf *reply)
{
	struct sock *sock;
	peer_pair(&sock, &s->sock);
	s->ms = s->ms ? s->ms : PEER_MS;
	struct co *co = co_start("server", serve, s);
	for (size_t at = 0; at < in.n; at += step) {
		size_t n = in.n - at < step ? in.n - at : step;
		if (sock_send(sock, in.p + at, n) != OK)
			break;
		if (step < in.n)
			co_yield ();
	}
	shutdown(sock->rfd.fd, SHUT_WR);
	peer_recv_all(sock, reply);
	co_join(&co);
	sock_close(&sock);
	return buf_text(reply);
}

static void requests_in_one_go_are_answered_one_after_another(void **state)
{
	(void)state;
	static const char in[] = "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
				 "POST /2?q HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
				 "POST /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
				 "chunked\r\n\r\n3\r\ndef\r\n0\r\n\r\n"
				 "GET /4 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
				 "GET /never HTTP/1.1\r\nHost: h\r\n\r\n";
	static const size_t steps[] = {sizeof(in), 1, 7};
	for (int i = 0; i < 3; i++) {
		struct server s = {0};
		struct buf b = {0};
		const char *text = converse(&s, span_str(in), steps[i], &b);
		assert_int_equal(s.served, 4);
		assert_int_equal(s.end, OK);
		assert_int_equal(peer_count(text, "HTTP/1.1 200 OK\r\nServer: SRS/"), 4);
		assert_int_equal(peer_count(text, "\r\nConnection: keep-alive\r\n"), 3);
		assert_int_equal(peer_count(text, "\r\nConnection: close\r\n"), 1);
		assert_non_null(strstr(text, "Content-Length: 8\r\n\r\nGET /1? HTTP"));
		assert_non_null(strstr(text, "\r\n\r\nPOST /2?q abcHTTP"));
		assert_non_null(strstr(text, "\r\n\r\nPOST /3? defHTTP"));
		assert_null(strstr(text, "never"));
		buf_free(&b);
	}
}

#define G "GET / HTTP/1."
static const struct {
	const char *request, *expect, *never;
} keeping[] = {
	{G "1\r\nHost: h\r\n\r\n", "Connection: keep-alive\r\n", "Connection: close"},
	{G "1\r\nHost: h\r\nConnection: close\r\n\r\n", "Connection: close\r\n", "keep-alive"},
	{G "0\r\n\r\n", "Connection: close\r\n", "keep-alive"},
	{G "0\r\nConnection: Keep-Alive\r\n\r\n", "Connection: keep-alive\r\n",
	 "Connection: close"},
	{"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", "Content-Length: 8\r\n", "HEAD /"},
	{G "1\r\nHost: h\r\n\r\n", "\r\nDate: ", "x"},
	{"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
	 "HTTP/1.1 100 Continue\r\n\r\n", "200"},
};

static void the_head_says_what_happens_to_the_connection(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(keeping) / sizeof(keeping[0]); i++) {
		struct server s = {0};
		struct buf b = {0};
		const char *text = converse(&s, span_str(keeping[i].request), 1000, &b);
		assert_non_null(strstr(text, keeping[i].expect));
		if (strcmp(keeping[i].never, "x") != 0)
			assert_null(strstr(text, keeping[i].never));
		buf_free(&b);
	}
}

static const struct {
	const char *request;
	size_t padding; /* bytes 'x' behind it */
	const char *status;
	err end;
} refused[] = {
	{"\x03garbage and nothing else of which a head could be made", 0, "400 Bad Request",
	 ERR_PROTOCOL},
	{"GET /../etc/passwd HTTP/1.1\r\nHost: h\r\n\r\n", 0, "400 Bad Request", ERR_PROTOCOL},
	{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 0,
	 "400 Bad Request", ERR_PROTOCOL},
	{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 0,
	 "400 Bad Request", ERR_PROTOCOL},
	{"GET / HTTP/1.1\r\nHost: h\r\nA: ", 1 << 20, "431 Request Header Fields Too Large",
	 ERR_LIMIT},
	{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n", 0, "413 Content Too Large",
	 ERR_LIMIT},
	{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n", 65537,
	 "413 Content Too Large", ERR_LIMIT},
	{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n20000\r\n", 0x20000,
	 "413 Content Too Large", ERR_LIMIT},
};

static void what_is_refused_gets_a_status_and_a_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct server s = {0};
		struct buf b = {0}, in = {.max = 1 << 22};
		char status[64];
		snprintf(status, sizeof(status), "HTTP/1.1 %s\r\n", refused[i].status);
		buf_put(&in, refused[i].request, strlen(refused[i].request));
		for (size_t k = 0; k < refused[i].padding; k++)
			buf_u8(&in, 'x');
		const char *text = converse(&s, buf_span(&in), in.n, &b);
		assert_int_equal(s.end, refused[i].end);
		assert_int_equal(strncmp(text, status, strlen(status)), 0);
		assert_non_null(strstr(text, "\r\nConnection: close\r\n"));
		assert_non_null(strstr(text, ".\n"));
		buf_free(&b);
		buf_free(&in);
	}
}

static void a_body_of_the_maximum_is_taken(void **state)
{
	(void)state;
	struct server s = {0};
	struct buf b = {0}, in = {.max = 1 << 20};
	buf_printf(&in, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", HTTP_BODY_MAX);
	for (int k = 0; k < HTTP_BODY_MAX; k++)
		buf_u8(&in, 'x');
	const char *text = converse(&s, buf_span(&in), in.n, &b);
	assert_int_equal(s.served, 1);
	assert_non_null(strstr(text, "200 OK"));
	assert_true(b.n > HTTP_BODY_MAX);
	buf_free(&b);
	buf_free(&in);
}

static void the_end_of_the_peer_is_told_from_an_end_in_a_request(void **state)
{
	(void)state;
	static const char *const in[] = {
		"", "GET / HT", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc"};
	for (int i = 0; i < 3; i++) {
		struct server s = {0};
		struct buf b = {0};
		assert_string_equal(converse(&s, span_str(in[i]), 1000, &b), "");
		assert_int_equal(s.end, ERR_CLOSED);
		buf_free(&b);
	}
}

struct dripper {
	struct sock *sock;
	bool stop;
};

static void drip(void *arg)
{
	struct dripper *d = arg;
	while (!d->stop && sock_send(d->sock, "x", 1) == OK && co_sleep(5) == OK)
		;
}

static void a_request_that_drips_ends_at_its_deadline(void **state)
{
	(void)state;
	struct dripper d = {0};
	struct server s = {.ms = 100};
	fake_time_begin();
	peer_pair(&d.sock, &s.sock);
	peer_send(d.sock, "GET / HTTP/1.1\r\nHost: h\r\nA: ");
	struct co *server = co_start("server", serve, &s);
	struct co *client = co_start("client", drip, &d);
	struct http_message *none = NULL;
	int64_t start = clock_ms();
	struct buf b = {0};
	assert_string_equal(peer_recv_all(d.sock, &b), "");
	d.stop = true;
	sock_close_gently(&d.sock, 0);
	co_stop(client);
	co_join(&client);
	co_join(&server);
	assert_int_equal(s.end, ERR_TIMEOUT);
	assert_in_range(clock_ms() - start, 100, 110);
	fake_time_end();
	assert_null(none);
	buf_free(&b);
}

static void a_silent_connection_holds_little_memory(void **state)
{
	(void)state;
	enum { N = 100 };
	static struct server s[N];
	struct sock *sock[N];
	struct co *co[N];
	struct buf b = {0};
	for (int i = 0; i < N; i++) {
		s[i] = (struct server){.ms = PEER_MS};
		peer_pair(&sock[i], &s[i].sock);
	}
	struct mallinfo2 before = mallinfo2();
	for (int i = 0; i < N; i++) {
		co[i] = co_start("server", serve, &s[i]);
		peer_send(sock[i], "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
		buf_clear(&b);
		peer_recv_until(sock[i], &b, "GET /?");
	}
	struct mallinfo2 after = mallinfo2();
	/* The stacks are mapped, not allocated. Sanitizers replace the allocator and count nothing. */
	assert_true(after.uordblks - before.uordblks < N * 2500 + 100000);
	for (int i = 0; i < N; i++) {
		sock_close(&sock[i]);
		co_join(&co[i]);
		assert_int_equal(s[i].end, ERR_CLOSED);
	}
	buf_free(&b);
}

/* Until the last n bytes are this letter, and only it. A search for such a text from the beginning,
 * after each piece, took more time than the peers have. */
static void recv_letters(struct sock *sock, char letter, size_t n)
{
	struct buf b = {.max = REPLY_MAX};
	char piece[4096];
	size_t got, same = 0;
	while (same < n) {
		assert_int_equal(sock_recv(sock, piece, sizeof(piece), &got), OK);
		buf_put(&b, piece, got);
		for (same = 0; same < b.n && b.p[b.n - same - 1] == (uint8_t)letter;)
			same++;
	}
	assert_int_equal(same, n);
	buf_free(&b);
}

static void the_peers_bytes_never_mix(void **state)
{
	(void)state;
	enum { N = 8, ROUNDS = 40 };
	static struct server s[N];
	struct sock *sock[N];
	struct co *co[N];
	/* Large bodies, all at once: every read of one connection lies between reads of others. */
	for (int i = 0; i < N; i++) {
		s[i] = (struct server){.ms = PEER_MS};
		peer_pair(&sock[i], &s[i].sock);
		co[i] = co_start("server", serve, &s[i]);
	}
	struct buf in = {.max = 1 << 20};
	for (int r = 0; r < ROUNDS; r++) {
		for (int i = 0; i < N; i++) {
			buf_clear(&in);
			buf_printf(&in,
				   "POST /%d HTTP/1.1\r\nHost: h\r\nContent-Length: 30000\r\n\r\n",
				   i);
			for (int k = 0; k < 30000; k++)
				buf_u8(&in, (uint8_t)('a' + i));
			sock[i]->deadline = clock_after(PEER_MS);
			assert_int_equal(sock_send(sock[i], in.p, in.n), OK);
		}
		for (int i = 0; i < N; i++)
			recv_letters(sock[i], (char)('a' + i), 30000);
	}
	buf_free(&in);
	for (int i = 0; i < N; i++) {
		sock_close(&sock[i]);
		co_join(&co[i]);
		assert_int_equal(s[i].served, ROUNDS);
	}
}

static struct http_message *request_with(struct http_header *headers, int count, int minor)
{
	struct http_message *m = mem_new(struct http_message);
	m->headers = headers;
	m->header_count = count;
	m->minor = minor;
	m->method = HTTP_METHOD_GET;
	m->keep_alive = true;
	return m;
}

static void a_value_cannot_add_a_line_to_a_head(void **state)
{
	(void)state;
	struct buf b = {.max = 4096};
	http_write_header(&b, "Location", "/a\r\nSet-Cookie: x\r\n\r\n<html>\x7f\x01");
	assert_string_equal(buf_text(&b), "Location: /aSet-Cookie: x<html>\r\n");
	buf_clear(&b);
	http_write_head(&b, NULL, 200, "text/html\r\nX: y", 0, "Fine: no\r\n\r\n<html>");
	assert_null(strstr(buf_text(&b), "\r\nX:"));
	assert_null(strstr(buf_text(&b), "<html>"));
	assert_int_equal(peer_count(buf_text(&b), "\r\n\r\n"), 1);
	buf_free(&b);
}

static void an_unknown_length_is_chunked_or_until_close(void **state)
{
	(void)state;
	for (int minor = 0; minor <= 1; minor++) {
		struct http_message *m = request_with(NULL, 0, minor);
		struct buf b = {.max = 4096};
		http_write_head(&b, m, 200, "video/x-flv", -1, NULL);
		assert_int_equal(strstr(buf_text(&b), "Transfer-Encoding: chunked\r\n") != NULL,
				 minor == 1);
		assert_int_equal(strstr(buf_text(&b), "Connection: close\r\n") != NULL, minor == 0);
		assert_null(strstr(buf_text(&b), "Content-Length"));
		buf_clear(&b);
		http_write_head(&b, m, 304, NULL, -1, NULL);
		assert_null(strstr(buf_text(&b), "Transfer-Encoding"));
		assert_non_null(strstr(buf_text(&b), "304 Not Modified\r\n"));
		buf_free(&b);
		free(m);
	}
}

static void basic_credentials_are_compared(void **state)
{
	(void)state;
	static const struct {
		const char *header;
		bool ok;
	} rows[] = {
		{"Basic YWRtaW46YWRtaW4=", true},
		{"basic  YWRtaW46YWRtaW4=", true},
		{"Basic YWRtaW46YWRtaW4", false},
		{"Basic YWRtaW46YWRtaW5=", false},
		{"Basic", false},
		{"Basic ", false},
		{"Bearer YWRtaW46YWRtaW4=", false},
		{"", false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char name[] = "authorization", *value = mem_strdup(rows[i].header);
		struct http_header header = {name, value};
		struct http_message *m = request_with(&header, 1, 1);
		assert_int_equal(http_basic_ok(m, "admin", "admin"), rows[i].ok);
		m->header_count = 0;
		assert_false(http_basic_ok(m, "admin", "admin"));
		free(value);
		free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_in_one_go_are_answered_one_after_another),
		cmocka_unit_test(the_head_says_what_happens_to_the_connection),
		cmocka_unit_test(what_is_refused_gets_a_status_and_a_sentence),
		cmocka_unit_test(a_body_of_the_maximum_is_taken),
		cmocka_unit_test(the_end_of_the_peer_is_told_from_an_end_in_a_request),
		cmocka_unit_test(a_request_that_drips_ends_at_its_deadline),
		cmocka_unit_test(a_silent_connection_holds_little_memory),
		cmocka_unit_test(the_peers_bytes_never_mix),
		cmocka_unit_test(a_value_cannot_add_a_line_to_a_head),
		cmocka_unit_test(an_unknown_length_is_chunked_or_until_close),
		cmocka_unit_test(basic_credentials_are_compared),
	};
	return cmocka_run_group_tests(tests, co_setup, co_teardown);
}
