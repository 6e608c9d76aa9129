/* Session descriptions as lines. */
#include "base/mem.h"
#include "codec/sdp.h"
#include "support/unit.h"

#include <stdlib.h>

static const char text[] = "v=0\r\n"
			   "o=- 1 2 IN IP4 127.0.0.1\r\n"
			   "s=-\n"
			   "t=0 0\r\n"
			   "a=group:BUNDLE 0 1\r\n"
			   "a=setup:actpass\r\n"
			   "m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\n"
			   "c=IN IP4 0.0.0.0\r\n"
			   "a=mid:0\r\n"
			   "a=rtcp-mux \r\n"
			   "a=rtpmap:111 opus/48000/2\r\n"
			   "a=rtpmap:63 red/48000/2\r\n"
			   "\r\n"
			   "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"
			   "a=mid:1\r\n"
			   "a=setup:active";

static void lines_belong_to_the_session_or_to_a_section(void **state)
{
	(void)state;
	struct sdp sdp;
	assert_int_equal(sdp_parse(&sdp, span_str(text)), OK);
	assert_int_equal(sdp.count, 2);
	const struct sdp_section *a = &sdp.sections[0], *b = &sdp.sections[1];
	assert_true(span_is(a->kind, "audio") && a->port == 9);
	assert_true(span_is(a->protocol, "UDP/TLS/RTP/SAVPF") && span_is(a->formats, "111 63"));
	assert_true(span_is(b->formats, "webrtc-datachannel") && b->port == 0);
	assert_true(span_is(sdp_value(&sdp, a, "setup"), "actpass"));
	assert_true(span_is(sdp_value(&sdp, b, "setup"), "active"));
	assert_int_equal(sdp_value(&sdp, b, "ice-ufrag").n, 0);
	assert_true(sdp_has(&a->attrs, "rtcp-mux") && !sdp_has(&b->attrs, "rtcp-mux"));
	const struct sdp_attr *first = sdp_attr_next(&a->attrs, NULL, "rtpmap");
	const struct sdp_attr *second = sdp_attr_next(&a->attrs, first, "rtpmap");
	assert_true(span_is(second->value, "63 red/48000/2"));
	assert_null(sdp_attr_next(&a->attrs, second, "rtpmap"));
	sdp_fini(&sdp);
}

static void words_are_taken_off_one_by_one(void **state)
{
	(void)state;
	struct span s = span_str("  111 opus/48000 ");
	assert_true(span_is(sdp_word(&s), "111"));
	assert_true(span_is(sdp_word(&s), "opus/48000"));
	assert_int_equal(sdp_word(&s).n, 0);
	assert_int_equal(span_number(span_str("127"), 127), 127);
	assert_int_equal(span_number(span_str("128"), 127), -1);
	assert_int_equal(span_number(span_str("12x"), 127), -1);
	assert_int_equal(span_number(span_str(""), 127), -1);
	assert_int_equal(span_number(span_str("99999999999999999999999"), 127), -1);
	struct span fmtp = span_str("level-asymmetry-allowed=1; Packetization-Mode=1 ;apt=96");
	assert_true(span_is(sdp_parameter(fmtp, "packetization-mode"), "1"));
	assert_true(span_is(sdp_parameter(fmtp, "apt"), "96"));
	assert_int_equal(sdp_parameter(fmtp, "mode").n, 0);
}

static const struct {
	const char *what, *text;
	err code;
} bad[] = {
	{"nothing", "", ERR_PROTOCOL},
	{"another format", "{\"sdp\":1}", ERR_PROTOCOL},
	{"a line without a type", "v=0\r\nhello\r\n", ERR_PROTOCOL},
	{"a line of one byte", "v=0\r\na\r\n", ERR_PROTOCOL},
	{"an attribute without a name", "v=0\r\na=:x\r\n", ERR_PROTOCOL},
	{"a return within a line", "v=0\r\na=x:1\ra=y:2\r\n", ERR_PROTOCOL},
	{"a media line without formats", "v=0\r\nm=audio 9 RTP/SAVPF\r\n", ERR_PROTOCOL},
	{"a port that is none", "v=0\r\nm=audio 65536 RTP/SAVPF 1\r\n", ERR_PROTOCOL},
};

static void what_is_malformed_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sdp sdp;
		if (sdp_parse(&sdp, span_str(bad[i].text)) != bad[i].code)
			fail_msg("%s was taken", bad[i].what);
		sdp_fini(&sdp);
	}
}

static err parse_many(const char *head, const char *each, int count, size_t pad)
{
	struct sdp sdp;
	struct buf b = {.max = 4 * SDP_BYTES_MAX};
	buf_printf(&b, "%s", head);
	for (int i = 0; i < count; i++)
		buf_printf(&b, "%s", each);
	for (size_t i = 0; i < pad; i++)
		buf_u8(&b, '\n');
	err e = sdp_parse(&sdp, buf_span(&b));
	sdp_fini(&sdp);
	buf_free(&b);
	return e;
}

static void there_are_limits(void **state)
{
	(void)state;
	const char *section = "m=audio 9 X 1\r\n", *attr = "a=x\r\n";
	assert_int_equal(parse_many("v=0\r\n", section, SDP_SECTIONS_MAX, 0), OK);
	assert_int_equal(parse_many("v=0\r\n", section, SDP_SECTIONS_MAX + 1, 0), ERR_LIMIT);
	assert_int_equal(parse_many("v=0\r\n", attr, SDP_ATTRS_MAX, 0), OK);
	assert_int_equal(parse_many("v=0\r\n", attr, SDP_ATTRS_MAX + 1, 0), ERR_LIMIT);
	assert_int_equal(parse_many("v=0\r\nm=audio 9 X", " 1", SDP_FORMATS_MAX, 0), OK);
	assert_int_equal(parse_many("v=0\r\nm=audio 9 X", " 1", SDP_FORMATS_MAX + 1, 0), ERR_LIMIT);
	assert_int_equal(parse_many("v=0\r\n", attr, 1, SDP_BYTES_MAX), ERR_LIMIT);
}

static void lines_are_written_with_their_ends(void **state)
{
	(void)state;
	char *large = mem_zalloc(2000);
	struct buf b = {.max = 4096};
	sdp_write(&b, "a=mid:%d", 7);
	assert_string_equal(buf_text(&b), "a=mid:7\r\n");
	memset(large, 'x', 1999);
	sdp_write(&b, "a=%s", large);
	assert_false(buf_ok(&b));
	buf_free(&b);
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_belong_to_the_session_or_to_a_section),
		cmocka_unit_test(words_are_taken_off_one_by_one),
		cmocka_unit_test(what_is_malformed_is_refused),
		cmocka_unit_test(there_are_limits),
		cmocka_unit_test(lines_are_written_with_their_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
