#include "sip/dialog.h"
#include "support/unit.h"

#include <stdio.h>

static uint8_t bytes[4000];
static struct sip_message m;

static void parse(const char *text)
{
	size_t n = strlen(text);
	memcpy(bytes, text, n);
	assert_int_equal(sip_parse(&m, bytes, n, 0), OK);
}

static void no_two_dialogs_are_alike(void **state)
{
	(void)state;
	struct sip_dialog a, b;
	assert_int_equal(sip_dialog_begin(&a, "sip:s@d", "sip:c@d"), OK);
	assert_int_equal(sip_dialog_begin(&b, "sip:s@d", "sip:c@d"), OK);
	assert_string_not_equal(a.call_id, b.call_id);
	assert_string_not_equal(a.local_tag, b.local_tag);
	assert_string_equal(a.target, "sip:c@d");
	assert_string_equal(a.remote_tag, "");
}

static void an_answer_makes_the_dialog_whole(void **state)
{
	(void)state;
	struct sip_dialog d;
	char text[1000];
	assert_int_equal(sip_dialog_begin(&d, "sip:s@d", "sip:c@d"), OK);
	snprintf(text, sizeof(text),
		 "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:s@d>;tag=%s\r\n"
		 "To: <sip:c@d>;tag=dev\r\nCall-ID: %s\r\nCSeq: 1 INVITE\r\n"
		 "Contact: \"x\" <sip:c@10.0.0.7:5060;ob>;q=1\r\n\r\n",
		 d.local_tag, d.call_id);
	parse(text);
	assert_int_equal(sip_dialog_take(&d, &m), OK);
	assert_string_equal(d.remote_tag, "dev");
	assert_string_equal(d.target, "sip:c@10.0.0.7:5060;ob");
	static const struct {
		const char *from_tag, *to_tag, *call_id;
		bool has;
	} cases[] = {{"dev", NULL, NULL, true},
		     {"DEV", NULL, NULL, false},
		     {"dev", "x", NULL, false},
		     {"dev", NULL, "other", false}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text),
			 "BYE sip:s@d SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:c@d>;tag=%s\r\n"
			 "To: <sip:s@d>;tag=%s\r\nCall-ID: %s\r\nCSeq: 9 BYE\r\n\r\n",
			 cases[i].from_tag, cases[i].to_tag ? cases[i].to_tag : d.local_tag,
			 cases[i].call_id ? cases[i].call_id : d.call_id);
		parse(text);
		assert_int_equal(sip_dialog_has(&d, &m), cases[i].has);
	}
}

static void texts_have_a_limit(void **state)
{
	(void)state;
	struct sip_dialog d;
	char uri[SIP_ID_MAX + 1], text[2000];
	snprintf(uri, sizeof(uri), "sip:%0*d", SIP_ID_MAX - 5, 0);
	assert_int_equal(sip_dialog_begin(&d, uri, "sip:c@d"), OK);
	snprintf(uri, sizeof(uri), "sip:%0*d", SIP_ID_MAX - 4, 0);
	assert_int_equal(sip_dialog_begin(&d, uri, "sip:c@d"), ERR_LIMIT);
	assert_int_equal(sip_dialog_begin(&d, "sip:c@d", uri), ERR_LIMIT);
	assert_int_equal(sip_dialog_begin(&d, "sip:c@d", "sip:e@f"), OK);
	snprintf(text, sizeof(text),
		 "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:s@d>;tag=1\r\n"
		 "To: <sip:c@d>;tag=dev\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContact: <%s>\r\n\r\n",
		 uri);
	parse(text);
	assert_int_equal(sip_dialog_take(&d, &m), ERR_LIMIT);
	assert_string_equal(d.remote_tag, "");
	assert_string_equal(d.target, "sip:e@f");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_two_dialogs_are_alike),
		cmocka_unit_test(an_answer_makes_the_dialog_whole),
		cmocka_unit_test(texts_have_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
