/* What happens as the memory for media fills. */
#include "codec/media_memory.h"
#include "live/reader.h"
#include "live/registry.h"
#include "support/fake_time.h"
#include "unit/live/receiver.h"

#include <stdio.h>

enum { MB = 1 << 20, STREAMS = 4 };

static struct registry registry;
static struct source *sources[STREAMS];
static struct feeder feeders[STREAMS];
static struct source *ended;
static uint32_t raw;

static void on_exhausted(struct registry *r, struct source *s)
{
	(void)r;
	ended = s;
}

static int setup(void **state)
{
	(void)state;
	ended = NULL;
	raw = 0;
	fake_time_begin();
	if (co_init() != OK)
		return -1;
	registry_init(&registry);
	registry.on_exhausted = on_exhausted;
	for (int i = 0; i < STREAMS; i++) {
		char key[] = {'a', (char)('0' + i), '\0'};
		sources[i] = registry_get(&registry, key, "v", "a", key,
					  &(struct source_opts){.chunk_size = 4096,
								.gop_cache = true,
								.backlog_ms = 30000,
								.notify_end = true});
		feeders[i] = (struct feeder){.kind = FEEDER_PUBLISHER};
		source_begin(sources[i], &feeders[i]);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	media_memory_limit(0);
	for (int i = 0; i < STREAMS; i++) {
		source_leave(sources[i], &feeders[i], 0);
		source_unref(&sources[i]);
	}
	registry_fini(&registry);
	co_fini();
	fake_time_end();
	return msg_live() || media_memory_used() ? -1 : 0;
}

static void pub(int i, struct msg *m)
{
	assert_non_null(m);
	source_publish(sources[i], &feeders[i], &m, raw);
	raw += 10;
	fake_time_pass(10);
}

static void the_fattest_stream_loses_its_cache_first(void **state)
{
	(void)state;
	media_memory_limit(100 * MB);
	for (int i = 0; i < STREAMS; i++)
		pub(i, key_frame(100000));
	for (int i = 0; i < 100; i++)
		pub(0, picture(MB / 2));
	pub(1, key_frame(10 * MB));
	assert_true(sources[0]->log.has_start);
	for (int i = 0; i < 40; i++)
		pub(0, picture(MB / 2));
	assert_false(sources[0]->log.has_start);
	assert_true(sources[1]->log.has_start && sources[2]->log.has_start);
	assert_true(media_memory_used() < 30 * MB);
	assert_null(ended);
	/* It may have one again. */
	pub(0, key_frame(1000));
	assert_true(sources[0]->log.has_start);
}

static void slow_receivers_and_readers_are_moved(void **state)
{
	(void)state;
	struct receiver slow;
	struct reader reader = {0};
	media_memory_limit(64 * MB);
	pub(0, key_frame(1000));
	receiver_join(&slow, sources[0], &wire_flv, CONSUMER_PLAYER);
	reader_open(&reader, sources[0], &(struct reader_opts){.from_start = true});
	for (int i = 0; i < 200; i++)
		pub(0, picture(MB));
	assert_true(media_memory_used() < 60 * MB);
	assert_true(slow.cursor.skips > 0);
	assert_true(reader.overruns > 0);
	assert_null(ended);
	reader_close(&reader);
	receiver_leave(&slow);
}

static void when_caches_are_no_help_the_worst_publisher_ends(void **state)
{
	(void)state;
	media_memory_limit(16 * MB);
	pub(1, key_frame(1000));
	pub(2, key_frame(3000));
	media_memory_charge(15 * MB + MB / 2); /* what is unfinished, say */
	pub(0, sound(100));
	assert_ptr_equal(ended, sources[2]);
	media_memory_give(15 * MB + MB / 2);
}

static void what_does_not_fit_is_refused_large_ones_first(void **state)
{
	(void)state;
	media_memory_limit(16 * MB);
	assert_null(msg_new(MSG_VIDEO, 0, 16 * MB));
	struct msg *m = msg_new(MSG_VIDEO, 0, 14 * MB);
	assert_non_null(m);
	assert_int_equal(media_memory_state(), MEDIA_MEMORY_TIGHT);
	assert_null(msg_resize(m, 17 * MB));
	assert_int_equal(m->n, 14 * MB);
	assert_null(msg_new(MSG_VIDEO, 0, 2 * MB));
	struct msg *small = msg_new(MSG_AUDIO, 0, 300);
	assert_non_null(small);
	msg_unref(&small);
	m = msg_resize(m, 100);
	assert_int_equal(media_memory_state(), MEDIA_MEMORY_FREE);
	msg_unref(&m);
}

static void a_second_copy_is_not_made_when_it_does_not_fit(void **state)
{
	(void)state;
	struct receiver late;
	media_memory_limit(32 * MB);
	pub(0, key_frame(1000));
	for (int i = 0; i < 20; i++)
		pub(0, picture(MB));
	assert_true(sources[0]->log.has_start);
	receiver_join(&late, sources[0], &wire_flv, CONSUMER_PLAYER);
	assert_true(media_memory_used() < 22 * MB);
	assert_true(late.cursor.key_due_ms > 0);
	receiver_leave(&late);
}

static void a_message_that_does_not_fit_makes_room(void **state)
{
	(void)state;
	media_memory_limit(32 * MB);
	pub(0, key_frame(1000));
	for (int i = 0; i < 20; i++)
		pub(0, picture(MB));
	struct msg *m = msg_new(MSG_VIDEO, 0, 16 * MB);
	assert_non_null(m);
	assert_false(sources[0]->log.has_start);
	msg_unref(&m);
}

/* Some hold most of it, thousands hold little. */
static void many_streams_are_not_looked_at_for_each_message(void **state)
{
	(void)state;
	enum { MANY = 2000, FAT = 150, MESSAGES = 10000, MESSAGE_BYTES = 4096 };
	static struct source *crowd[MANY];
	static struct feeder feeds[MANY];
	media_memory_limit(64 * MB);
	for (int i = 0; i < MANY; i++) {
		char key[16];
		snprintf(key, sizeof(key), "many%d", i);
		crowd[i] = registry_get(&registry, key, "v", "a", key,
					&(struct source_opts){.gop_cache = true});
		feeds[i] = (struct feeder){.kind = FEEDER_PUBLISHER};
		source_begin(crowd[i], &feeds[i]);
		struct msg *m = key_frame(i < FAT ? 320 << 10 : 100);
		source_publish(crowd[i], &feeds[i], &m, 0);
	}
	for (int i = 0; i < MESSAGES; i++) {
		struct source *one = crowd[i % FAT];
		struct msg *m =
			one->log.has_start ? picture(MESSAGE_BYTES) : key_frame(MESSAGE_BYTES);
		source_publish(one, &feeds[i % FAT], &m, 0);
		assert_true(media_memory_state() == MEDIA_MEMORY_FREE);
	}
	/* Each makes room for a sixteenth of what there may be. */
	assert_true(registry.looks > 0);
	assert_true(registry.looks <= 2 + MESSAGES * (MESSAGE_BYTES + 1024) / (64 * MB / 16));
	assert_null(ended);
	for (int i = 0; i < MANY; i++) {
		source_leave(crowd[i], &feeds[i], 0);
		source_unref(&crowd[i]);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_fattest_stream_loses_its_cache_first),
		TEST(slow_receivers_and_readers_are_moved),
		TEST(many_streams_are_not_looked_at_for_each_message),
		TEST(when_caches_are_no_help_the_worst_publisher_ends),
		TEST(a_second_copy_is_not_made_when_it_does_not_fit),
		TEST(a_message_that_does_not_fit_makes_room),
		TEST(what_does_not_fit_is_refused_large_ones_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
