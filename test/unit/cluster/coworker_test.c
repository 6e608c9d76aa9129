/* Queries to coworkers: who has a stream, what is kept of that, and what all say. */
#include "unit/cluster/two_coworkers.h"

#define HERE                                                                                       \
	"{\"code\":0,\"data\":{\"server\":\"vid-b\",\"service\":\"bbbb\",\"origin\":"              \
	"{\"ip\":\"10.0.0.9\",\"port\":1935,\"since_ms\":5}}}"
#define NOT_HERE "{\"code\":0,\"data\":{\"server\":\"vid-c\",\"service\":\"cccc\",\"origin\":null}}"

static err find(enum coworker_want age, struct coworker_answer *answer)
{
	return coworker_find(server->cluster, vhost(), &target, age, NULL, answer);
}

static void the_first_that_has_it_is_the_answer(void **state)
{
	struct coworker_answer answer;
	(void)state;
	begin(NULL, HERE, "query_timeout 20000;");
	int64_t began = clock_ms();
	assert_int_equal(find(COWORKER_KEPT, &answer), OK);
	assert_true(clock_ms() - began < 10000);
	assert_string_equal(answer.rtmp, "10.0.0.9:1935");
	assert_string_equal(answer.coworker, b.name);
	assert_non_null(strstr(b.last, "POST /api/v1/clusters?vhost="));
	assert_non_null(strstr(b.last, "stream=x"));
}

static void an_answer_is_kept_until_it_is_forgotten(void **state)
{
	struct coworker_answer answer;
	(void)state;
	begin(HERE, NOT_HERE, "query_cache 60000;");
	assert_int_equal(find(COWORKER_KEPT, &answer), OK);
	int asked = a.requests;
	assert_int_equal(find(COWORKER_KEPT, &answer), OK);
	assert_int_equal(a.requests, asked);
	int64_t took = COWORKER_FRESH_MS;
	for (int round = 0; round < 20 && took >= COWORKER_FRESH_MS; round++) {
		(void)co_sleep(round ? COWORKER_FRESH_MS + 1 : 0);
		int64_t began = clock_ms();
		asked = a.requests;
		assert_int_equal(find(COWORKER_FRESH, &answer), OK);
		assert_int_equal(a.requests, asked + 1);
		assert_int_equal(find(COWORKER_FRESH, &answer), OK); /* as fresh as that */
		took = clock_ms() - began;
	}
	assert_true(took < COWORKER_FRESH_MS);
	assert_int_equal(a.requests, asked + 1);
	coworker_forget(server->cluster, "/live/x");
	assert_int_equal(find(COWORKER_KEPT, &answer), OK);
	assert_true(a.requests >= asked + 1);
}

/* It is found when the kept answer has expired, and the second one has heard so many questions in all. */
static void find_anew(enum coworker_want age, struct coworker_answer *answer, int heard)
{
	(void)co_sleep(COWORKER_FRESH_MS);
	assert_int_equal(find(age, answer), OK);
	for (int64_t deadline = clock_after(10000); b.requests < heard; (void)co_sleep(5))
		assert_true(clock_ms() < deadline);
	assert_int_equal(b.requests, heard);
}

static void the_one_that_had_it_last_is_asked_alone(void **state)
{
	struct coworker_answer answer;
	(void)state;
	begin(HERE, NOT_HERE, "query_cache 10;");
	find_anew(COWORKER_KEPT, &answer, 1);
	find_anew(COWORKER_KEPT, &answer, 1);
	assert_string_equal(answer.rtmp, "10.0.0.9:1935");
	assert_string_equal(answer.coworker, a.name);
	/* Those who have seen an answer to be wrong need the word of all. */
	find_anew(COWORKER_FRESH, &answer, 2);
	/* It is published somewhere else. */
	a.body = NOT_HERE;
	b.body = HERE;
	find_anew(COWORKER_KEPT, &answer, 3);
	assert_string_equal(answer.coworker, b.name);
	int asked = a.requests;
	find_anew(COWORKER_KEPT, &answer, 4);
	assert_int_equal(a.requests, asked);
	/* Nobody knows any more who had it. */
	coworker_forget(server->cluster, "/live/x");
	find_anew(COWORKER_KEPT, &answer, 5);
	assert_int_equal(a.requests, asked + 1);
}

static void who_had_it_is_forgotten_when_nobody_has_it(void **state)
{
	struct coworker_answer answer;
	(void)state;
	begin(NOT_HERE, HERE, "query_cache 10; query_cache_none 10;");
	find_anew(COWORKER_KEPT, &answer, 1);
	b.body = NOT_HERE;
	(void)co_sleep(COWORKER_FRESH_MS);
	assert_int_equal(find(COWORKER_KEPT, &answer), ERR_NOTFOUND);
	assert_int_equal(b.requests, 3); /* alone, then with all */
	(void)co_sleep(COWORKER_FRESH_MS);
	assert_int_equal(find(COWORKER_KEPT, &answer), ERR_NOTFOUND);
	assert_int_equal(b.requests, 4);
}

/* One that does not answer any more does not hold up the others for the time of a query. */
static void the_one_that_had_it_last_may_have_died(void **state)
{
	struct coworker_answer answer;
	(void)state;
	begin(HERE, NOT_HERE, "query_cache 10; query_timeout 20000;");
	find_anew(COWORKER_KEPT, &answer, 1);
	a.body = NULL;
	b.body = HERE;
	int64_t began = clock_ms();
	find_anew(COWORKER_KEPT, &answer, 2);
	assert_true(clock_ms() - began < 10000);
	assert_string_equal(answer.coworker, b.name);
}

static void nobody_has_it(void **state)
{
	struct coworker_answer answer;
	(void)state;
	begin(NOT_HERE, NOT_HERE, "");
	assert_int_equal(find(COWORKER_KEPT, &answer), ERR_NOTFOUND);
	assert_int_equal(server->cluster->unproven_queries.count, 0);
	assert_int_equal(answer.absent_at, 3);
	assert_int_equal(find(COWORKER_KEPT, &answer), ERR_NOTFOUND);
	assert_int_equal(answer.absent_at, 3);
}

static void a_silent_one_has_failed_and_an_answer_makes_it_well(void **state)
{
	struct coworker_answer answer;
	(void)state;
	begin(NULL, NOT_HERE, "query_cache_none 10; query_timeout 500;");
	assert_int_equal(find(COWORKER_KEPT, &answer), ERR_NOTFOUND);
	assert_int_equal(peer_get(server->cluster->peers, a.name)->failures, 1);
	assert_int_equal(answer.absent_at, 0); /* the silent one may have it */
	a.body = NOT_HERE;
	(void)co_sleep(100);
	assert_int_equal(find(COWORKER_FRESH, &answer), ERR_NOTFOUND);
	assert_int_equal(peer_get(server->cluster->peers, a.name)->failures, 0);
	assert_int_equal(members_news(server->cluster).returned, 1);
}

static void this_server_gives_no_answer(void **state)
{
	struct coworker_answer answer;
	(void)state;
	begin(NOT_HERE, NOT_HERE, "");
	char *own = mem_printf("{\"code\":0,\"data\":{\"server\":\"s\",\"service\":\"%s\","
			       "\"origin\":{\"ip\":\"10.0.0.1\",\"port\":1935}}}",
			       server->service_id);
	a.body = own;
	assert_int_equal(find(COWORKER_KEPT, &answer), ERR_NOTFOUND);
	assert_true(peer_get(server->cluster->peers, a.name)->own_until_ms > clock_ms());
	assert_int_equal(answer.absent_at, 2);
	free(own);
}

static void all_are_heard_by_one_that_has_it_too(void **state)
{
	struct coworker_poll *poll = mem_new(struct coworker_poll);
	(void)state;
	begin(HERE, NULL, "query_timeout 500;");
	coworker_find_all(server->cluster, vhost(), &target, poll);
	assert_int_equal(poll->count, 1);
	assert_int_equal(poll->missing, 1);
	assert_non_null(strstr(a.last, "rival="));
	free(poll);
}

static struct co *waiters[8];

static void wait_main(void *arg)
{
	struct coworker_answer answer;
	*(err *)arg = find(COWORKER_KEPT, &answer);
}

static void many_who_ask_at_once_are_one_query(void **state)
{
	err results[8];
	(void)state;
	begin(HERE, NOT_HERE, "");
	for (int i = 0; i < 8; i++)
		waiters[i] = co_start("waiter", wait_main, &results[i]);
	for (int i = 0; i < 8; i++)
		co_join(&waiters[i]);
	for (int i = 0; i < 8; i++)
		assert_int_equal(results[i], OK);
	assert_int_equal(a.requests, 1);
}

/* A player that came first need not wait for a coworker that does not answer. */
static void who_waits_goes_on_when_the_stream_begins_here(void **state)
{
	err result = OK;
	(void)state;
	begin(NULL, NULL, "query_timeout 20000;");
	struct co *co = co_start("waiter", wait_main, &result);
	int64_t began = clock_ms();
	while (a.requests == 0)
		assert_int_equal(co_sleep(5), OK);
	coworker_begins_here(server->cluster, "/live/x");
	co_join(&co);
	assert_int_equal(result, ERR_NOTFOUND);
	assert_true(clock_ms() - began < 10000);
}

/* ---- rivals ---- */

static int losses;
static struct claim ours;

static struct claim own(void *ctx)
{
	(void)ctx;
	return ours;
}

static void lost(void *ctx, const struct coworker_answer *to)
{
	(void)ctx;
	losses++;
	assert_string_equal(to->rtmp, "10.0.0.9:1935");
}

/* The other one began at 5; ours begins before it or after. */
static void the_later_publisher_of_two_loses(void **state)
{
	static const struct {
		int64_t since_ms;
		int losses;
	} cases[] = {{4, 0}, {6, 1}};
	(void)state;
	begin(HERE, NOT_HERE, "");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		losses = 0;
		ours = (struct claim){.since_ms = cases[i].since_ms, .server = "a", .service = "a"};
		int before = a.requests;
		struct rival *r = rival_start(&(struct rival_opts){.cluster = server->cluster,
								   .vhost = vhost(),
								   .target = &target,
								   .own = own,
								   .lost = lost});
		rival_asked(r);
		wait_until(a.requests > before);
		wait_until(losses >= cases[i].losses);
		(void)co_sleep(100);
		assert_int_equal(losses, cases[i].losses);
		rival_stop(&r);
	}
}

static void a_publisher_elsewhere_is_found_before_one_begins(void **state)
{
	struct coworker_answer answer;
	(void)state;
	begin(HERE, NOT_HERE, "");
	assert_int_equal(rival_find(server->cluster, vhost(), &target, &answer), OK);
	a.body = NOT_HERE;
	(void)co_sleep(COWORKER_FRESH_MS + 50);
	assert_int_equal(rival_find(server->cluster, vhost(), &target, &answer), ERR_NOTFOUND);
}

/* Silent for the first time since it was asked, as a host that stands still for a moment, it then has the stream. */
static void wake_later(void *arg)
{
	struct api_stub *api = arg;
	while (api->requests < 2)
		(void)co_sleep(1);
	api->body = HERE;
}

static void one_that_has_always_answered_is_asked_once_more(void **state)
{
	struct coworker_answer answer;
	(void)state;
	begin(NOT_HERE, NOT_HERE, "query_timeout 300; query_cache_none 0;");
	assert_int_equal(find(COWORKER_KEPT, &answer), ERR_NOTFOUND);
	assert_int_equal(answer.absent_at, 3);
	b.body = NULL;
	struct co *co = co_start("wake", wake_later, &b);
	assert_int_equal(find(COWORKER_KEPT, &answer), OK);
	assert_int_equal(b.requests, 3);
	assert_string_equal(answer.coworker, b.name);
	co_join(&co);
}

struct asking {
	const struct target *target;
	err e;
};

static void ask_for(void *arg)
{
	struct asking *asking = arg;
	struct coworker_answer answer;
	asking->e = coworker_find(server->cluster, vhost(), asking->target, COWORKER_KEPT, NULL,
				  &answer);
}

/* The first one of them to wait in vain tells that the coworker has failed. */
static void each_of_those_who_ask_in_that_moment_is_helped(void **state)
{
	struct coworker_answer answer;
	static char other_stream[] = "y";
	struct target other = target;
	other.stream = other_stream;
	struct asking both[] = {{&target, OK}, {&other, OK}};
	struct co *co[2];
	(void)state;
	begin(NOT_HERE, NOT_HERE, "query_timeout 300; query_cache_none 0;");
	assert_int_equal(find(COWORKER_KEPT, &answer), ERR_NOTFOUND);
	b.body = NULL;
	co[0] = co_start("ask", ask_for, &both[0]);
	(void)co_sleep(100);
	co[1] = co_start("ask", ask_for, &both[1]);
	while (b.requests < 3)
		(void)co_sleep(1);
	(void)co_sleep(310); /* both have waited in vain once */
	b.body = HERE;
	for (int i = 0; i < 2; i++)
		co_join(&co[i]);
	assert_int_equal(b.requests, 5);
}

static void a_publisher_waits_for_one_round_of_a_players_query(void **state)
{
	struct coworker_answer answer;
	struct asking player = {&target, OK};
	(void)state;
	begin(NOT_HERE, NOT_HERE, "query_timeout 2000; query_cache_none 0;");
	assert_int_equal(find(COWORKER_KEPT, &answer), ERR_NOTFOUND);
	b.body = NULL;
	struct co *co = co_start("ask", ask_for, &player);
	(void)co_sleep(200);
	int64_t began = clock_ms();
	assert_int_equal(find(COWORKER_FRESH, &answer), ERR_NOTFOUND);
	assert_true(clock_ms() - began < 3000); /* two rounds take 3.8 s */
	co_join(&co);
	assert_int_equal(player.e, ERR_NOTFOUND);
	assert_int_equal(b.requests, 2);
}

static void one_that_did_not_answer_before_either_is_waited_for_once(void **state)
{
	struct coworker_answer answer;
	(void)state;
	begin(NOT_HERE, NULL, "query_timeout 300; query_cache_none 0;");
	assert_int_equal(find(COWORKER_KEPT, &answer), ERR_NOTFOUND);
	assert_int_equal(answer.absent_at, 0);
	assert_int_equal(b.requests, 1);
	b.body = NOT_HERE;
	assert_int_equal(find(COWORKER_KEPT, &answer), ERR_NOTFOUND);
	b.body = NULL;
	int asked = b.requests;
	(void)co_sleep(COWORKER_FRESH_MS);
	assert_int_equal(find(COWORKER_FRESH, &answer),
			 ERR_NOTFOUND); /* a publisher does not wait twice */
	assert_int_equal(b.requests, asked + 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, co_setup, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_that_has_it_is_the_answer),
		TEST(an_answer_is_kept_until_it_is_forgotten),
		TEST(the_one_that_had_it_last_is_asked_alone),
		TEST(who_had_it_is_forgotten_when_nobody_has_it),
		TEST(the_one_that_had_it_last_may_have_died),
		TEST(nobody_has_it),
		TEST(a_silent_one_has_failed_and_an_answer_makes_it_well),
		TEST(one_that_has_always_answered_is_asked_once_more),
		TEST(each_of_those_who_ask_in_that_moment_is_helped),
		TEST(a_publisher_waits_for_one_round_of_a_players_query),
		TEST(one_that_did_not_answer_before_either_is_waited_for_once),
		TEST(this_server_gives_no_answer),
		TEST(all_are_heard_by_one_that_has_it_too),
		TEST(many_who_ask_at_once_are_one_query),
		TEST(who_waits_goes_on_when_the_stream_begins_here),
		TEST(the_later_publisher_of_two_loses),
		TEST(a_publisher_elsewhere_is_found_before_one_begins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
