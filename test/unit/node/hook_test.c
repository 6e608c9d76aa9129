#include "node/hook.h"
#include "support/unit.h"

struct answer {
	int status;
	const char *body;
	enum hook_verdict verdict;
	const char *why; /* a part of it */
};

/* SRS's rules, and what of the rest is a refusal and what is no answer. */
static const struct answer answers[] = {
	{200, "0", HOOK_ALLOWED, ""},
	{201, "0", HOOK_ALLOWED, ""},
	{200, "0\r\n", HOOK_ALLOWED, ""},
	{200, "{\"code\":0}", HOOK_ALLOWED, ""},
	{200, " {\"code\": 0, \"data\": null} ", HOOK_ALLOWED, ""},
	{200, "1", HOOK_REFUSED, "code 1"},
	{200, "-1\n", HOOK_REFUSED, "code -1"},
	{200, "{\"code\":7}", HOOK_REFUSED, "code 7"},
	{200, "{\"code\":7,\"msg\":\"no money\"}", HOOK_REFUSED, "no money"},
	{200, "{\"code\":7,\"reason\":\"a\\r\\nb\\u0007\"}", HOOK_REFUSED, "a  b "},
	{401, "", HOOK_REFUSED, "status 401"},
	{403, "{\"code\":0}", HOOK_REFUSED, "status 403"},
	{200, "", HOOK_NO_ANSWER, "neither"},
	{200, "\"0\"", HOOK_NO_ANSWER, "neither"},
	{200, "{}", HOOK_NO_ANSWER, "no integer code"},
	{200, "{\"code\":\"0\"}", HOOK_NO_ANSWER, "no integer code"},
	{200, "{\"code\":0.0}", HOOK_NO_ANSWER, "no integer code"},
	{200, "[0]", HOOK_NO_ANSWER, "neither"},
	{200, "0x", HOOK_NO_ANSWER, "neither"},
	{200, "<html>", HOOK_NO_ANSWER, "neither"},
	{204, "", HOOK_NO_ANSWER, "status 204"},
	{302, "0", HOOK_NO_ANSWER, "status 302"},
	{500, "{\"code\":0}", HOOK_NO_ANSWER, "status 500"},
};

static void answers_mean_what_they_mean_to_srs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		const struct answer *a = &answers[i];
		char why[HOOK_WHY_MAX] = "";
		enum hook_verdict verdict = hook_verdict_of(a->status, span_str(a->body), why);
		if (verdict != a->verdict || !strstr(why, a->why))
			fail_msg("%d %s: %d, %s", a->status, a->body, verdict, why);
	}
}

static void a_long_sentence_is_cut_between_characters(void **state)
{
	char body[1024] = "{\"code\":1,\"msg\":\"a", why[HOOK_WHY_MAX];
	(void)state;
	for (int i = 0; i < 200; i++)
		strcat(body, "\xc3\xa9");
	strcat(body, "\"}");
	assert_int_equal(hook_verdict_of(200, span_str(body), why), HOOK_REFUSED);
	assert_int_equal(strlen(why) % 2, 1);
	assert_true(strlen(why) >= HOOK_WHY_MAX - 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_mean_what_they_mean_to_srs),
		cmocka_unit_test(a_long_sentence_is_cut_between_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
