#include "codec/proxy_header.h"
#include "support/unit.h"

static const char mark[] = "\r\n\r\n\0\r\nQUIT\n";

static enum proxy_verdict parse(struct proxy_header *h, const void *p, size_t n)
{
	return proxy_header_parse(h, span_of(p, n));
}

static void lines_of_version_1_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		enum proxy_verdict verdict;
		const char *from; /* NULL: none */
	} cases[] = {
		{"PROXY TCP4 203.0.113.7 10.0.0.1 56324 1935\r\n", PROXY_WHOLE,
		 "203.0.113.7:56324"},
		{"PROXY TCP6 2001:db8::7 2001:db8::1 1 65535\r\n", PROXY_WHOLE, "[2001:db8::7]:1"},
		{"PROXY UNKNOWN\r\n", PROXY_WHOLE, NULL},
		{"PROXY UNKNOWN ffff:f::ff ff::f 65535 65535\r\n", PROXY_WHOLE, NULL},
		{"PROXY TCP4 203.0.113.7 10.0.0.1 56324 1935", PROXY_PART, NULL},
		{"PROXY TCP4 203.0.113.7 10.0.0.1 56324 1935\r", PROXY_PART, NULL},
		{"P", PROXY_PART, NULL},
		{"PROXY ", PROXY_PART, NULL},
		{"PUT /x HTTP/1.1\r\n", PROXY_ABSENT, NULL},
		{"POST / HTTP/1.1\r\n", PROXY_ABSENT, NULL},
		{"\x03rtmp", PROXY_ABSENT, NULL},
		{"PROXY TCP4 203.0.113.7 10.0.0.1 56324 1935\rx", PROXY_BAD, NULL},
		{"PROXY TCP4 2001:db8::7 10.0.0.1 1 2\r\n", PROXY_BAD, NULL},
		{"PROXY TCP6 203.0.113.7 10.0.0.1 1 2\r\n", PROXY_BAD, NULL},
		{"PROXY TCP4 203.0.113.7 10.0.0.1 65536 1\r\n", PROXY_BAD, NULL},
		{"PROXY TCP4 203.0.113.7 10.0.0.1 -1 1\r\n", PROXY_BAD, NULL},
		{"PROXY TCP4 203.0.113.7 10.0.0.1 1\r\n", PROXY_BAD, NULL},
		{"PROXY TCP4 203.0.113.7 10.0.0.1 1 2 3\r\n", PROXY_BAD, NULL},
		{"PROXY TCP4  203.0.113.7 10.0.0.1 1 2\r\n", PROXY_BAD, NULL},
		{"PROXY UDP4 203.0.113.7 10.0.0.1 1 2\r\n", PROXY_BAD, NULL},
		{"PROXY \r\n", PROXY_BAD, NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct proxy_header h;
		char text[ADDR_TEXT_MAX];
		size_t n = strlen(cases[i].line);
		assert_int_equal(parse(&h, cases[i].line, n), cases[i].verdict);
		assert_int_equal(h.has_from, cases[i].from != NULL);
		if (cases[i].verdict == PROXY_WHOLE)
			assert_int_equal(h.bytes, n);
		if (cases[i].from) {
			addr_text(text, &h.from);
			assert_string_equal(text, cases[i].from);
		}
	}
}

static void a_line_ends_within_107_bytes(void **state)
{
	(void)state;
	struct proxy_header h;
	char line[200];
	memset(line, 'x', sizeof(line));
	memcpy(line, "PROXY UNKNOWN ", 14);
	assert_int_equal(parse(&h, line, 106), PROXY_PART);
	assert_int_equal(parse(&h, line, 107), PROXY_BAD);
	memcpy(line + 105, "\r\n", 2);
	assert_int_equal(parse(&h, line, sizeof(line)), PROXY_WHOLE);
	assert_int_equal(h.bytes, 107);
}

static size_t version2(uint8_t *out, uint8_t command, uint8_t family, size_t length)
{
	memset(out, 0, 16 + length);
	memcpy(out, mark, 12);
	out[12] = command;
	out[13] = family;
	out[14] = (uint8_t)(length >> 8);
	out[15] = (uint8_t)length;
	return 16 + length;
}

static void headers_of_version_2_are_read(void **state)
{
	(void)state;
	uint8_t b[PROXY_HEADER_MAX + 16];
	struct proxy_header h;
	char text[ADDR_TEXT_MAX];
	size_t n = version2(b, 0x21, 0x11, 12 + 40); /* extensions behind the addresses */
	memcpy(b + 16, (uint8_t[]){203, 0, 113, 7, 10, 0, 0, 1, 0xdc, 0x04, 7, 143}, 12);
	for (size_t have = 0; have < n; have++)
		assert_int_equal(parse(&h, b, have), PROXY_PART);
	assert_int_equal(parse(&h, b, n + 5), PROXY_WHOLE);
	assert_int_equal(h.bytes, n);
	addr_text(text, &h.from);
	assert_string_equal(text, "203.0.113.7:56324");
	n = version2(b, 0x21, 0x21, 36);
	memcpy(b + 16, (uint8_t[]){0x20, 1, 0xd, 0xb8, [15] = 7}, 16);
	b[16 + 33] = 9;
	assert_int_equal(parse(&h, b, n), PROXY_WHOLE);
	addr_text(text, &h.from);
	assert_string_equal(text, "[2001:db8::7]:9");
}

static void version_2_without_an_address_and_what_is_none(void **state)
{
	(void)state;
	static const struct {
		uint8_t command, family;
		size_t length;
		enum proxy_verdict verdict;
	} cases[] = {
		{0x20, 0x00, 0, PROXY_WHOLE},                   /* LOCAL: a health check */
		{0x20, 0x11, 12, PROXY_WHOLE},                  /* its addresses are ignored */
		{0x21, 0x00, 0, PROXY_WHOLE},                   /* of no family */
		{0x21, 0x31, 216, PROXY_WHOLE},                 /* of a socket of the host */
		{0x21, 0x11, 11, PROXY_BAD},                    /* too short for its family */
		{0x21, 0x21, 35, PROXY_BAD},                    /* likewise */
		{0x11, 0x11, 12, PROXY_BAD},                    /* of another version */
		{0x22, 0x11, 12, PROXY_BAD},                    /* an unknown command */
		{0x21, 0x11, PROXY_HEADER_MAX - 15, PROXY_BAD}, /* longer than anybody sends */
	};
	uint8_t b[PROXY_HEADER_MAX + 16];
	struct proxy_header h;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = version2(b, cases[i].command, cases[i].family, cases[i].length);
		assert_int_equal(parse(&h, b, n), cases[i].verdict);
		assert_false(h.has_from);
	}
	assert_int_equal(parse(&h, "\r\n\r\nGET / HTTP/1.1", 18), PROXY_ABSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_version_1_are_read),
		cmocka_unit_test(a_line_ends_within_107_bytes),
		cmocka_unit_test(headers_of_version_2_are_read),
		cmocka_unit_test(version_2_without_an_address_and_what_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
