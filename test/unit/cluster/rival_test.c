/* Which of several publishers of one stream stays: every origin must come to the same answer. */
#include "cluster/members.h"
#include "cluster/rival.h"
#include "http/client.h"
#include "support/co_unit.h"
#include "support/test_server.h"
#include "support/unit.h"

#include <stdlib.h>

static const struct {
	const char *what;
	struct claim winner, loser;
} claims[] = {
	{"who began first", {1000, 0, "b", "2"}, {1001, 0, "a", "1"}},
	{"the smaller server id", {1000, 0, "a", "2"}, {1000, 0, "b", "1"}},
	{"the smaller service id", {1000, 0, "a", "1"}, {1000, 0, "a", "2"}},
	{"a server that does not say when", {0, 0, "", ""}, {1000, 0, "a", "1"}},
	{"a live one before a silent one", {2000, 0, "b", "2"}, {1000, 700, "a", "1"}},
	{"one whose pong is not due yet", {1000, 699, "b", "2"}, {1001, 0, "a", "1"}},
	{"of two silent ones the first", {1000, 5000, "b", "2"}, {1001, 700, "a", "1"}},
};

static void one_of_two_wins_and_both_sides_agree(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		if (!claim_beats(&claims[i].winner, &claims[i].loser) ||
		    claim_beats(&claims[i].loser, &claims[i].winner))
			fail_msg("%s", claims[i].what);
	}
}

/* Exactly one of any set is beaten by none, whatever it consists of. */
static void any_set_of_claims_has_one_winner(void **state)
{
	enum { N = 5, ROUNDS = 5000 };
	static const char *const names[N] = {"a", "b", "c", "d", "e"};
	(void)state;
	srandom(7);
	for (int round = 0; round < ROUNDS; round++) {
		struct claim c[N];
		int unbeaten = 0;
		for (int i = 0; i < N; i++)
			c[i] = (struct claim){random() % 3, random() % 2 * 800, names[random() % 2],
					      names[i]};
		for (int i = 0; i < N; i++) {
			int beaten = 0;
			for (int k = 0; k < N; k++)
				beaten += k != i && claim_beats(&c[k], &c[i]);
			unbeaten += beaten == 0;
		}
		assert_int_equal(unbeaten, 1);
	}
}

static void an_answer_becomes_a_claim(void **state)
{
	static const struct coworker_answer answer = {.server = "vid-1",
						      .service = "abc",
						      .since_ms = 5,
						      .silent_ms = 900,
						      .unanswered_ms = 7};
	(void)state;
	struct claim c = claim_of(&answer);
	assert_int_equal(c.since_ms, 5);
	assert_int_equal(c.unanswered_ms, 7);
	assert_string_equal(c.server, "vid-1");
	assert_string_equal(c.service, "abc");
}

/* ---- when it is looked ---- */

enum { LOOKS_MAX = 10, LONG_MS = 100000 };

/* Times after the beginning; 0: no more. A coworker that nobody can connect to may have the stream. */
static const struct {
	const char *what;
	bool has_silent_coworker;
	int asked_at; /* by another one that has the stream; 0: never */
	int looks[LOOKS_MAX];
} schedules[] = {
	{"twice after the beginning", false, 0, {300, 1500}},
	{"soon when it is asked", false, 5000, {300, 1500, 5050}},
	{"not twice for one look", false, 280, {300, 1500}},
	{"more and more seldom while one does not answer",
	 true,
	 0,
	 {300, 1300, 1500, 5500, 13500, 29500, 59500, 89500}},
};

static int64_t began;
static int looks[LOOKS_MAX], look_count;

static struct claim note_look(void *ctx)
{
	(void)ctx;
	if (look_count < LOOKS_MAX)
		looks[look_count++] = (int)(clock_ms() - began);
	return (struct claim){.server = "a", .service = "a"};
}

static void never_lost(void *ctx, const struct coworker_answer *to)
{
	(void)ctx;
	(void)to;
}

static void run_schedule(size_t i)
{
	static char none[] = "", app[] = "live", stream[] = "x";
	static const struct target target = {true, 0, none, none, app, stream, none};
	char *conf = test_server_vhost(schedules[i].has_silent_coworker
					       ? "cluster { mode local; origin_cluster on; "
						 "coworkers 127.0.0.1:1; }"
					       : "cluster { mode local; origin_cluster on; }");
	struct server *server = test_server_new(conf);
	members_follow(server->cluster);
	look_count = 0;
	began = clock_ms();
	struct rival *r = rival_start(&(struct rival_opts){.cluster = server->cluster,
							   .vhost = &server->conf->vhosts[0],
							   .target = &target,
							   .own = note_look,
							   .lost = never_lost});
	if (schedules[i].asked_at) {
		(void)co_sleep(schedules[i].asked_at);
		rival_asked(r);
	}
	(void)co_sleep(LONG_MS - schedules[i].asked_at);
	rival_stop(&r);
	http_client_pool_close();
	test_server_free(&server);
	free(conf);
}

static void it_is_looked_at_these_times(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(schedules) / sizeof(schedules[0]); i++) {
		run_schedule(i);
		for (int n = 0; n < look_count || (n < LOOKS_MAX && schedules[i].looks[n]); n++)
			if (n >= look_count || looks[n] != schedules[i].looks[n])
				fail_msg("%s: look %d at %d, not at %d", schedules[i].what, n,
					 n < look_count ? looks[n] : -1, schedules[i].looks[n]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_of_two_wins_and_both_sides_agree),
		cmocka_unit_test(any_set_of_claims_has_one_winner),
		cmocka_unit_test(an_answer_becomes_a_claim),
		cmocka_unit_test_setup_teardown(it_is_looked_at_these_times, co_setup_fake_time,
						co_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
