/* What other servers answer is theirs to choose: only what can be used is taken. */
#include "cluster/coworker_answer.h"
#include "support/unit.h"

#include <string.h>

#define HERE(origin)                                                                               \
	"{\"code\":0,\"data\":{\"server\":\"vid-1\",\"service\":\"abc\",\"origin\":" origin "}}"

static const struct {
	const char *text;
	err e;
	const char *rtmp, *http;
} answers[] = {
	/* as SRS has it */
	{"{\"code\":0,\"data\":{\"origin\":{\"ip\":\"10.0.0.7\",\"port\":1935}}}", OK,
	 "10.0.0.7:1935", ""},
	{HERE("{\"ip\":\"o.test\",\"port\":1936,\"http\":\"o.test:8080\"}"), OK, "o.test:1936",
	 "o.test:8080"},
	{HERE("{\"ip\":\"fd00::1\",\"port\":1935,\"http\":\"o.test\"}"), OK, "[fd00::1]:1935",
	 "o.test:80"},
	/* an address for HTTP that is none is left out */
	{HERE("{\"ip\":\"o.test\",\"port\":1935,\"http\":\"o/test:80\"}"), OK, "o.test:1935", ""},
	{HERE("{\"ip\":\"o.test\",\"port\":1935,\"http\":80}"), OK, "o.test:1935", ""},
	/* not here */
	{HERE("null"), ERR_NOTFOUND, "", ""},
	{"{\"code\":0}", ERR_NOTFOUND, "", ""},
	/* it would be a part of a URL */
	{HERE("{\"ip\":\"o.test/x\",\"port\":1935}"), ERR_NOTFOUND, "", ""},
	{HERE("{\"ip\":\"\",\"port\":1935}"), ERR_NOTFOUND, "", ""},
	{HERE("{\"ip\":\"o.test\",\"port\":0}"), ERR_NOTFOUND, "", ""},
	{HERE("{\"ip\":\"o.test\",\"port\":65536}"), ERR_NOTFOUND, "", ""},
	{HERE("{\"ip\":\"o.test\",\"port\":\"1935\"}"), ERR_NOTFOUND, "", ""},
	/* no such answer */
	{"{\"code\":1064,\"data\":{\"origin\":{\"ip\":\"10.0.0.7\",\"port\":1935}}}", ERR_PROTOCOL,
	 "", ""},
	{"{\"code\":\"0\"}", ERR_PROTOCOL, "", ""},
	{"{}", ERR_PROTOCOL, "", ""},
	{"[]", ERR_PROTOCOL, "", ""},
};

static void an_answer_says_where_the_stream_is_or_that_it_is_not_here(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct coworker_answer a = {0};
		json_t *root = json_read(span_str(answers[i].text));
		assert_non_null(root);
		err e = coworker_answer_read(&a, root);
		json_decref(root);
		if (e != answers[i].e)
			print_error("%s\n", answers[i].text);
		assert_int_equal(e, answers[i].e);
		assert_string_equal(a.rtmp, answers[i].rtmp);
		assert_string_equal(a.http, answers[i].http);
	}
}

/* A server knows itself by it. */
static void who_has_no_such_stream_says_who_it_is(void **state)
{
	struct coworker_answer a = {0};
	json_t *root = json_read(span_str(HERE("null")));
	(void)state;
	assert_int_equal(coworker_answer_read(&a, root), ERR_NOTFOUND);
	assert_string_equal(a.server, "vid-1");
	assert_string_equal(a.service, "abc");
	json_decref(root);
}

static void times_are_taken_when_they_can_be(void **state)
{
	struct coworker_answer a = {0};
	json_t *root = json_read(span_str(HERE("{\"ip\":\"o.test\",\"port\":1935,\"since_ms\":5,"
					       "\"silent_ms\":-7,\"unanswered_ms\":\"9\"}")));
	(void)state;
	assert_int_equal(coworker_answer_read(&a, root), OK);
	assert_int_equal(a.since_ms, 5);
	assert_int_equal(a.silent_ms, 0);
	assert_int_equal(a.unanswered_ms, 0);
	json_decref(root);
}

static void a_name_that_is_too_long_is_no_host(void **state)
{
	char text[2 * HOST_MAX] = HERE("{\"port\":1935,\"ip\":\"");
	struct coworker_answer a = {0};
	(void)state;
	*strstr(text, "}}") = '\0';
	memset(text + strlen(text), 'x', HOST_MAX);
	strcat(text, "\"}}}");
	json_t *root = json_read(span_str(text));
	assert_non_null(root);
	assert_int_equal(coworker_answer_read(&a, root), ERR_NOTFOUND);
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_says_where_the_stream_is_or_that_it_is_not_here),
		cmocka_unit_test(who_has_no_such_stream_says_who_it_is),
		cmocka_unit_test(times_are_taken_when_they_can_be),
		cmocka_unit_test(a_name_that_is_too_long_is_no_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
