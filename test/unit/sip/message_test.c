/* Messages as devices send them: what is understood of each, and what is wrong with others. */
#include "sip/message.h"
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

enum { BODY_MAX = 1000 };

static uint8_t bytes[20000];
static struct sip_message m;

static err parse(const char *text)
{
	size_t n = strlen(text);
	assert_true(n < sizeof(bytes));
	memcpy(bytes, text, n);
	return sip_parse(&m, bytes, n, BODY_MAX);
}

#define assert_span(said, text)                                                                    \
	do {                                                                                       \
		struct span s_ = (said);                                                           \
		if (!span_is(s_, text))                                                            \
			fail_msg("\"%.*s\" is not \"%s\"", (int)s_.n, (const char *)s_.p, text);   \
	} while (0)

static const char register_text[] =
	"REGISTER sip:34020000002000000001@3402000000 SIP/2.0\r\n"
	"Via: SIP/2.0/UDP 192.168.1.64:5060;rport;branch=z9hG4bK1606\r\n"
	"Route: <sip:34020000002000000001@1.2.3.4:5060;lr>\r\n"
	"From: <sip:34020000001320000001@3402000000>;tag=1606\r\n"
	"To: <sip:34020000001320000001@3402000000>\r\n"
	"Call-ID: 2078@192.168.1.64\r\n"
	"CSeq: 1 REGISTER\r\n"
	"Contact: <sip:34020000001320000001@192.168.1.64:5060>\r\n"
	"Max-Forwards: 70\r\n"
	"User-Agent: IP Camera\r\n"
	"Expires: 3600\r\n"
	"Content-Length: 0\r\n\r\n";

static void a_register_is_understood(void **state)
{
	(void)state;
	assert_int_equal(parse(register_text), OK);
	assert_true(m.is_request);
	assert_int_equal(m.method, SIP_REGISTER);
	assert_span(m.uri.user, "34020000002000000001");
	assert_span(m.uri.host, "3402000000");
	assert_int_equal(m.uri.port, 0);
	assert_int_equal(m.via.transport, SIP_UDP);
	assert_span(m.via.host, "192.168.1.64");
	assert_int_equal(m.via.port, 5060);
	assert_span(m.via.branch, "z9hG4bK1606");
	assert_true(m.via.has_rport);
	assert_int_equal(m.via.rport, 0);
	assert_span(m.via.received, "");
	assert_span(m.from.uri.user, "34020000001320000001");
	assert_span(m.from.tag, "1606");
	assert_span(m.to.uri.host, "3402000000");
	assert_span(m.to.tag, "");
	assert_span(m.call_id, "2078@192.168.1.64");
	assert_int_equal(m.cseq, 1);
	assert_int_equal(m.cseq_method, SIP_REGISTER);
	assert_true(m.has_contact && !m.contact_is_any);
	assert_span(m.contact.text, "sip:34020000001320000001@192.168.1.64:5060");
	assert_int_equal(m.contact.port, 5060);
	assert_int_equal(m.expires, 3600);
	assert_int_equal(m.body.n, 0);
	assert_int_equal(m.header_count, 11);
	assert_span(sip_header_value(&m, "user-agent"), "IP Camera");
	assert_span(sip_header_value(&m, "Date"), "");
}

static void short_names_folding_and_lists_are_understood(void **state)
{
	(void)state;
	assert_int_equal(parse("\r\n\r\nMESSAGE sip:a@h:5060;transport=tcp SIP/2.0\r\n"
			       "v: SIP / 2.0 / TCP [2001:db8::1]:5061 ;branch=z9hG4bKa;rport=77\r\n"
			       "\t;received=10.0.0.9, SIP/2.0/UDP other\r\n"
			       "VIA: SIP/2.0/UDP third;branch=x\r\n"
			       "f: \"A, \\\"<b>\" <sip:u:secret@h;x=y>;a=\"t;ag=1\";TAG=f1\r\n"
			       "t : sip:d@h;tag=t1\r\n"
			       "i: id\r\n"
			       "CSeq:   007\tMESSAGE\r\n"
			       "s:\r\n"
			       "m: <sip:one@h>;q=1;expires=60, <sip:two@h>\r\n"
			       "Expires: 3600\r\n"
			       "c: Application/MANSCDP+xml\r\n"
			       "l: 3\r\n\r\nabcd"),
			 OK);
	assert_int_equal(m.method, SIP_MESSAGE);
	assert_span(m.uri.text, "sip:a@h:5060;transport=tcp");
	assert_int_equal(m.uri.port, 5060);
	assert_int_equal(m.via.transport, SIP_TCP);
	assert_span(m.via.host, "[2001:db8::1]");
	assert_int_equal(m.via.port, 5061);
	assert_int_equal(m.via.rport, 77);
	assert_span(m.via.received, "10.0.0.9");
	assert_span(m.from.uri.user, "u");
	assert_span(m.from.uri.host, "h");
	assert_span(m.from.tag, "f1");
	assert_span(m.to.tag, "t1");
	assert_span(m.to.uri.text, "sip:d@h");
	assert_int_equal(m.cseq, 7);
	assert_span(sip_header_value(&m, "Subject"), "");
	assert_span(m.contact.user, "one");
	assert_int_equal(m.expires, 60);
	assert_span(m.content_type, "Application/MANSCDP+xml");
	assert_span(m.body, "abc");
	const struct sip_header *via = sip_header_next(&m, NULL, "Via");
	via = sip_header_next(&m, via, "Via");
	assert_span(via->value, "SIP/2.0/UDP third;branch=x");
	assert_null(sip_header_next(&m, via, "Via"));
}

static void a_response_is_understood(void **state)
{
	(void)state;
	assert_int_equal(parse("SIP/2.0 101 Dialog Establishment\r\nVia: SIP/2.0/TCP a;branch=b\r\n"
			       "From: <sip:a@b>\r\nTo: <sip:c@d:6>;tag=9\r\nCall-ID: 1\r\n"
			       "CSeq: 3 INVITE\r\nContact: *\r\nExpires: soon\r\n\r\nbody"),
			 OK);
	assert_false(m.is_request);
	assert_int_equal(m.status, 101);
	assert_span(m.reason, "Dialog Establishment");
	assert_int_equal(m.cseq_method, SIP_INVITE);
	assert_true(m.contact_is_any && !m.has_contact);
	assert_int_equal(m.expires, -1);
	assert_span(m.body, "body"); /* of a datagram without a length */
	assert_int_equal(
		parse("SIP/2.0 200\r\nVia: SIP/2.0/TCP a\r\nFrom: sip:a@b\r\nTo: sip:c@d\r\n"
		      "Call-ID: 1\r\nCSeq: 3 FOO\r\nExpires: 99999999999999999999\r\n\r\n"),
		OK);
	assert_int_equal(m.expires, INT32_MAX);
	assert_int_equal(m.cseq_method, SIP_OTHER);
	assert_span(m.cseq_method_name, "FOO");
	assert_span(m.reason, "");
}

/* The well-formed message with one line instead of another; NULL: without it. */
static err with(const char *former, const char *line)
{
	char text[20000];
	const char *at = strstr(register_text, former), *end = strstr(at, "\r\n") + 2;
	snprintf(text, sizeof(text), "%.*s%s%s%s", (int)(at - register_text), register_text,
		 line ? line : "", line ? "\r\n" : "", end);
	return parse(text);
}

static void what_is_malformed_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *former, *line, *why;
	} cases[] = {
		{"REGISTER", "REGISTER sip:a@b SIP/1.0", "begins like no message"},
		{"REGISTER", "REGISTER  sip:a@b SIP/2.0", "begins like no message"},
		{"REGISTER", "GET / HTTP/1.1", "begins like no message"},
		{"REGISTER", "REGISTER tel:123 SIP/2.0", "not one of SIP"},
		{"REGISTER", "REGISTER sip:a@ SIP/2.0", "without a valid host"},
		{"REGISTER", "REGISTER sip:a@h:0 SIP/2.0", "without a valid host"},
		{"REGISTER", "REGISTER sip:a@h:65536 SIP/2.0", "without a valid host"},
		{"REGISTER", "REGISTER sip:a@[::1 SIP/2.0", "without a valid host"},
		{"REGISTER", "REGISTER sip:a@[::1]x SIP/2.0", "without a valid host"},
		{"REGISTER", "REGISTER sip:<a>@h SIP/2.0", "a space, a quote or a bracket"},
		{"REGISTER", "INVITE sip:a@b SIP/2.0", "CSeq names another method"},
		{"REGISTER", "SIP/2.0 99 x", "without a valid status"},
		{"REGISTER", "SIP/2.0 700 x", "without a valid status"},
		{"REGISTER", "SIP/2.0 0200 x", "without a valid status"},
		{"Via", NULL, "no Via"},
		{"Via", "Via: SIP/3.0/UDP a;branch=b", "not of SIP/2.0"},
		{"Via", "Via: SIP/2.0/UDP ;branch=b", "Via without a valid host"},
		{"Via", "Via: SIP/2.0/UDP a b;branch=b", "Via without a valid host"},
		{"From", NULL, "no From"},
		{"From", "From: <sip:a@b>", "From has no tag"},
		{"From", "From: <sip:a@b;tag=1", "not closed"},
		{"From", "From: \"<sip:a@b>;tag=1", "From: not one address"},
		{"From", "From: a\" <sip:a@b>;tag=1", "From: not one address"},
		{"From", "From: <sip:a@b>;x=\"\\\";tag=1", "From: not one address"},
		{"To", "To: sip:a,b@c", "To: not one address"},
		{"To", "To: <sip:a@c>,", "To: not one address"},
		{"Via", "Via: SIP/2.0/UDP a;branch=\"b", "a quote that is not closed"},
		{"From", "From: <sip:a@b> x;tag=1", "no parameter"},
		{"From", "From: <sip:a@b>;tag=\"1 2\"", "no token"},
		{"To", "To:", "no To"},
		{"To", "To: <sip:a@b>\r\nt: <sip:a@b>", "more than one To"},
		{"To", "To: c@d", "To: a URI that is not one of SIP"},
		{"To", "To: <sip:a@b>;tag=;tag=1", "To: a tag that is no token"},
		{"To", "To: <sip:a@b>;tag<1", "To: a second bracket"},
		{"From", "From: <sip:a@b>;x=<y>;tag=1", "From: a second bracket"},
		{"Call-ID", "Call-ID: a b", "with spaces"},
		{"Call-ID", "Call-ID", "no header"},
		{"CSeq", "CSeq: REGISTER", "not a number and a method"},
		{"CSeq", "CSeq: 2147483648 REGISTER", "not a number and a method"},
		{"CSeq", "CSeq: 1", "not a number and a method"},
		{"Contact", "Contact: <mailto:a@b>", "Contact: a URI"},
		{"User-Agent", "User-Agent: \x01", "control characters"},
		{"User-Agent", "User-Agent: a\nb", "control characters"},
		{"User-Agent", "User Agent: a", "without a valid name"},
		{"User-Agent", ": a", "without a valid name"},
		{"Content-Length", "Content-Length: 1", "0 bytes of a body of 1"},
		{"Content-Length", "Content-Length: -1", "no length"},
		{"Content-Length", "Content-Length: 0\r\nl: 0", "more than one Content-Length"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(with(cases[i].former, cases[i].line), ERR_PROTOCOL);
		if (!strstr(err_trail(ERR_PROTOCOL), cases[i].why))
			fail_msg("%s: \"%s\"", cases[i].line, err_trail(ERR_PROTOCOL));
	}
	assert_int_equal(parse(""), ERR_PROTOCOL);
	assert_int_equal(parse("\r\n\r\n"), ERR_PROTOCOL);
	/* A line in front of the first header is not a part of the start line. */
	assert_int_equal(parse("REGISTER sip:a@b SIP/2.0\r\n Via: x\r\n\r\n"), ERR_PROTOCOL);
	for (size_t n = 0; n + 2 < sizeof(register_text); n++) {
		memcpy(bytes, register_text, n);
		assert_int_equal(sip_parse(&m, bytes, n, BODY_MAX), ERR_PROTOCOL);
	}
}

static void what_is_too_long_is_refused(void **state)
{
	(void)state;
	static char text[20000];
	snprintf(text, sizeof(text), "X: %0*d", SIP_HEAD_MAX, 0);
	assert_int_equal(with("User-Agent", text), ERR_LIMIT);
	size_t n = 0;
	for (int i = 0; i < SIP_HEADERS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "X: %d\r\n", i);
	assert_int_equal(with("User-Agent", text), ERR_LIMIT);
	snprintf(text, sizeof(text), "%s%0*d", register_text, BODY_MAX + 1, 0);
	assert_int_equal(parse(text), OK); /* beyond its length there is nothing */
	assert_int_equal(m.body.n, 0);
	char *at = strstr(text, "Content-Length");
	memcpy(at, "Content_Length", 14);
	assert_int_equal(parse(text), ERR_LIMIT);
}

static void a_head_may_be_as_long_as_its_limit(void **state)
{
	(void)state;
	static char text[20000];
	size_t n = strlen(register_text) - strlen("User-Agent: IP Camera");
	snprintf(text, sizeof(text), "X: %0*d", (int)(SIP_HEAD_MAX - n - 3), 0);
	assert_int_equal(with("User-Agent", text), OK);
	snprintf(text, sizeof(text), "X: %0*d", (int)(SIP_HEAD_MAX - n - 2), 0);
	assert_int_equal(with("User-Agent", text), ERR_LIMIT);
}

/* ---- streams ---- */

static const char stream[] = "\r\n\r\nOPTIONS sip:a@b SIP/2.0\r\nX: 1\r\nl\t:\r\n 5\r\n\r\nhello";

static void a_message_of_a_stream_is_found_in_any_cut(void **state)
{
	(void)state;
	struct sip_frame frame;
	size_t head = strlen(stream) - 4 - 5;
	for (size_t n = 0; n < sizeof(stream); n++) {
		memcpy(bytes, stream, n);
		assert_int_equal(sip_frame(&frame, bytes, n, BODY_MAX), OK);
		assert_int_equal(frame.skip, n < 4 ? n : 4);
		assert_int_equal(frame.length, n < 4 + head ? 0 : head + 5);
	}
}

static void a_stream_without_a_length_has_no_messages(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		err e;
	} cases[] = {
		{"OPTIONS sip:a@b SIP/2.0\r\n\r\n", ERR_PROTOCOL},
		{"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: \r\n\r\n", ERR_PROTOCOL},
		{"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 1\r\nl: 1\r\n\r\n", ERR_PROTOCOL},
		{"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: x\r\n\r\n", ERR_PROTOCOL},
		{"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 1001\r\n\r\n", ERR_LIMIT},
		{"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 99999999999\r\n\r\n", ERR_PROTOCOL},
		{"OPTIONS sip:a@b SIP/2.0\r\nfoo\r\n\r\n", ERR_PROTOCOL},
		{"\x16\x03\x01\r\n\r\n", ERR_PROTOCOL},
		{"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 1000\r\n\r\n", OK},
	};
	struct sip_frame frame;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = strlen(cases[i].text);
		memcpy(bytes, cases[i].text, n);
		assert_int_equal(sip_frame(&frame, bytes, n, BODY_MAX), cases[i].e);
	}
	memset(bytes, 'x', sizeof(bytes));
	assert_int_equal(sip_frame(&frame, bytes, SIP_HEAD_MAX - 1, BODY_MAX), OK);
	assert_int_equal(sip_frame(&frame, bytes, SIP_HEAD_MAX, BODY_MAX), ERR_LIMIT);
}

/* Each blank line of 8 KB could be looked through once for each of its lines. */
static void folding_takes_no_longer_than_reading(void **state)
{
	(void)state;
	size_t n =
		(size_t)snprintf((char *)bytes, sizeof(bytes), "OPTIONS sip:a@b SIP/2.0\r\nX: 1");
	while (n + 7 < SIP_HEAD_MAX) {
		memcpy(bytes + n, "\r\n ", 3);
		n += 3;
	}
	memcpy(bytes + n, "\r\n\r\n", 4);
	struct sip_frame frame;
	assert_int_equal(sip_frame(&frame, bytes, n + 4, BODY_MAX), ERR_PROTOCOL);
	assert_non_null(strstr(err_trail(ERR_PROTOCOL), "no Content-Length"));
}

static void names_are_names(void **state)
{
	(void)state;
	for (int i = SIP_REGISTER; i <= SIP_NOTIFY; i++)
		assert_int_equal(sip_method_of(span_str(sip_method_name(i))), i);
	assert_int_equal(sip_method_of(span_str("register")), SIP_OTHER);
	assert_string_equal(sip_method_name(SIP_OTHER), "");
	assert_string_equal(sip_transport_name(SIP_UDP), "UDP");
	assert_string_equal(sip_transport_name(SIP_TCP), "TCP");
	assert_string_equal(sip_transport_name(SIP_NO_TRANSPORT), "");
	assert_string_equal(sip_status_text(486), "Busy Here");
	assert_string_equal(sip_status_text(299), "");
}

int main(void)
{
#define T(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		T(a_register_is_understood),
		T(short_names_folding_and_lists_are_understood),
		T(a_response_is_understood),
		T(what_is_malformed_is_refused),
		T(what_is_too_long_is_refused),
		T(a_head_may_be_as_long_as_its_limit),
		T(a_message_of_a_stream_is_found_in_any_cut),
		T(a_stream_without_a_length_has_no_messages),
		T(folding_takes_no_longer_than_reading),
		T(names_are_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
