/* One source at a time, with receivers that read FLV: its tags are what was published. */
#include "unit/live/source_rig.h"

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
		TEST(a_source_goes_with_its_last_reference),
		TEST(wires_come_and_go_with_their_consumers),
		TEST(metadata_that_comes_late_does_not_turn_time_back),
		TEST(the_registry_forgets_a_source_that_is_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
