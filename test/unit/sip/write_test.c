/* What is written, byte by byte, and that a parser takes it. */
#include "sip/write.h"
#include "support/unit.h"

#include <stdio.h>

static uint8_t bytes[20000];
static struct sip_message m;
static struct buf out;

static int setup(void **state)
{
	(void)state;
	out = (struct buf){.max = sizeof(bytes)};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buf_free(&out);
	return 0;
}

static void parse(const char *text)
{
	size_t n = strlen(text);
	memcpy(bytes, text, n);
	assert_int_equal(sip_parse(&m, bytes, n, sizeof(bytes)), OK);
}

static struct addr peer(const char *ip)
{
	struct addr addr;
	assert_true(addr_literal(&addr, ip, 40000));
	return addr;
}

/* What is answered to a request with that Via, up to From. */
static const char *answered_via(const char *via, const char *ip)
{
	static char text[1000];
	struct addr from = peer(ip);
	snprintf(text, sizeof(text),
		 "OPTIONS sip:a@b SIP/2.0\r\n%s\r\nFrom: <sip:x@y>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n"
		 "Call-ID: c\r\nCSeq: 5 OPTIONS\r\n\r\n",
		 via);
	parse(text);
	buf_clear(&out);
	sip_write_response(&out, &m, &(struct sip_answer){.status = 200}, &from, "T", NULL);
	assert_true(buf_ok(&out));
	snprintf(text, sizeof(text), "%s", buf_text(&out) + strlen("SIP/2.0 200 OK\r\n"));
	*strstr(text, "\r\nFrom: ") = '\0';
	return text;
}

static void an_answer_goes_back_the_way_of_its_request(void **state)
{
	(void)state;
	static const struct {
		const char *via, *ip, *want;
	} cases[] = {
		{"Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9", "10.0.0.1",
		 "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9"},
		{"Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9", "10.0.0.2",
		 "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9;received=10.0.0.2"},
		{"v: SIP/2.0/UDP 10.0.0.1;rport;branch=z9", "10.0.0.1",
		 "Via: SIP/2.0/UDP 10.0.0.1;branch=z9;received=10.0.0.1;rport=40000"},
		{"Via: SIP/2.0/TCP host; received=6.6.6.6 ; branch=z9;rport=1", "::1",
		 "Via: SIP/2.0/TCP host;branch=z9;received=::1;rport=40000"},
		{"Via: SIP/2.0/TCP [::1];branch=z9", "::1", "Via: SIP/2.0/TCP [::1];branch=z9"},
		{"Via: SIP/2.0/UDP a;branch=1, SIP/2.0/UDP b;rport\r\nv: SIP/2.0/UDP c", "1.2.3.4",
		 "Via: SIP/2.0/UDP a;branch=1;received=1.2.3.4, SIP/2.0/UDP b;rport\r\n"
		 "Via: SIP/2.0/UDP c"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(answered_via(cases[i].via, cases[i].ip), cases[i].want);
}

static void an_answer_says_what_the_request_said(void **state)
{
	(void)state;
	struct addr from = peer("10.0.0.1");
	struct sip_answer answer = {.status = 401,
				    .headers = "WWW-Authenticate: x\r\nDate: 2026\r\n",
				    .content_type = "text/plain",
				    .body = span_str("hello")};
	parse("REGISTER sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1\r\nf: <sip:x@y>;tag=1\r\n"
	      "t: \"N\" <sip:a@b>\r\ni: c\r\nCSeq: 5 REGISTER\r\n\r\n");
	sip_write_response(&out, &m, &answer, &from, "T", "agent");
	assert_string_equal(buf_text(&out),
			    "SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP 10.0.0.1\r\n"
			    "From: <sip:x@y>;tag=1\r\nTo: \"N\" <sip:a@b>;tag=T\r\nCall-ID: c\r\n"
			    "CSeq: 5 REGISTER\r\nUser-Agent: agent\r\nWWW-Authenticate: x\r\n"
			    "Date: 2026\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n"
			    "hello");
}

static void a_request_is_one_that_can_be_parsed(void **state)
{
	(void)state;
	struct sip_outline r = {
		.method = "INVITE",
		.uri = "sip:c@1.2.3.4:5060",
		.transport = SIP_TCP,
		.sent_by = "9.9.9.9:5060",
		.branch = "z9hG4bKq",
		.from_uri = "sip:s@d",
		.from_tag = "ft",
		.to_uri = "sip:c@d",
		.to_tag = "",
		.call_id = "id",
		.cseq = 20,
		.contact = "sip:s@9.9.9.9:5060",
		.agent = "A",
		.headers = "Subject: c:1,s:0\r\n",
		.content_type = "Application/SDP",
		.body = span_str("v=0\r\n"),
	};
	sip_write_request(&out, &r);
	assert_string_equal(
		buf_text(&out),
		"INVITE sip:c@1.2.3.4:5060 SIP/2.0\r\nVia: SIP/2.0/TCP "
		"9.9.9.9:5060;rport;branch=z9hG4bKq\r\n"
		"From: <sip:s@d>;tag=ft\r\nTo: <sip:c@d>\r\nCall-ID: id\r\nCSeq: 20 INVITE\r\n"
		"Max-Forwards: 70\r\nContact: <sip:s@9.9.9.9:5060>\r\nUser-Agent: A\r\n"
		"Subject: c:1,s:0\r\nContent-Type: Application/SDP\r\nContent-Length: "
		"5\r\n\r\nv=0\r\n");
	parse(buf_text(&out));
	assert_true(span_is(m.via.branch, "z9hG4bKq"));
	r.to_tag = "tt";
	r.contact = r.agent = r.headers = r.content_type = NULL;
	r.body = (struct span){0};
	buf_clear(&out);
	sip_write_request(&out, &r);
	parse(buf_text(&out));
	assert_true(span_is(m.to.tag, "tt") && !m.has_contact && m.header_count == 7);
}

static void nothing_can_begin_another_line(void **state)
{
	(void)state;
	struct addr from = peer("10.0.0.1");
	static const char *const bad[] = {"X: a\r\nb\r\n",  "X: a", "X a\r\n",      ": a\r\n",
					  "X: a\nY: b\r\n", "\r\n", "X: a\r\n\r\n", "X y: a\r\n"};
	struct sip_outline r = {.method = "BYE",
				.uri = "sip:a@b\r\nX: 1",
				.sent_by = "h\r\n\r\n",
				.branch = "z",
				.from_uri = "sip:a@b>\r\n",
				.from_tag = "1\n",
				.to_uri = "sip:c@d",
				.to_tag = "\x01",
				.call_id = "c\r"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(sip_lines_ok(bad[i]));
	assert_true(sip_lines_ok(""));
	assert_true(sip_lines_ok("X: a\r\nY-Z:\tb\r\n"));
	r.headers = "Evil: 1\r\n\r\nx";
	sip_write_request(&out, &r);
	assert_null(strstr(buf_text(&out), "Evil"));
	assert_non_null(strstr(buf_text(&out), "BYE sip:a@bX: 1 SIP/2.0\r\n"));
	assert_non_null(strstr(buf_text(&out), "Call-ID: c\r\n"));
	buf_clear(&out);
	parse("OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1\r\nf: <sip:x@y>;tag=1\r\n"
	      "t: <sip:a@b>\r\ni: c\r\nCSeq: 5 OPTIONS\r\n\r\n");
	sip_write_response(&out, &m,
			   &(struct sip_answer){.status = 299, .reason = "a\r\nb", .headers = "X"},
			   &from, "T", NULL);
	assert_non_null(strstr(buf_text(&out), "SIP/2.0 299 ab\r\nVia"));
	assert_null(strstr(buf_text(&out), "X"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(an_answer_goes_back_the_way_of_its_request),
		T(an_answer_says_what_the_request_said),
		T(a_request_is_one_that_can_be_parsed),
		T(nothing_can_begin_another_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
