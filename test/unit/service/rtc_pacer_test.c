/* When pictures of WebRTC players are sent, in a time of its own, of which sends take some. */
#include "base/check.h"
#include "base/mem.h"
#include "service/rtc_pacer.h"
#include "support/co_unit.h"
#include "support/unit.h"

#include <string.h>

enum { PLAYERS = 100, CALLS_MAX = 1000, SENDS_A_MS = 4 };

struct player {
	struct rtc_paced paced;
	int left; /* packets that wait */
};

static struct player players[PLAYERS];
static struct {
	const struct player *player;
	int most;
	int64_t ms;
} calls[CALLS_MAX];
static int call_count;
static int unseen, worst_unseen; /* sends since others had a turn; the most of them */

static bool on_send(struct rtc_paced *paced, int most, int64_t now)
{
	struct player *p = container_of(paced, struct player, paced);
	(void)now;
	check(call_count < CALLS_MAX);
	calls[call_count].player = p;
	calls[call_count].most = most;
	calls[call_count++].ms = clock_ms();
	p->left -= p->left < most ? p->left : most;
	if (call_count % SENDS_A_MS == 0)
		fake_time_pass(1);
	worst_unseen = ++unseen > worst_unseen ? unseen : worst_unseen;
	return p->left > 0;
}

static void add(struct player *p, int packets)
{
	p->left = packets;
	p->paced.send = on_send;
	rtc_pacer_add(&p->paced, clock_ms());
}

static int setup(void **state)
{
	memset(players, 0, sizeof(players));
	call_count = unseen = worst_unseen = 0;
	if (co_setup_fake_time(state) != 0)
		return -1;
	return co_sleep(10) == OK ? 0 : -1;
}

static void watch(void *arg)
{
	(void)arg;
	while (co_sleep(1) == OK)
		unseen = 0;
}

static void one_player_is_sent_a_burst_at_once_and_the_rest_later(void **state)
{
	(void)state;
	add(&players[0], 60);
	assert_int_equal(call_count, 1);
	add(&players[0], 28); /* it has its place already */
	assert_int_equal(call_count, 1);
	assert_int_equal(co_sleep(20), OK);
	assert_int_equal(call_count, 3);
	assert_int_equal(calls[0].most, 32);
	assert_int_equal(calls[1].most, 16);
	assert_int_equal(calls[1].ms - calls[0].ms, 2);
	assert_int_equal(calls[2].ms - calls[1].ms, 2);
	assert_int_equal(players[0].left, 0);
}

static void others_have_their_turn_within_a_key_frame_for_all(void **state)
{
	(void)state;
	struct co *watcher = co_start("watch", watch, NULL);
	co_yield ();
	for (int i = 0; i < PLAYERS; i++)
		add(&players[i], 40);
	assert_int_equal(call_count, SENDS_A_MS);
	for (int i = 0; i < PLAYERS; i++)
		wait_until(players[i].left == 0);
	co_stop(watcher);
	co_join(&watcher);
	assert_int_equal(call_count, 2 * PLAYERS);
	assert_true(worst_unseen <= 2 * SENDS_A_MS);
	/* nobody was idle meanwhile */
	assert_true(calls[call_count - 1].ms - calls[0].ms <= 2 * PLAYERS / SENDS_A_MS + 3);
}

static void those_who_come_and_those_who_are_paced_take_turns(void **state)
{
	(void)state;
	for (int i = 0; i < PLAYERS; i++)
		add(&players[i], 32 + 16);
	for (int i = 0; i < PLAYERS; i++)
		wait_until(players[i].left == 0);
	int last_fresh = 0, first_paced = call_count;
	for (int i = 0; i < call_count; i++) {
		if (calls[i].most == 32)
			last_fresh = i;
		else if (i < first_paced)
			first_paced = i;
	}
	assert_true(first_paced < 4 * SENDS_A_MS);
	assert_true(last_fresh > call_count / 2);
}

static void one_that_leaves_is_called_no_more(void **state)
{
	(void)state;
	for (int i = 0; i < PLAYERS; i++)
		add(&players[i], 40);
	for (int i = 0; i < PLAYERS; i++)
		rtc_pacer_remove(&players[i].paced);
	rtc_pacer_remove(&players[0].paced);
	int before = call_count;
	assert_int_equal(co_sleep(50), OK);
	assert_int_equal(call_count, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			one_player_is_sent_a_burst_at_once_and_the_rest_later, setup, co_teardown),
		cmocka_unit_test_setup_teardown(others_have_their_turn_within_a_key_frame_for_all,
						setup, co_teardown),
		cmocka_unit_test_setup_teardown(those_who_come_and_those_who_are_paced_take_turns,
						setup, co_teardown),
		cmocka_unit_test_setup_teardown(one_that_leaves_is_called_no_more, setup,
						co_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
