/* Requests and responses fed whole, byte by byte and in random cuts: the cuts must never matter. */
#include "base/mem.h"
#include "http/parse.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/unit.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

enum cuts { WHOLE, BYTEWISE, RANDOM, CUTS = 20 };

static size_t cut(int way, size_t left)
{
	size_t n = way == WHOLE ? left : way == BYTEWISE ? 1 : 1 + (size_t)rand() % 40;
	return n < left ? n : left;
}

struct outcome {
	err e;
	int status;                /* after an error */
	struct http_message *head; /* the caller's */
	struct buf body;           /* the caller's */
	size_t used;
	bool done;
};

static void feed_body(struct http_parse *parse, struct span in, int way, struct outcome *out)
{
	while (out->e == OK && !http_parse_done(parse) && out->used < in.n) {
		size_t n = cut(way, in.n - out->used), used = 0, got = 0;
		uint8_t *piece = mem_alloc(n); /* as large as the cut, for the sanitizers */
		memcpy(piece, in.p + out->used, n);
		out->e = http_parse_body(parse, piece, n, &used, &got);
		if (out->e == OK) {
			out->used += used;
			buf_put(&out->body, piece, got);
			assert_true(used == n || http_parse_done(parse));
		}
		free(piece);
	}
}

static struct outcome feed(enum http_parse_kind kind, struct span in, int way)
{
	struct outcome out = {.body = {.max = 1 << 20}};
	struct http_parse *parse = http_parse_new(kind);
	while (!out.head && out.e == OK && out.used < in.n) {
		size_t n = cut(way, in.n - out.used), used = 0;
		uint8_t *piece = mem_alloc(n);
		memcpy(piece, in.p + out.used, n);
		out.e = http_parse_head(parse, span_of(piece, n), &used, &out.head);
		out.used += used;
		free(piece);
	}
	if (out.head)
		feed_body(parse, in, way, &out);
	if (out.e == OK && out.head && !http_parse_done(parse))
		out.done = http_parse_eof(parse) == OK;
	else
		out.done = http_parse_done(parse);
	out.status = http_parse_status(parse);
	http_parse_free(&parse);
	return out;
}

static void outcome_free(struct outcome *out)
{
	http_message_free(&out->head);
	buf_free(&out->body);
}

#define REST "Host: h\r\n\r\n"
static const struct {
	const char *bytes;
	int method;
	const char *path, *query, *host, *body;
	bool keep_alive;
} good[] = {
	{"GET / HTTP/1.1\r\n" REST, HTTP_METHOD_GET, "/", "", "h", "", true},
	{"GET / HTTP/1.0\r\n\r\n", HTTP_METHOD_GET, "/", "", "", "", false},
	{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", HTTP_METHOD_GET, "/", "", "", "",
	 true},
	{"GET / HTTP/1.1\r\nConnection: close\r\n" REST, HTTP_METHOD_GET, "/", "", "h", "", false},
	{"\r\n\r\nHEAD /a HTTP/1.1\r\n" REST, HTTP_METHOD_HEAD, "/a", "", "h", "", true},
	{"GET /live/a.flv?k=%20v&l HTTP/1.1\r\n" REST, HTTP_METHOD_GET, "/live/a.flv", "k=%20v&l",
	 "h", "", true},
	{"GET /a%20b/%E4%BD%A0 HTTP/1.1\r\n" REST, HTTP_METHOD_GET, "/a b/\xe4\xbd\xa0", "", "h",
	 "", true},
	{"GET /a#f?x HTTP/1.1\r\n" REST, HTTP_METHOD_GET, "/a", "", "h", "", true},
	{"GET /..a/b../c HTTP/1.1\r\n" REST, HTTP_METHOD_GET, "/..a/b../c", "", "h", "", true},
	{"GET http://o:81/p?q HTTP/1.1\r\n" REST, HTTP_METHOD_GET, "/p", "q", "o:81", "", true},
	{"GET http://u:p@o:81/p HTTP/1.1\r\n" REST, HTTP_METHOD_GET, "/p", "", "o:81", "", true},
	{"GET http://[::1]:81 HTTP/1.1\r\n" REST, HTTP_METHOD_GET, "/", "", "[::1]:81", "", true},
	{"OPTIONS * HTTP/1.1\r\n" REST, HTTP_METHOD_OPTIONS, "/", "", "h", "", true},
	{"DELETE /x HTTP/1.1\r\nEmpty:\r\n" REST, HTTP_METHOD_DELETE, "/x", "", "h", "", true},
	{"GET /up HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n" REST, HTTP_METHOD_GET, "/up",
	 "", "h", "", true},
	{"POST /x HTTP/1.1\r\nContent-Length: 5\r\n" REST "hello", HTTP_METHOD_POST, "/x", "", "h",
	 "hello", true},
	{"POST /x HTTP/1.1\r\nContent-Length: 0\r\n" REST, HTTP_METHOD_POST, "/x", "", "h", "",
	 true},
	{"PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" REST
	 "5\r\nhello\r\nA;ext=\"1\"\r\n, world of\r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n",
	 HTTP_METHOD_PUT, "/x", "", "h", "hello, world of!", true},
	{"GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n", HTTP_METHOD_GET, "/", "",
	 "[2001:db8::1]:8080", "", true},
	{"GET / HTTP/1.1\r\nHost: a_b.c-d:80\r\n\r\n", HTTP_METHOD_GET, "/", "", "a_b.c-d:80", "",
	 true},
	{"GET / HTTP/1.1\r\nHost:\r\n\r\n", HTTP_METHOD_GET, "/", "", "", "", true},
	{"PATCH / HTTP/1.1\r\nConnection: x, Close\r\n" REST, HTTP_METHOD_PATCH, "/", "", "h", "",
	 false},
	{"POST /x HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n" REST "0\r\n\r\n", HTTP_METHOD_POST,
	 "/x", "", "h", "", true},
};

static void good_requests_are_read_however_they_are_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(good) * CUTS; i++) {
		size_t row = i / CUTS;
		struct outcome out =
			feed(HTTP_PARSE_REQUEST, span_str(good[row].bytes), (int)(i % CUTS));
		assert_int_equal(out.e, OK);
		assert_non_null(out.head);
		assert_true(out.done);
		assert_int_equal(out.used, strlen(good[row].bytes));
		assert_int_equal(out.head->method, good[row].method);
		assert_string_equal(out.head->path, good[row].path);
		assert_string_equal(out.head->query, good[row].query);
		assert_string_equal(out.head->host, good[row].host);
		assert_string_equal(buf_text(&out.body), good[row].body);
		assert_int_equal(out.head->keep_alive, good[row].keep_alive);
		outcome_free(&out);
	}
}

#define GET "GET / HTTP/1.1\r\n"
#define POST "POST / HTTP/1.1\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n" REST
static const struct {
	const char *bytes;
	int status;
} bad[] = {
	{"\x03garbage instead of a request, long enough to be seen", 400},
	{"GET /\r\n\r\n", 505},
	{"GET / HTTP/2.0\r\n\r\n", 505},
	{"GET / FTP/1.1\r\n\r\n", 400},
	{"FROBNICATE / HTTP/1.1\r\n" REST, 501},
	{"get / HTTP/1.1\r\n" REST, 501},
	{"GET  / HTTP/1.1\r\n" REST, 400},
	{"GET / HTTP/1.1 \r\n" REST, 400},
	{"GET / HTTP/1.1\r\n\r\n", 400},
	{GET "Host: a b\r\n\r\n", 400},
	{GET "Host: a/b\r\n\r\n", 400},
	{GET "Host: u@h\r\n\r\n", 400},
	{GET "Host: ::1\r\n\r\n", 400},
	{GET "Host: [::1\r\n\r\n", 400},
	{GET "Host: [h]\r\n\r\n", 400},
	{GET "Host: h:99999\r\n\r\n", 400},
	{GET "Host: h:80x\r\n\r\n", 400},
	{GET "Host: <h>\r\n\r\n", 400},
	{"GET / HTTP/1.0\r\nHost: a b\r\n\r\n", 400},
	{"GET http://h/ HTTP/1.1\r\n\r\n", 400},
	{GET "A: b\n" REST, 400},
	{GET "A: b\r\n c\r\n" REST, 400},
	{GET "A: b\r\r\n" REST, 400},
	{"CONNECT a:80 HTTP/1.1\r\n" REST, 400},
	{"GET /%zz HTTP/1.1\r\n" REST, 400},
	{"GET /% HTTP/1.1\r\n" REST, 400},
	{"GET /a%00b HTTP/1.1\r\n" REST, 400},
	{"GET /a%0d%0ab HTTP/1.1\r\n" REST, 400},
	{"GET /a/../b HTTP/1.1\r\n" REST, 400},
	{"GET /.. HTTP/1.1\r\n" REST, 400},
	{"GET /%2e%2E/b HTTP/1.1\r\n" REST, 400},
	{"GET /a/.%2e HTTP/1.1\r\n" REST, 400},
	{"GET /a%2f..%2fb HTTP/1.1\r\n" REST, 400},
	{"GET http://h/../b HTTP/1.1\r\n" REST, 400},
	{"GET http:///b HTTP/1.1\r\n" REST, 400},
	{"GET *x HTTP/1.1\r\n" REST, 400},
	{"GET /a\tb HTTP/1.1\r\n" REST, 400},
	{GET "Host: a\r\nHost: b\r\n\r\n", 400},
	{GET "No colon\r\n\r\n", 400},
	{GET "Bad name : x\r\n\r\n", 400},
	{GET "Name : x\r\n\r\n", 400},
	{GET "Control: a\001b\r\n\r\n", 400},
	{GET ": x\r\n\r\n", 400},
	{GET "Host: h\r\n\rX", 400},
	{POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" REST "0\r\n\r\n", 400},
	{POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" REST "0\r\n\r\n", 400},
	{POST "Content-Length: 5\r\nContent-Length: 6\r\n" REST "hello!", 400},
	{POST "Content-Length: 5\r\nContent-Length: 5\r\n" REST "hello", 400},
	{POST "Content-Length: -5\r\n" REST, 400},
	{POST "Content-Length: 5, 5\r\n" REST "hello", 400},
	{POST "Content-Length: 99999999999999999999999\r\n" REST, 400},
	{POST "Content-Length : 5\r\n" REST "hello", 400},
	{POST "Transfer-Encoding: gzip\r\n" REST, 400},
	{POST "Transfer-Encoding: gzip, chunked\r\n" REST "0\r\n\r\n", 400},
	{POST "Transfer-Encoding: chunked, identity\r\n" REST "0\r\n\r\n", 400},
	{POST "Transfer-Encoding: xchunked\r\n" REST "0\r\n\r\n", 400},
	{POST "Transfer-Encoding : chunked\r\n" REST "0\r\n\r\n", 400},
	{POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" REST "0\r\n\r\n", 400},
	{"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	{CHUNKED "5\r\nhelloXX0\r\n\r\n", 400},
	{CHUNKED "5\r\nhello\rX0\r\n\r\n", 400},
	{CHUNKED "5\r\nhello\n\n0\r\n\r\n", 400},
	{CHUNKED "5\rXhello\r\n0\r\n\r\n", 400},
	{CHUNKED "x\r\n\r\n", 400},
	{CHUNKED "\r\n\r\n", 400},
	{CHUNKED "5x\r\nhello\r\n0\r\n\r\n", 400},
	{CHUNKED "5;a\nhello\r\n0\r\n\r\n", 400},
	{CHUNKED "0\r\nA: b\n\r\n", 400},
	{CHUNKED "-5\r\nhello\r\n0\r\n\r\n", 400},
	{CHUNKED "fffffffffffffffff\r\nhello\r\n", 400},
	{CHUNKED "0\r\n\rX", 400},
};

static void bad_requests_get_their_status_however_they_are_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(bad) * CUTS; i++) {
		size_t row = i / CUTS;
		struct outcome out =
			feed(HTTP_PARSE_REQUEST, span_str(bad[row].bytes), (int)(i % CUTS));
		if (out.e != ERR_PROTOCOL || out.status != bad[row].status)
			print_error("%s\n", bad[row].bytes);
		assert_int_equal(out.e, ERR_PROTOCOL);
		assert_int_equal(out.status, bad[row].status);
		assert_int_equal(err_trail(out.e)[strlen(err_trail(out.e)) - 1], '.');
		outcome_free(&out);
	}
}

static struct buf head_of(size_t size)
{
	static const char start[] = "GET / HTTP/1.0\r\nA: ", end[] = "\r\n\r\n";
	struct buf b = {.max = 1 << 22};
	buf_put(&b, start, sizeof(start) - 1);
	while (b.n < size - (sizeof(end) - 1))
		buf_u8(&b, 'x');
	buf_put(&b, end, sizeof(end) - 1);
	return b;
}

static void a_head_may_have_the_maximum_and_no_byte_more(void **state)
{
	(void)state;
	for (int way = 0; way < CUTS; way++) {
		struct buf fits = head_of(HTTP_HEAD_MAX), long_by_one = head_of(HTTP_HEAD_MAX + 1);
		struct buf huge = head_of(1 << 20);
		struct outcome a = feed(HTTP_PARSE_REQUEST, buf_span(&fits), way);
		struct outcome b = feed(HTTP_PARSE_REQUEST, buf_span(&long_by_one), way);
		struct outcome c = feed(HTTP_PARSE_REQUEST, buf_span(&huge), way);
		assert_int_equal(a.e, OK);
		assert_int_equal(strlen(http_header_get(a.head, "a")), HTTP_HEAD_MAX - 23);
		assert_int_equal(b.e, ERR_LIMIT);
		assert_int_equal(b.status, 431);
		assert_int_equal(c.e, ERR_LIMIT);
		assert_int_equal(c.status, 431);
		outcome_free(&a);
		outcome_free(&b);
		outcome_free(&c);
		buf_free(&fits);
		buf_free(&long_by_one);
		buf_free(&huge);
	}
}

static void there_may_be_64_headers_and_not_65(void **state)
{
	(void)state;
	for (int count = HTTP_HEADERS_MAX; count <= HTTP_HEADERS_MAX + 1; count++) {
		struct buf b = {.max = HTTP_HEAD_MAX};
		buf_printf(&b, "GET / HTTP/1.0\r\n");
		for (int i = 0; i < count; i++)
			buf_printf(&b, "H%d:%s\r\n", i, i % 2 ? "" : " v");
		buf_printf(&b, "\r\n");
		struct outcome out = feed(HTTP_PARSE_REQUEST, buf_span(&b), BYTEWISE);
		assert_int_equal(out.e, count > HTTP_HEADERS_MAX ? ERR_LIMIT : OK);
		assert_int_equal(out.status, count > HTTP_HEADERS_MAX ? 431 : 0);
		if (out.head) {
			assert_int_equal(out.head->header_count, count);
			assert_string_equal(http_header_get(out.head, "h2"), "v");
			assert_string_equal(http_header_get(out.head, "h3"), "");
			assert_null(http_header_get(out.head, "h99"));
		}
		outcome_free(&out);
		buf_free(&b);
	}
}

static void lines_around_chunks_are_limited_too(void **state)
{
	(void)state;
	struct buf b = {.max = 1 << 20};
	buf_printf(&b, "%s5;", CHUNKED);
	for (int i = 0; i < 2 * HTTP_HEAD_MAX; i++)
		buf_u8(&b, 'x');
	buf_printf(&b, "\r\nhello\r\n0\r\n\r\n");
	struct outcome out = feed(HTTP_PARSE_REQUEST, buf_span(&b), RANDOM);
	assert_int_equal(out.e, ERR_LIMIT);
	assert_int_equal(out.status, 413);
	outcome_free(&out);
	buf_free(&b);
}

static void what_follows_a_request_is_not_taken(void **state)
{
	(void)state;
	static const char first[] = POST "Content-Length: 3\r\n" REST "abc";
	static const char both[] = POST "Content-Length: 3\r\n" REST "abcGET /2 HTTP/1.1\r\n\r\n";
	for (int way = 0; way < CUTS; way++) {
		struct outcome out = feed(HTTP_PARSE_REQUEST, span_str(both), way);
		assert_int_equal(out.e, OK);
		assert_true(out.done);
		assert_int_equal(out.used, sizeof(first) - 1);
		outcome_free(&out);
	}
}

static const struct {
	const char *bytes;
	int status;
	const char *body;
	bool done;
} responses[] = {
	{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi", true},
	{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi", 200, "hi", false},
	{"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, "until the end", true},
	{"HTTP/1.1 200\r\n\r\n", 200, "", true},
	{"HTTP/1.1 302 Found\r\nLocation: http://h/\r\nContent-Length: 0\r\n\r\n", 302, "", true},
	{"HTTP/1.1 204 No Content\r\n\r\n", 204, "", true},
	{"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, "", true},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 200, "hi",
	 true},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", 200, "hi", false},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, "", false},
};

static void responses_are_read_and_a_cut_off_body_is_noticed(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(responses) * CUTS; i++) {
		size_t row = i / CUTS;
		struct outcome out =
			feed(HTTP_PARSE_RESPONSE, span_str(responses[row].bytes), (int)(i % CUTS));
		assert_int_equal(out.e, OK);
		assert_int_equal(out.head->status, responses[row].status);
		assert_string_equal(buf_text(&out.body), responses[row].body);
		if (out.done != responses[row].done)
			print_error("%s\n", responses[row].bytes);
		assert_int_equal(out.done, responses[row].done);
		outcome_free(&out);
	}
}

static void trailers_can_be_asked_for(void **state)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
	(void)state;
	for (int is_long = 0; is_long < 2; is_long++) {
		char value[64], body[2000];
		struct http_message *m;
		size_t used, got;
		struct http_parse *parse = http_parse_new(HTTP_PARSE_RESPONSE);
		assert_int_equal(http_parse_head(parse, span_str(head), &used, &m), OK);
		int n = snprintf(body, sizeof(body),
				 "1\r\nx\r\n0\r\nX-Other:%*s\r\nX-End:  why \r\n\r\n",
				 is_long ? 1000 : 3, "a");
		assert_int_equal(http_parse_body(parse, (uint8_t *)body, (size_t)n, &used, &got),
				 OK);
		assert_true(http_parse_done(parse));
		assert_int_equal(http_parse_trailer(parse, "x-end", value, sizeof(value)),
				 !is_long);
		if (!is_long)
			assert_string_equal(value, "why ");
		assert_false(http_parse_trailer(parse, "X-Othe", value, sizeof(value)));
		http_message_free(&m);
		http_parse_free(&parse);
	}
}

static void noise_never_does_harm(void **state)
{
	(void)state;
	srand(1);
	for (int i = 0; i < 20000; i++) {
		struct buf b = {.max = 1 << 16};
		buf_printf(&b, "%s",
			   i % 2 ? good[(size_t)rand() % LEN(good)].bytes
				 : bad[(size_t)rand() % LEN(bad)].bytes);
		for (int k = rand() % 4; k >= 0; k--)
			b.p[(size_t)rand() % b.n] = (uint8_t)rand();
		struct outcome out =
			feed((enum http_parse_kind)(rand() % 2), buf_span(&b), rand() % CUTS);
		if (out.head && out.head->method_name && out.head->status == 0) {
			assert_int_equal(out.head->path[0], '/');
			assert_null(strstr(out.head->path, "/../"));
		}
		outcome_free(&out);
		buf_free(&b);
	}
}

static void header_lines_are_told_from_what_would_split_a_head(void **state)
{
	(void)state;
	assert_true(http_lines_ok(""));
	assert_true(http_lines_ok("A: b\r\nC:\r\n"));
	assert_false(http_lines_ok("A: b"));
	assert_false(http_lines_ok("A: b\r"));
	assert_false(http_lines_ok("A: b\n"));
	assert_false(http_lines_ok("A: b\rX: y\r\n"));
	assert_false(http_lines_ok("A: b\r\n\r\n"));
	assert_false(http_lines_ok("A: b\r\n: c\r\n"));
	assert_false(http_lines_ok("no colon\r\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_requests_are_read_however_they_are_cut),
		cmocka_unit_test(bad_requests_get_their_status_however_they_are_cut),
		cmocka_unit_test(a_head_may_have_the_maximum_and_no_byte_more),
		cmocka_unit_test(there_may_be_64_headers_and_not_65),
		cmocka_unit_test(lines_around_chunks_are_limited_too),
		cmocka_unit_test(what_follows_a_request_is_not_taken),
		cmocka_unit_test(responses_are_read_and_a_cut_off_body_is_noticed),
		cmocka_unit_test(trailers_can_be_asked_for),
		cmocka_unit_test(noise_never_does_harm),
		cmocka_unit_test(header_lines_are_told_from_what_would_split_a_head),
	};
	srand(7);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
