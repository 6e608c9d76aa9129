/* Feeders of a source: who has its slot, and what those hear who lose it. */
#include "unit/live/source_rig.h"

static void a_feeder_that_lost_its_slot_is_told_and_cannot_harm(void **state)
{
	(void)state;
	make();
	source_begin(source, &feeder);
	source_begin(source, &feeder);
	assert_int_equal(lost, 0);
	source_begin(source, &other);
	assert_int_equal(lost, 1);
	assert_null(feeder.source);
	source_leave(source, &feeder, 0);
	assert_true(source_is_live(source));
	assert_ptr_equal(source->feeder, &other);
	source_leave(source, &other, 0);
	assert_null(other.source);
	assert_int_equal(source->state, SOURCE_IDLE);
}

static void relays_hear_of_the_gap_and_players_of_its_end(void **state)
{
	(void)state;
	make();
	struct receiver player = {0}, relay = {0};
	source_begin(source, &feeder);
	join(&player);
	receiver_join(&relay, source, &wire_rtmp, CONSUMER_RELAY);
	assert_int_equal(source->player_count, 1);
	assert_int_equal(source->consumer_count, 2);
	source_leave(source, &feeder, 30);
	assert_int_equal(source->state, SOURCE_GAP);
	assert_true(has_ended(&relay));
	assert_false(has_ended(&player));
	assert_int_equal(co_sleep(10), OK);
	assert_false(has_ended(&player));
	assert_int_equal(co_sleep(60), OK);
	assert_true(has_ended(&player));
	assert_int_equal(source->state, SOURCE_IDLE);
	receiver_leave(&relay);
	receiver_leave(&player);
	receiver_leave(&player);
	/* A player that comes now waits for the next publisher. */
	join(&player);
	assert_false(has_ended(&player));
	receiver_leave(&player);
}

/* A message of the feeder before is no beginning of the new one's timeline, nor anything else. */
static void what_a_feeder_without_the_slot_publishes_is_dropped(void **state)
{
	(void)state;
	make();
	struct receiver c;
	struct msg *stray = sound(20);
	source_begin(source, &feeder);
	pub(key_frame(500), 5000000);
	join(&c);
	assert_string_equal(receiver_reads(&c), "k");
	source_begin(source, &other);
	uint64_t kept = source->log.next;
	assert_false(source_publish(source, &feeder, &stray, 5000040));
	assert_null(stray);
	assert_false(source->timeline.begun);
	assert_int_equal(source->log.next, kept);
	pub(key_frame(500), 0);
	assert_string_equal(receiver_reads(&c), "k");
	receiver_leave(&c);
	source_leave(source, &other, 0);
}

static void a_relay_does_not_take_the_slot_from_a_publisher(void **state)
{
	(void)state;
	make();
	assert_true(source_begin(source, &pull));
	assert_true(source_begin(source, &feeder));
	assert_int_equal(lost, 1);
	pub(key_frame(500), 0);
	assert_false(source_begin(source, &pull));
	assert_int_equal(lost, 1);
	assert_null(pull.source);
	assert_ptr_equal(source->feeder, &feeder);
	pub(picture(50), 40); /* and nothing has begun anew */
	assert_string_equal(late_joiner_reads(), "kp");
	source_leave(source, &feeder, 1000);
	assert_true(source_begin(source, &pull));
	source_leave(source, &pull, 0);
}

static void a_feeder_within_the_grace_goes_on_where_the_former_ended(void **state)
{
	(void)state;
	make();
	struct receiver player;
	source_begin(source, &feeder);
	pub(key_frame(500), 0);
	join(&player);
	source_leave(source, &feeder, 20);
	source_begin(source, &other);
	assert_int_equal(co_sleep(60), OK);
	assert_false(has_ended(&player));
	int64_t before = source->timeline.max;
	pub(key_frame(500), 0);
	assert_true(source->timeline.max > before);
	assert_string_equal(receiver_reads(&player), "kk");
	source_finish(source);
	assert_true(has_ended(&player));
	assert_true(source_is_live(source));
	receiver_leave(&player);
	source_leave(source, &other, 0);
}

static void players_are_not_told_when_that_is_off(void **state)
{
	(void)state;
	opts.notify_end = false;
	make();
	struct receiver player;
	source_begin(source, &feeder);
	pub(key_frame(500), 0);
	join(&player);
	source_leave(source, &feeder, 0);
	assert_false(has_ended(&player));
	assert_string_equal(receiver_reads(&player), "k");
	source_begin(source, &other);
	pub(key_frame(500), 0);
	assert_string_equal(receiver_reads(&player), "k");
	assert_string_equal(late_joiner_reads(), "k");
	receiver_leave(&player);
	source_leave(source, &other, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_feeder_that_lost_its_slot_is_told_and_cannot_harm),
		TEST(what_a_feeder_without_the_slot_publishes_is_dropped),
		TEST(a_relay_does_not_take_the_slot_from_a_publisher),
		TEST(relays_hear_of_the_gap_and_players_of_its_end),
		TEST(a_feeder_within_the_grace_goes_on_where_the_former_ended),
		TEST(players_are_not_told_when_that_is_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
