/* Real coroutines that note when they were woken, in a time of their own. */
#include "base/mem.h"
#include "live/source.h"
#include "support/fake_time.h"
#include "support/unit.h"
#include "unit/live/media.h"

#include <stdlib.h>

enum { PLAYERS_MAX = 5000, MESSAGES_MAX = 20000, SLACK_MS = 2, ROUND_MS = 50 };

struct player {
	struct co *co;
	struct consumer consumer;
	int wakes;
	int order;        /* of its first wake since clear() */
	uint64_t read;    /* messages */
	int64_t worst_ms; /* the longest that one had to wait */
};

static struct player *players;
static int player_count, order;
static struct source *source;
static struct feeder feeder;
static int64_t published_ms[MESSAGES_MAX];

static void player_main(void *arg)
{
	struct player *p = arg;
	while (co_wait(CLOCK_NEVER) == OK) {
		uint64_t news = source->log.next;
		if (p->read < news) {
			int64_t waited = clock_ms() - published_ms[p->read];
			p->worst_ms = waited > p->worst_ms ? waited : p->worst_ms;
		}
		p->read = news;
		if (!p->wakes++)
			p->order = order++;
	}
}

static int setup(void **state)
{
	(void)state;
	players = mem_zalloc(PLAYERS_MAX * sizeof(*players));
	player_count = order = 0;
	fake_time_begin();
	return co_init() == OK ? 0 : -1;
}

/* One of several messages that have come together. */
static void pub_more(struct msg *m)
{
	assert_true(source->log.next < MESSAGES_MAX);
	published_ms[source->log.next] = clock_ms();
	source_publish(source, source->feeder, &m, (uint32_t)clock_ms());
}

static void pub(struct msg *m)
{
	pub_more(m);
	source_caught_up(source, &feeder, true);
}

static void begin(int64_t batch_ms)
{
	source = source_new("k", "v", "a", "s",
			    &(struct source_opts){.chunk_size = 4096,
						  .gop_cache = true,
						  .backlog_ms = 30000,
						  .batch_ms = batch_ms});
	source_begin(source, &feeder);
	pub(key_frame(50));
}

static struct player *join_one(bool relay, void (*on_send_slot)(struct consumer *consumer))
{
	struct player *p = &players[player_count++];
	p->co = co_start("player", player_main, p);
	assert_non_null(p->co);
	p->read = source->log.next;
	consumer_open(&p->consumer, source,
		      &(struct consumer_opts){.kind = relay ? CONSUMER_RELAY : CONSUMER_PLAYER,
					      .co = p->co,
					      .on_send_slot = on_send_slot});
	return p;
}

static void join(int count, bool relay)
{
	for (int i = 0; i < count; i++)
		join_one(relay, NULL);
	co_yield ();
}

static void leave(struct player *p)
{
	if (!p->co)
		return;
	consumer_close(&p->consumer);
	co_stop(p->co);
	co_join(&p->co);
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < player_count; i++)
		leave(&players[i]);
	source_leave(source, &feeder, 0);
	source_unref(&source);
	co_fini();
	fake_time_end();
	free(players);
	return msg_live() ? -1 : 0;
}

static void clear(void)
{
	order = 0;
	for (int i = 0; i < player_count; i++)
		players[i].wakes = 0;
}

static void yields(int n)
{
	while (n-- > 0)
		co_yield ();
}

static int woken(int from, int to)
{
	int n = 0;
	for (int i = from; i < to; i++)
		n += players[i].wakes > 0;
	return n;
}

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
		TEST(a_turn_begins_with_the_feeder_and_needs_no_coroutine_of_the_player),
		TEST(a_feeder_that_does_not_catch_up_delays_nobody_by_more_than_a_turn),
		TEST(without_players_the_feeder_still_has_its_turns),
		TEST(who_wants_each_message_ends_the_pacing),
		TEST(a_burst_is_one_turn_for_those_who_are_served_at_once),
		TEST(a_turn_does_not_end_with_a_slice),
		TEST(joins_put_no_turn_off),
		TEST(sources_have_their_turns_at_different_times),
		TEST(everybody_hears_of_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
