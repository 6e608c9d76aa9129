/* Send slots: when a feeder and the players that need no coroutine have theirs. */
#include "unit/live/crowd.h"

/* ---- turns ---- */

static int asked, served, served_before_asked;
static bool is_blocked; /* the feeder cannot read now */

/* Does what a publisher's coroutine does. */
static void feeder_read(struct feeder *f)
{
	(void)f;
	asked++;
	if (!is_blocked)
		pub(picture(50));
}

static void consumer_send_slot(struct consumer *c)
{
	struct player *p = (struct player *)((char *)c - offsetof(struct player, consumer));
	served++;
	served_before_asked += !asked;
	p->read = source->log.next;
	p->order = order++;
}

static void begin_paced(int64_t batch_ms)
{
	asked = served = served_before_asked = 0;
	is_blocked = false;
	begin(batch_ms);
	source_leave(source, &feeder, 1000);
	feeder = (struct feeder){.on_read = feeder_read};
	source_begin(source, &feeder);
	pub(key_frame(50));
}

static void a_turn_begins_with_the_feeder_and_needs_no_coroutine_of_the_player(void **state)
{
	(void)state;
	begin_paced(50);
	struct player *p = join_one(false, consumer_send_slot);
	assert_true(source_is_paced(source));
	assert_int_equal(co_sleep(200 + SLACK_MS), OK);
	assert_in_range(asked, 4, 5);
	assert_int_equal(served, asked);
	assert_int_equal(served_before_asked, 0);
	assert_int_equal(p->wakes, 0);
	assert_int_equal(p->read, source->log.next);
	feeder.on_read = NULL;
}

static void a_feeder_that_does_not_catch_up_delays_nobody_by_more_than_a_turn(void **state)
{
	(void)state;
	begin_paced(50);
	struct player *p = join_one(false, consumer_send_slot);
	is_blocked = true;
	pub_more(picture(50));
	int64_t before = clock_ms();
	while (p->read < source->log.next && clock_ms() < before + 1000)
		assert_int_equal(co_sleep(1), OK);
	assert_true(clock_ms() - before <= 100 + SLACK_MS);
	feeder.on_read = NULL;
}

static void without_players_the_feeder_still_has_its_turns(void **state)
{
	(void)state;
	static const int batches[] = {0, 50};
	for (size_t i = 0; i < 2; i++) {
		begin_paced(batches[i]);
		assert_true(source_is_paced(source));
		assert_int_equal(co_sleep(800 + SLACK_MS), OK);
		assert_in_range(asked, 1, 3);
		feeder.on_read = NULL;
		void *none = NULL;
		assert_int_equal(teardown(&none), 0);
		assert_int_equal(setup(&none), 0);
	}
	begin(50);
}

static void who_wants_each_message_ends_the_pacing(void **state)
{
	(void)state;
	begin_paced(50);
	join_one(false, consumer_send_slot);
	struct player *relay = join_one(true, consumer_send_slot);
	assert_false(source_is_paced(source));
	served = 0;
	pub(picture(20));
	assert_int_equal(served, 1);
	assert_int_equal(relay->read, source->log.next);
	leave(relay);
	assert_true(source_is_paced(source));
	assert_int_equal(co_sleep(50 + SLACK_MS), OK);
	assert_true(asked > 0);
	feeder.on_read = NULL;
}

/* A read may bring thousands of tiny messages: a send for each of them and each relay would stop
 * everything else. */
static void a_burst_is_one_turn_for_those_who_are_served_at_once(void **state)
{
	(void)state;
	static const bool relays[] = {false, true};
	for (size_t i = 0; i < 2; i++) {
		begin_paced(0);
		struct player *p = join_one(relays[i], consumer_send_slot);
		served = 0;
		for (int k = 0; k < 1000; k++)
			pub_more(picture(1));
		assert_int_equal(served, 0);
		source_caught_up(source, &feeder, true);
		assert_int_equal(served, 1);
		assert_int_equal(p->read, source->log.next);
		source_caught_up(source, &feeder, true);
		assert_int_equal(served, 1);
		feeder.on_read = NULL;
		void *none = NULL;
		assert_int_equal(teardown(&none), 0);
		assert_int_equal(setup(&none), 0);
	}
	begin(50);
}

/* Batched players get all that had come when their slot began, not only what fitted into a slice. */
static void a_turn_does_not_end_with_a_slice(void **state)
{
	(void)state;
	begin_paced(5000);
	struct player *p = join_one(false, consumer_send_slot);
	source->fanout.due = UINT32_MAX;
	source->fanout.catching_up = true;
	pub_more(picture(50));
	source_caught_up(source, &feeder, false);
	assert_int_equal(served, 0);
	pub_more(picture(50));
	source_caught_up(source, &feeder, true);
	assert_int_equal(served, 1);
	assert_int_equal(p->read, source->log.next);
	feeder.on_read = NULL;
}

static void joins_put_no_turn_off(void **state)
{
	(void)state;
	begin_paced(50);
	struct player *p = join_one(false, consumer_send_slot);
	int64_t until = clock_ms() + 500, worst = 0, last = clock_ms();
	int order_before = p->order = -1, turns = 0;
	while (clock_ms() < until) {
		fake_time_pass(3); /* the turn may be due already when somebody joins */
		join_one(false, consumer_send_slot);
		co_yield ();
		if (p->order == order_before)
			continue;
		worst = clock_ms() - last > worst ? clock_ms() - last : worst;
		last = clock_ms();
		order_before = p->order;
		turns++;
	}
	assert_in_range(turns, 9, 11);
	assert_true(worst <= 50 + SLACK_MS);
	feeder.on_read = NULL;
}

static void sources_have_their_turns_at_different_times(void **state)
{
	(void)state;
	begin(320);
	uint32_t phases = 0;
	for (int i = 0; i < FANOUT_GROUPS; i++) {
		struct source *s = source_new("k", "v", "a", "s", &source->opts);
		phases |= UINT32_C(1) << s->fanout.phase;
		source_unref(&s);
	}
	assert_int_equal(phases, UINT32_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_turn_begins_with_the_feeder_and_needs_no_coroutine_of_the_player),
		TEST(a_feeder_that_does_not_catch_up_delays_nobody_by_more_than_a_turn),
		TEST(without_players_the_feeder_still_has_its_turns),
		TEST(who_wants_each_message_ends_the_pacing),
		TEST(a_burst_is_one_turn_for_those_who_are_served_at_once),
		TEST(a_turn_does_not_end_with_a_slice),
		TEST(joins_put_no_turn_off),
		TEST(sources_have_their_turns_at_different_times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
