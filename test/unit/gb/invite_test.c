/* What devices are offered, and what they answer. */
#include "gb/invite.h"
#include "support/unit.h"

#include <string.h>

static void an_offer_says_where_media_is_to_go(void **state)
{
	(void)state;
	struct buf out = {.max = 4096};
	struct gb_offer o = {.owner = "34020000001320000001",
			     .ip = "192.0.2.1",
			     .port = 9000,
			     .ssrc = 200001858};
	gb_offer_write(&out, &o);
	assert_string_equal(buf_text(&out),
			    "v=0\r\no=34020000001320000001 0 0 IN IP4 192.0.2.1\r\ns=Play\r\n"
			    "c=IN IP4 192.0.2.1\r\nt=0 0\r\nm=video 9000 TCP/RTP/AVP 96\r\n"
			    "a=recvonly\r\na=rtpmap:96 PS/90000\r\na=setup:passive\r\n"
			    "a=connection:new\r\ny=0200001858\r\n");
	buf_clear(&out);
	o.media = GB_MEDIA_TCP_ACTIVE;
	gb_offer_write(&out, &o);
	assert_non_null(strstr(buf_text(&out), "a=setup:active\r\n"));
	buf_clear(&out);
	o.media = GB_MEDIA_UDP;
	o.ip = "2001:db8::1";
	gb_offer_write(&out, &o);
	assert_non_null(strstr(buf_text(&out), "m=video 9000 RTP/AVP 96\r\n"));
	assert_non_null(strstr(buf_text(&out), "c=IN IP6 2001:db8::1\r\n"));
	assert_null(strstr(buf_text(&out), "a=setup"));
	buf_clear(&out);
	gb_subject_write(&out, "34020000001320000002", 200001858, "34020000002000000001");
	assert_string_equal(buf_text(&out),
			    "34020000001320000002:0200001858,34020000002000000001:0");
	buf_free(&out);
}

static void an_answer_says_what_the_device_does(void **state)
{
	(void)state;
	struct gb_answer a;
	gb_answer_read(
		&a,
		span_str("v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\nc=IN IP4 192.0.2.7\r\n"
			 "m=video 15060 TCP/RTP/AVP 96\r\na=setup:active\r\ny= 0100000007\r\n"));
	assert_true(a.has_ssrc);
	assert_int_equal(a.ssrc, 100000007);
	assert_string_equal(a.ip, "192.0.2.7");
	assert_int_equal(a.port, 15060);
}

static void answers_that_make_no_sense_say_nothing(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"\r\n\r\n",
		"y=",
		"y=0",
		"y=99999999999",
		"y=x\nc=IN IP4\nm=video\nm=video 0 RTP/AVP 96\nm=audio 5 x",
		"c=IN IP4 not-an-address\r\nm=video 70000 x",
		"c=IN IP4 0.0.0.0",
		"c=IP4 192.0.2.7",
		"=\r\ny\r\n===",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct gb_answer a;
		gb_answer_read(&a, span_str(texts[i]));
		assert_false(a.has_ssrc);
		assert_string_equal(a.ip, "");
		assert_int_equal(a.port, 0);
	}
}

static void an_ssrc_is_made_of_the_servers_id(void **state)
{
	(void)state;
	assert_int_equal(gb_ssrc("34020000002000000001", 1858), 200001858);
	assert_int_equal(gb_ssrc("34020000002000000001", 11858), 200001858);
	assert_int_equal(gb_ssrc("short", 7), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_offer_says_where_media_is_to_go),
		cmocka_unit_test(an_answer_says_what_the_device_does),
		cmocka_unit_test(answers_that_make_no_sense_say_nothing),
		cmocka_unit_test(an_ssrc_is_made_of_the_servers_id),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
