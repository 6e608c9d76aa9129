/* Which of several publishers of one stream stays: every origin must come to the same answer. */
#include "cluster/rival.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_of_two_wins_and_both_sides_agree),
		cmocka_unit_test(any_set_of_claims_has_one_winner),
		cmocka_unit_test(an_answer_becomes_a_claim),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
