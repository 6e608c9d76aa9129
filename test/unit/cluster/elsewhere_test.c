/* Where the clients of a server go that is being drained, and that others count it no more. */
#include "cluster/elsewhere.h"
#include "unit/cluster/two_coworkers.h"

#define SELF(ip, service, more)                                                                    \
	"{\"code\":0,\"data\":{\"service\":\"" service "\"," more                                  \
	"\"origin\":null,\"self\":{\"ip\":\"" ip "\",\"port\":1935,\"http\":\"" ip ":8080\"}}}"
#define DRAINED                                                                                    \
	"{\"code\":0,\"data\":{\"service\":\"bbbb\",\"draining\":true,\"origin\":"                 \
	"{\"ip\":\"10.0.0.9\",\"port\":1935,\"since_ms\":5}}}"
#define HERE                                                                                       \
	"{\"code\":0,\"data\":{\"service\":\"cccc\",\"origin\":"                                   \
	"{\"ip\":\"10.0.0.8\",\"port\":1935,\"since_ms\":9}}}"

static err elsewhere(struct coworker_answer *answer)
{
	return elsewhere_find(server->cluster, vhost(), &target, answer);
}

static void a_coworker_that_is_there_takes_them_although_it_lacks_the_stream(void **state)
{
	struct coworker_answer answer;
	(void)state;
	begin(SELF("10.0.0.1", "bbbb", "\"draining\":true,"), SELF("10.0.0.2", "cccc", ""), "");
	assert_int_equal(elsewhere(&answer), OK);
	assert_string_equal(answer.rtmp, "10.0.0.2:1935");
	assert_string_equal(answer.http, "10.0.0.2:8080");
	assert_non_null(strstr(b.last, "whoever=1"));
	int before = b.requests;
	assert_int_equal(elsewhere(&answer), OK);
	assert_int_equal(b.requests, before); /* asked a moment ago */
}

static void without_one_there_is_no_place(void **state)
{
	struct coworker_answer answer;
	(void)state;
	begin("{\"code\":0,\"data\":{\"origin\":null}}", NULL, "query_timeout 500;");
	assert_int_equal(elsewhere(&answer), ERR_NOTFOUND);
}

static void the_word_of_one_that_is_drained_gives_way(void **state)
{
	struct coworker_answer answer;
	(void)state;
	begin(DRAINED, HERE, "");
	assert_int_equal(
		coworker_find(server->cluster, vhost(), &target, COWORKER_FRESH, NULL, &answer),
		OK);
	assert_string_equal(answer.rtmp, "10.0.0.8:1935");
	assert_int_equal(rival_find(server->cluster, vhost(), &target, &answer), OK);
}

static void its_publisher_is_no_rival(void **state)
{
	struct coworker_answer answer;
	(void)state;
	begin(DRAINED, "{\"code\":0,\"data\":{\"origin\":null}}", "");
	assert_int_equal(
		coworker_find(server->cluster, vhost(), &target, COWORKER_FRESH, NULL, &answer),
		OK);
	assert_true(answer.draining);
	assert_int_equal(rival_find(server->cluster, vhost(), &target, &answer), ERR_NOTFOUND);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, co_setup, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_coworker_that_is_there_takes_them_although_it_lacks_the_stream),
		TEST(without_one_there_is_no_place),
		TEST(the_word_of_one_that_is_drained_gives_way),
		TEST(its_publisher_is_no_rival),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
