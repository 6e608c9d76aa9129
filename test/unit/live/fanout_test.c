/* Real coroutines that note when they were woken, in a time of their own. */
#include "unit/live/crowd.h"

static void each_is_woken_within_the_batch(void **state)
{
	(void)state;
	static const struct {
		int batch_ms, players;
	} cases[] = {{1, 700}, {10, 3000}, {20, 3000}, {100, 1000}, {350, 2000}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(cases[i].batch_ms);
		join(cases[i].players, false);
		int64_t until = clock_ms() + 3 * cases[i].batch_ms + 100;
		while (clock_ms() < until) {
			pub(picture(50));
			assert_int_equal(co_sleep(5), OK);
		}
		assert_int_equal(co_sleep(cases[i].batch_ms + SLACK_MS), OK);
		int64_t worst = 0;
		for (int k = 0; k < player_count; k++) {
			assert_int_equal(players[k].read, source->log.next);
			worst = players[k].worst_ms > worst ? players[k].worst_ms : worst;
		}
		assert_true(worst <= cases[i].batch_ms);
		if (i + 1 == sizeof(cases) / sizeof(cases[0]))
			return;
		void *none = NULL;
		assert_int_equal(teardown(&none), 0);
		assert_int_equal(setup(&none), 0);
	}
}

/* Something holds the thread for a while, over and over. */
static void a_late_tick_costs_nobody_a_period(void **state)
{
	(void)state;
	static const struct {
		int late_ms, worst_ms;
	} cases[] = {
		{50, 250}, /* two turns are missed */
		/* More than are made up for at once: another period, and nobody is left out. */
		{100, 400},
		{150, 450},
	};
	begin(200);
	join(2000, false);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t until = clock_ms() + 1500, worst = 0;
		while (clock_ms() < until) {
			pub(picture(50));
			fake_time_pass(cases[i].late_ms);
			co_yield ();
		}
		assert_int_equal(co_sleep(200), OK);
		for (int k = 0; k < player_count; k++) {
			worst = players[k].worst_ms > worst ? players[k].worst_ms : worst;
			players[k].worst_ms = 0;
		}
		assert_in_range(worst, 0, cases[i].worst_ms);
	}
}

static void many_players_are_spread_over_groups(void **state)
{
	(void)state;
	begin(350);
	join(3000, false);
	int most = 0, groups = 0;
	for (int i = 0; i < FANOUT_GROUPS; i++) {
		groups += source->fanout.groups[i].count > 0;
		most = source->fanout.groups[i].count > most ? source->fanout.groups[i].count
							     : most;
	}
	assert_in_range(groups, 10, FANOUT_GROUPS);
	assert_true(most <= 400);
}

static int groups_in_use(void)
{
	int n = 0;
	for (int i = 0; i < FANOUT_GROUPS; i++)
		n += source->fanout.groups[i].count > 0;
	return n;
}

static void after_a_crowd_there_are_few_groups_again(void **state)
{
	(void)state;
	begin(50);
	join(3000, false);
	assert_true(groups_in_use() >= 10);
	for (int i = 0; i < 2970; i++)
		leave(&players[i]);
	assert_int_equal(groups_in_use(), 1);
	clear();
	pub(picture(50));
	assert_int_equal(co_sleep(50 + SLACK_MS), OK);
	for (int i = 2970; i < 3000; i++)
		assert_int_equal(players[i].read, source->log.next);
	join(1000, false);
	assert_in_range(groups_in_use(), 4, 8);
}

static void nobody_is_woken_when_nothing_is_new(void **state)
{
	(void)state;
	begin(20);
	join(700, false);
	pub(picture(50));
	assert_int_equal(co_sleep(20 + SLACK_MS), OK);
	assert_int_equal(woken(0, 700), 700);
	clear();
	assert_int_equal(co_sleep(100), OK);
	assert_int_equal(woken(0, 700), 0);
	assert_false(source->fanout.tick.armed);
}

static void without_batching_pictures_wake_and_sound_rides_along(void **state)
{
	(void)state;
	begin(0);
	join(3, false);
	pub(picture(50));
	yields(3);
	assert_int_equal(woken(0, 3), 3);
	clear();
	for (int i = 0; i < 10; i++)
		pub(sound(20));
	yields(3);
	assert_int_equal(woken(0, 3), 0);
	pub(picture(50));
	yields(3);
	assert_int_equal(woken(0, 3), 3);
	clear();
	source->video_ms -= 101; /* the pictures have stopped */
	pub(sound(20));
	yields(3);
	assert_int_equal(woken(0, 3), 3);
	clear();
	pub(avc_header('1'));
	yields(3);
	assert_int_equal(woken(0, 3), 3);
}

static void sound_alone_is_sent_at_once(void **state)
{
	(void)state;
	begin(0);
	source->video_ms = 0;
	join(3, false);
	for (int i = 0; i < 5; i++) {
		clear();
		pub(sound(20));
		yields(3);
		assert_int_equal(woken(0, 3), 3);
	}
}

static void relays_are_woken_with_each_picture_and_first(void **state)
{
	(void)state;
	begin(0);
	join(1000, false);
	join(100, true);
	clear();
	pub(sound(20));
	pub(picture(50));
	assert_int_equal(co_sleep(ROUND_MS), OK);
	assert_int_equal(woken(0, 1100), 1100);
	/* More than 64 are served as players are. */
	for (int i = 1000; i < 1064; i++)
		assert_true(players[i].order < 64);
	clear();
	source->video_ms = clock_ms(); /* pictures go on: sound rides along with them */
	pub(sound(20));
	yields(3);
	assert_int_equal(woken(0, 1100), 0);
	pub(picture(50));
	yields(3);
	assert_true(woken(1000, 1064) == 64);
}

static void relays_of_batched_players_do_not_wait_for_the_batch(void **state)
{
	(void)state;
	begin(5000);
	join(3, false);
	join(3, true);
	pub(picture(50));
	yields(3);
	assert_int_equal(woken(0, 3), 0);
	assert_int_equal(woken(3, 6), 3);
	clear();
	source->video_ms -= 101; /* the pictures have stopped */
	pub(sound(20));
	yields(3);
	assert_int_equal(woken(3, 6), 3);
}

static void thousands_are_woken_in_slices_and_the_last_one_has_its_turn(void **state)
{
	(void)state;
	begin(0);
	join(4990, false);
	join(10, true);
	clear();
	pub(picture(50));
	co_yield ();
	assert_in_range(woken(0, 5000), 10, 2000);
	/* A new picture comes before the round is over, again and again. */
	for (int i = 0; i < 200; i++) {
		pub(picture(50));
		assert_int_equal(co_sleep(1), OK);
	}
	assert_int_equal(co_sleep(ROUND_MS), OK);
	for (int i = 0; i < player_count; i++) {
		assert_true(players[i].wakes >= 2);
		assert_int_equal(players[i].read, source->log.next);
	}
	assert_null(source->fanout.round_next);
}

static void players_may_leave_while_they_are_being_woken(void **state)
{
	(void)state;
	begin(0);
	join(1000, false);
	clear();
	pub(picture(50));
	for (int i = 0; i < 900; i++)
		leave(&players[i]);
	yields(2);
	leave(&players[999]);
	assert_int_equal(co_sleep(SLACK_MS), OK);
	assert_int_equal(woken(900, 999), 99);
}

static void everybody_hears_of_the_end(void **state)
{
	(void)state;
	begin(350);
	join(700, false);
	join(3, true);
	source_leave(source, &feeder, 0);
	yields(3);
	assert_int_equal(woken(0, 703), 703);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_is_woken_within_the_batch),
		TEST(a_late_tick_costs_nobody_a_period),
		TEST(many_players_are_spread_over_groups),
		TEST(after_a_crowd_there_are_few_groups_again),
		TEST(nobody_is_woken_when_nothing_is_new),
		TEST(without_batching_pictures_wake_and_sound_rides_along),
		TEST(sound_alone_is_sent_at_once),
		TEST(relays_are_woken_with_each_picture_and_first),
		TEST(relays_of_batched_players_do_not_wait_for_the_batch),
		TEST(thousands_are_woken_in_slices_and_the_last_one_has_its_turn),
		TEST(players_may_leave_while_they_are_being_woken),
		TEST(everybody_hears_of_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
