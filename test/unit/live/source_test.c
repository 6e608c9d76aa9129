/* One source at a time, with receivers that read FLV: its tags are what was published. */
#include "base/mem.h"
#include "live/registry.h"
#include "live/wire.h"
#include "support/fake_time.h"
#include "support/unit.h"
#include "unit/live/receiver.h"

#include <stdlib.h>
#include <sys/uio.h>

static struct source *source;
static struct source_keeper keeper;
static struct feeder feeder, other, pull;
static struct source_opts opts;
static int lost, freed;

static void on_lost(struct feeder *f)
{
	(void)f;
	lost++;
}

static void on_free(struct source_keeper *k, struct source *s)
{
	(void)k;
	(void)s;
	freed++;
}

static void make(void)
{
	source = source_new("k", "v", "a", "s", &opts);
	keeper = (struct source_keeper){.on_free = on_free};
	source->keeper = &keeper;
}

static int setup(void **state)
{
	(void)state;
	opts = (struct source_opts){
		.chunk_size = 4096, .gop_cache = true, .backlog_ms = 30000, .notify_end = true};
	feeder = (struct feeder){.kind = FEEDER_PUBLISHER, .on_lost = on_lost};
	other = feeder;
	pull = (struct feeder){.kind = FEEDER_RELAY, .on_lost = on_lost};
	lost = freed = 0;
	fake_time_begin();
	return co_init() == OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	if (source)
		source_unref(&source);
	co_fini();
	fake_time_end();
	return msg_live() ? -1 : 0;
}

static void pub(struct msg *m, uint32_t raw)
{
	source_publish(source, source->feeder, &m, raw);
	assert_null(m);
}

static void join(struct receiver *c)
{
	receiver_join(c, source, &wire_flv, CONSUMER_PLAYER);
}

static bool has_ended(const struct receiver *c)
{
	return consumer_ended(&c->member);
}

static const char *late_joiner_reads(void)
{
	struct receiver c;
	join(&c);
	const char *text = receiver_reads(&c);
	receiver_leave(&c);
	return text;
}

static void announce(uint8_t what)
{
	pub(metadata(what), 0);
	pub(aac_header(what), 0);
	pub(avc_header(what), 0);
}

/* A stream with its headers and one key frame, and a player of it. */
static void watch_from_a_key_frame(struct receiver *player)
{
	make();
	source_begin(source, &feeder);
	announce('1');
	pub(key_frame(500), 0);
	join(player);
}

static void a_late_joiner_gets_the_headers_and_everything_from_the_key_frame_on(void **state)
{
	(void)state;
	make();
	assert_string_equal(late_joiner_reads(), "");
	source_begin(source, &feeder);
	announce('1');
	assert_string_equal(late_joiner_reads(), "mhH");
	for (uint32_t i = 0; i < 10; i++) {
		pub(i % 5 ? picture(50) : key_frame(500), i * 40);
		pub(sound(20), i * 40);
	}
	assert_string_equal(late_joiner_reads(), "mhHkspspspsps");
	/* One who was there first reads the same. */
	struct receiver c;
	join(&c);
	pub(key_frame(500), 400);
	assert_string_equal(receiver_reads(&c), "mhHkspspspspsk");
	assert_string_equal(late_joiner_reads(), "mhHk");
	receiver_leave(&c);
	source_leave(source, &feeder, 0);
}

static void the_cache_has_its_limits(void **state)
{
	(void)state;
	opts.gop_max_messages = 4;
	make();
	source_begin(source, &feeder);
	pub(key_frame(500), 0);
	for (uint32_t i = 1; i < 4; i++)
		pub(picture(50), i * 40);
	assert_string_equal(late_joiner_reads(), "kppp");
	pub(picture(50), 160);
	assert_string_equal(late_joiner_reads(), "");
	assert_int_equal(source->log.bytes, 0);
	source_leave(source, &feeder, 0);
}

static void a_gop_is_somebodys_own_from_its_key_frame_on(void **state)
{
	(void)state;
	make();
	source_begin(source, &feeder);
	pub(picture(50), 0);
	assert_false(source_has_own_gop(source));
	pub(key_frame(500), 40);
	assert_true(source_has_own_gop(source));
	source_leave(source, &feeder, 1000);
	assert_false(source_has_own_gop(source));
	source_begin(source, &other);
	pub(avc_header('1'), 0);
	pub(picture(50), 0);
	pub(sound(20), 0);
	assert_false(source_has_own_gop(source));
	assert_string_equal(late_joiner_reads(), "kHs"); /* a player starts with what there is */
	pub(key_frame(500), 40);
	assert_true(source_has_own_gop(source));
	source_leave(source, &other, 0);
}

static void pictures_that_stopped_are_not_kept(void **state)
{
	(void)state;
	make();
	source_begin(source, &feeder);
	pub(key_frame(500), 0);
	for (uint32_t i = 0; i < 115; i++)
		pub(sound(20), i * 23);
	assert_true(source->log.has_start);
	pub(sound(20), 115 * 23);
	assert_false(source->log.has_start);
	assert_string_equal(late_joiner_reads(), "");
	source_leave(source, &feeder, 0);
}

static void without_a_cache_one_starts_with_the_next_key_frame(void **state)
{
	(void)state;
	opts.gop_cache = false;
	struct receiver c;
	watch_from_a_key_frame(&c);
	pub(picture(50), 40);
	pub(sound(20), 40);
	pub(sound(20), 63);
	pub(key_frame(500), 80);
	pub(picture(50), 120);
	assert_string_equal(receiver_reads(&c), "mhHsskp");
	receiver_leave(&c);
	source_leave(source, &feeder, 0);
}

static void empty_messages_do_not_fill_the_memory(void **state)
{
	(void)state;
	make();
	source_begin(source, &feeder);
	pub(key_frame(500), 0);
	for (uint32_t i = 0; i < 3000000; i++)
		pub(picture(0), i);
	assert_true(source->log.start_bytes <= 64 << 20);
	assert_true(msg_live() < 2000000);
	source_leave(source, &feeder, 0);
}

static void the_next_feeders_equal_headers_are_not_repeated_and_changed_ones_are(void **state)
{
	(void)state;
	struct receiver c;
	watch_from_a_key_frame(&c);
	pub(sound(20), 0);
	assert_string_equal(receiver_reads(&c), "mhHks");
	announce('1'); /* a feeder may repeat its own */
	assert_string_equal(receiver_reads(&c), "mhH");
	source_leave(source, &feeder, 10000);
	source_begin(source, &other);
	announce('1');
	pub(key_frame(500), 0);
	assert_string_equal(receiver_reads(&c), "k");
	source_leave(source, &other, 10000);
	source_begin(source, &feeder);
	announce('2');
	pub(key_frame(500), 0);
	assert_string_equal(receiver_reads(&c), "mhHk");
	assert_string_equal(late_joiner_reads(), "mhHk");
	receiver_leave(&c);
	source_leave(source, &feeder, 0);
}

static void repeated_headers_can_be_dropped_at_all_times(void **state)
{
	(void)state;
	opts.reduce_headers = true;
	struct receiver c;
	watch_from_a_key_frame(&c);
	announce('1');
	pub(avc_header('2'), 0);
	assert_string_equal(receiver_reads(&c), "mhHkH");
	receiver_leave(&c);
	source_leave(source, &feeder, 0);
}

static void half_a_gop_is_dropped_after_a_change_but_not_after_an_anchor(void **state)
{
	(void)state;
	make();
	source_begin(source, &feeder);
	pub(picture(50), 0); /* half a GOP at the very beginning, too */
	pub(key_frame(500), 40);
	struct receiver c;
	join(&c);
	assert_string_equal(receiver_reads(&c), "k");
	source_begin(source, &other);
	pub(picture(50), 9000);
	pub(sound(20), 9000);
	pub(avc_header('1'), 9000);
	pub(picture(50), 9040);
	pub(key_frame(500), 9080);
	pub(picture(50), 9120);
	assert_string_equal(receiver_reads(&c), "sHkp");
	source_begin(source, &feeder);
	source_anchor(source, 500, source->timeline.max + 40);
	int64_t before = source->timeline.max;
	pub(picture(50), 500);
	assert_int_equal(source->timeline.max, before + 40);
	assert_string_equal(receiver_reads(&c), "p");
	receiver_leave(&c);
	source_leave(source, &feeder, 0);
}

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
	assert_false(source_publish(source, &feeder, &stray, 5000040));
	assert_null(stray);
	assert_false(source->timeline.begun);
	assert_int_equal(source->log.next, 1);
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

static void a_source_goes_with_its_last_reference(void **state)
{
	(void)state;
	make();
	struct receiver player;
	join(&player);
	source_begin(source, &feeder);
	pub(key_frame(500), 0);
	source_leave(source, &feeder, 5);
	source_unref(&source);
	assert_int_equal(freed, 0);
	receiver_leave(&player);
	assert_int_equal(freed, 1);
	assert_int_equal(msg_live(), 0);
	assert_int_equal(co_sleep(20), OK); /* its timer is gone too */
	source_unref(&source);
}

static void wires_come_and_go_with_their_consumers(void **state)
{
	(void)state;
	make();
	source_begin(source, &feeder);
	pub(key_frame(500), 0);
	assert_null(source->wires);
	struct receiver flv, rtmp = {0};
	join(&flv);
	receiver_join(&rtmp, source, &wire_rtmp, CONSUMER_PLAYER);
	assert_ptr_equal(source->wires->format, &wire_rtmp);
	assert_ptr_equal(source->wires->next->format, &wire_flv);
	receiver_leave(&flv);
	assert_null(source->wires->next);
	receiver_leave(&rtmp);
	assert_null(source->wires);
	source_leave(source, &feeder, 0);
}

static void metadata_that_comes_late_does_not_turn_time_back(void **state)
{
	(void)state;
	make();
	source_begin(source, &feeder);
	for (uint32_t i = 0; i < 100; i++)
		pub(i ? picture(50) : key_frame(50), 5000 + i * 40);
	struct receiver c;
	join(&c);
	receiver_reads(&c);
	struct msg *m = metadata('2'), *mine = msg_ref(m);
	pub(m, 0);
	assert_int_equal(mine->ts, source->timeline.max);
	msg_unref(&mine);
	assert_int_equal(cursor_lag(&c.cursor), 0);
	receiver_leave(&c);
	source_leave(source, &feeder, 0);
}

static void the_registry_forgets_a_source_that_is_gone(void **state)
{
	(void)state;
	struct registry registry;
	registry_init(&registry);
	struct source *a = registry_get(&registry, "v/a/s", "v", "a", "s", &opts);
	struct source *b = registry_get(&registry, "v/a/s", "v", "a", "s", &opts);
	assert_ptr_equal(a, b);
	assert_ptr_equal(registry_find(&registry, "v/a/s"), a);
	assert_null(registry_find(&registry, "v/a/t"));
	source_unref(&a);
	assert_non_null(registry_find(&registry, "v/a/s"));
	source_unref(&b);
	assert_null(registry_find(&registry, "v/a/s"));
	registry_fini(&registry);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_late_joiner_gets_the_headers_and_everything_from_the_key_frame_on),
		TEST(the_cache_has_its_limits),
		TEST(a_gop_is_somebodys_own_from_its_key_frame_on),
		TEST(pictures_that_stopped_are_not_kept),
		TEST(without_a_cache_one_starts_with_the_next_key_frame),
		TEST(empty_messages_do_not_fill_the_memory),
		TEST(the_next_feeders_equal_headers_are_not_repeated_and_changed_ones_are),
		TEST(repeated_headers_can_be_dropped_at_all_times),
		TEST(half_a_gop_is_dropped_after_a_change_but_not_after_an_anchor),
		TEST(a_feeder_that_lost_its_slot_is_told_and_cannot_harm),
		TEST(what_a_feeder_without_the_slot_publishes_is_dropped),
		TEST(a_relay_does_not_take_the_slot_from_a_publisher),
		TEST(relays_hear_of_the_gap_and_players_of_its_end),
		TEST(a_feeder_within_the_grace_goes_on_where_the_former_ended),
		TEST(players_are_not_told_when_that_is_off),
		TEST(a_source_goes_with_its_last_reference),
		TEST(wires_come_and_go_with_their_consumers),
		TEST(metadata_that_comes_late_does_not_turn_time_back),
		TEST(the_registry_forgets_a_source_that_is_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
