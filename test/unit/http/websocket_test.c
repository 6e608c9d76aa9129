/* WebSocket: the handshake of RFC 6455 1.3, heads of frames, and what clients say. */
#include "http/websocket.h"
#include "support/hex.h"
#include "support/unit.h"

static struct http_header headers[] = {
	{"Upgrade", "websocket"},
	{"Connection", "keep-alive, Upgrade"},
	{"Sec-WebSocket-Version", "13"},
	{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
};
static struct http_message request = {
	.method = HTTP_METHOD_GET, .minor = 1, .header_count = 4, .headers = headers};

static void the_handshake_is_that_of_the_specification(void **state)
{
	struct buf b = {.max = 1000};
	(void)state;
	assert_int_equal(websocket_asked(&request), WEBSOCKET_GOOD);
	websocket_write_head(&b, &request, "A: b\r\n");
	assert_non_null(strstr(buf_text(&b), "HTTP/1.1 101 "));
	assert_non_null(
		strstr(buf_text(&b),
		       "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nA: b\r\n\r\n"));
	buf_free(&b);
}

static void other_requests_are_told_apart(void **state)
{
	static const struct {
		size_t header;
		const char *value;
		enum websocket_asked asked;
	} cases[] = {
		{0, "h2c", WEBSOCKET_NOT},   {0, "WebSocket", WEBSOCKET_GOOD},
		{1, "close", WEBSOCKET_NOT}, {1, "upgrade", WEBSOCKET_GOOD},
		{2, "8", WEBSOCKET_VERSION}, {3, "short", WEBSOCKET_BAD},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *before = headers[cases[i].header].value;
		headers[cases[i].header].value = (char *)(uintptr_t)cases[i].value;
		assert_int_equal(websocket_asked(&request), cases[i].asked);
		headers[cases[i].header].value = before;
	}
}

static void heads_have_three_sizes(void **state)
{
	uint8_t head[WEBSOCKET_HEAD_MAX];
	(void)state;
	assert_int_equal(websocket_head(head, WEBSOCKET_BINARY, 125), 2);
	assert_memory_equal(head, "\x82\x7d", 2);
	assert_int_equal(websocket_head(head, WEBSOCKET_BINARY, 126), 4);
	assert_memory_equal(head, "\x82\x7e\x00\x7e", 4);
	assert_int_equal(websocket_head(head, WEBSOCKET_BINARY, 65536), 10);
	assert_memory_equal(head, "\x82\x7f\0\0\0\0\0\1\0\0", 10);
}

static const struct {
	const char *name, *says, *answers;
	err end;
} talks[] = {
	{"a ping", "89 84 01020304 50535655", "8A 04 51515551", OK},
	{"an empty ping", "89 80 01020304", "8A 00", OK},
	{"a text", "81 82 00000000 6869", "", OK},
	{"a text in pieces with a ping between",
	 "01 81 00000000 68 89 80 00000000 80 81 00000000 69", "8A 00", OK},
	{"a pong", "8A 80 00000000", "", OK},
	{"a close", "88 82 00000000 03E8", "88 02 03E8", ERR_CLOSED},
	{"a close without a reason", "88 80 00000000", "88 02 03E8", ERR_CLOSED},
	{"no mask", "89 00", "", ERR_PROTOCOL},
	{"reserved bits", "C9 80 00000000", "", ERR_PROTOCOL},
	{"a kind of data that there is not", "83 80 00000000", "", ERR_PROTOCOL},
	{"a kind of control that there is not", "8B 80 00000000", "", ERR_PROTOCOL},
	{"a long ping", "89 FE 007E 00000000", "", ERR_PROTOCOL},
	{"a ping in pieces", "09 80 00000000", "", ERR_PROTOCOL},
	{"a large message", "82 FF 0000000100000000 00000000", "", ERR_LIMIT},
	{"a message of two bytes of length", "82 FE 0003 00000000 AABBCC 89 80 00000000", "8A 00",
	 OK},
	{"half a head", "89", "", OK},
};

static void what_clients_say_is_answered(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(talks) / sizeof(*talks); i++)
		for (size_t step = 1; step < 40; step += 38) { /* byte by byte, and at once */
			struct span says = hex_bytes(talks[i].says),
				    want = hex_bytes(talks[i].answers);
			struct websocket_reader r = {.head_n = 0};
			struct buf answers = {.max = 1000};
			err e = OK;
			for (size_t at = 0; at < says.n && e == OK; at += step) {
				size_t n = says.n - at < step ? says.n - at : step;
				e = websocket_read(&r, span_of(says.p + at, n), &answers);
			}
			if (e != talks[i].end || answers.n != want.n ||
			    (want.n && memcmp(answers.p, want.p, want.n) != 0))
				fail_msg("%s: %s, %zu bytes", talks[i].name, err_slug(e),
					 answers.n);
			buf_free(&answers);
			hex_free(says);
			hex_free(want);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_handshake_is_that_of_the_specification),
		cmocka_unit_test(other_requests_are_told_apart),
		cmocka_unit_test(heads_have_three_sizes),
		cmocka_unit_test(what_clients_say_is_answered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
