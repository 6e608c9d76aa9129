/* What a source keeps before its newest start, and who gets it: servers that had the stream from somewhere else. */
#include "codec/media_memory.h"
#include "live/wire.h"
#include "unit/live/receiver.h"
#include "unit/live/stage.h"

#include <stdlib.h>

enum { FRAME_MS = 300 };

static struct receiver server, player;
static uint32_t raw;

static int setup(void **state)
{
	static const struct source_opts opts = {
		.chunk_size = 4096, .gop_cache = true, .backlog_ms = 30000};
	(void)state;
	raw = 0;
	int e = stage_begin(&opts);
	feeder.is_moving = true;
	return e;
}

static void pub(struct msg *m)
{
	source_publish(source, source->feeder, &m, raw);
}

/* Key frames "k", pictures "p", headers "H" and "J": each picture takes its time. */
static void stream(const char *what)
{
	for (; *what; what++) {
		if (*what == 'H' || *what == 'J') {
			pub(avc_header((uint8_t)*what));
			continue;
		}
		pub(*what == 'k' ? key_frame(1000) : picture(300));
		raw += FRAME_MS;
		fake_time_pass(FRAME_MS);
	}
}

static void resume(struct receiver *c, const struct wire_format *format, int64_t until_ms)
{
	*c = (struct receiver){0};
	source_cursor_open(source, &c->cursor,
			   &(struct cursor_opts){.format = format,
						 .from_start = true,
						 .until_ms = until_ms,
						 .for_server = true});
	consumer_open(&c->member, source,
		      &(struct consumer_opts){.kind = CONSUMER_RELAY, .co = co_self()});
}

static const char *resumes(int64_t until_ms)
{
	resume(&server, &wire_flv, until_ms);
	const char *text = receiver_reads(&server);
	receiver_leave(&server);
	return text;
}

static void a_server_that_goes_on_begins_where_it_was(void **state)
{
	(void)state;
	int64_t began = clock_ms();
	stream("Hkppkpkpp");
	assert_string_equal(resumes(began + 1), "Hkppkpkpp");
	assert_string_equal(resumes(began + 3 * FRAME_MS), "Hkppkpkpp");
	assert_string_equal(resumes(began + 3 * FRAME_MS + 1), "Hkpkpp");
	assert_string_equal(resumes(began + 5 * FRAME_MS + 1), "Hkpp");
	assert_string_equal(resumes(1), "Hkppkpkpp"); /* longer ago than it is kept: all there is */
	assert_string_equal(resumes(0), "Hkpp");
	receiver_join(&player, source, &wire_flv, CONSUMER_PLAYER);
	assert_string_equal(receiver_reads(&player), "Hkpp");
	receiver_leave(&player);
}

/* It follows the bytes that all share, as everybody does. */
static void it_goes_on_with_what_comes(void **state)
{
	(void)state;
	stream("Hkppkp");
	receiver_join(&player, source, &wire_flv, CONSUMER_PLAYER);
	resume(&server, &wire_flv, 1);
	assert_string_equal(receiver_reads(&server), "Hkppkp");
	stream("pkp");
	assert_string_equal(receiver_reads(&server), "pkp");
	receiver_leave(&server);
	receiver_leave(&player);
}

static void headers_are_told_where_they_change(void **state)
{
	(void)state;
	stream("HkppJkp");
	resume(&server, &wire_flv, 1);
	assert_string_equal(receiver_reads(&server), "HkppHkp");
	stream("pp");
	assert_string_equal(receiver_reads(&server), "pp");
	receiver_leave(&server);
}

static void over_rtmp_the_times_are_those_of_the_source(void **state)
{
	struct iovec iov[8];
	(void)state;
	stream("Hkppkp");
	resume(&server, &wire_rtmp, 1);
	assert_true(cursor_gather(&server.cursor, iov, 8, 1 << 20) > 0);
	/* Whole messages: the first picture behind the header has time 0, and none is made up. */
	const uint8_t *p = iov[0].iov_base;
	assert_true(iov[0].iov_len > 12 + 20 + 12 + 1000);
	assert_int_equal(p[12 + 20 + 1] << 16 | p[12 + 20 + 2] << 8 | p[12 + 20 + 3], 0);
	assert_int_equal(p[12 + 20 + 7], 9);
	receiver_leave(&server);
}

static void it_is_kept_while_the_feeder_is_new(void **state)
{
	(void)state;
	stream("Hkppkpp");
	size_t kept = source->log.bytes;
	fake_time_pass(SOURCE_YOUNG_MS);
	stream("p");
	assert_string_equal(resumes(1), "Hkppp");
	assert_true(source->log.bytes < kept);
	stream("kpp");
	assert_string_equal(resumes(1), "Hkpp");
	assert_int_equal(source->log.former_bytes, 0);
}

/* An encoder's own connection brings a stream that nobody has had from elsewhere. */
static void of_an_encoder_no_more_than_the_newest_is_kept(void **state)
{
	(void)state;
	feeder.is_moving = false;
	stream("Hkppkpp");
	assert_string_equal(resumes(1), "Hkpp");
	assert_int_equal(source->log.former_bytes, 0);
}

/* For encoders that publish to two origins: nobody tells either of them when it will be needed. */
static void it_is_kept_as_far_back_as_configured(void **state)
{
	(void)state;
	source->opts.resume_window_ms = 1500;
	stream("Hk");
	fake_time_pass(SOURCE_YOUNG_MS);
	stream("kppkppkppkpp");
	assert_string_equal(resumes(1), "Hkppkppkpp");
	stream("k");
	assert_string_equal(resumes(1), "Hkppkppk");
}

/* As a push asks for it: back to what its origin is known to have. */
static void it_is_kept_as_far_as_somebody_needs_it(void **state)
{
	(void)state;
	stream("Hk");
	fake_time_pass(SOURCE_YOUNG_MS);
	stream("kp");
	source_keep_from(source, clock_ms());
	stream("kppkpk");
	assert_string_equal(resumes(1), "Hkpkppkpk");
	source_keep_from(source, clock_ms());
	stream("p");
	assert_string_equal(resumes(1), "Hkp");
	stream("kpkp");
	assert_string_equal(resumes(1), "Hkpkpkp");
	source_keep_from(source, 0);
	stream("p");
	assert_string_equal(resumes(1), "Hkpp");
}

static void what_another_feeder_sent_is_not_part_of_it(void **state)
{
	struct feeder next = {.kind = FEEDER_PUBLISHER, .is_moving = true};
	(void)state;
	stream("Hkppkp");
	source_keep_from(source, 1);
	source_begin(source, &next);
	stream("Hkpkp");
	assert_string_equal(resumes(1), "Hkpkp");
	source_leave(source, &next, 0);
}

static void many_starts_are_noted_at_a_distance(void **state)
{
	(void)state;
	stream("H");
	for (int i = 0; i < 200; i++) {
		pub(key_frame(1000));
		raw += 10;
		fake_time_pass(10);
	}
	assert_true(source->log.former_count <= 200 * 10 / 250 + 1);
	assert_int_equal(strlen(resumes(1)), 1 + 200);
	assert_int_equal(strlen(resumes(0)), 1 + 1);
}

static void its_bytes_are_bounded(void **state)
{
	(void)state;
	stream("H");
	for (int i = 0; i < 40; i++) {
		pub(key_frame(1 << 20));
		raw += 100;
		fake_time_pass(100);
	}
	assert_true(source->log.former_bytes <= 16 << 20);
	assert_true(source->log.bytes <= 18 << 20);
}

static void short_memory_ends_it(void **state)
{
	(void)state;
	stream("Hkppkp");
	media_memory_limit(media_memory_used() + 1000);
	stream("p");
	media_memory_limit(0);
	assert_string_equal(resumes(1), "Hkpp");
}

/* Whoever says that it is a server, and reads nothing, holds memory that is counted, and gets none when half is used. */
static void what_is_made_for_a_server_is_counted(void **state)
{
	(void)state;
	stream("Hkppkp");
	receiver_join(&player, source, &wire_flv, CONSUMER_PLAYER);
	size_t before = media_memory_used();
	resume(&server, &wire_flv, 1);
	assert_true(media_memory_used() >= before + 1000 + 300 + 300);
	assert_string_equal(receiver_reads(&server), "Hkppkp");
	assert_int_equal(media_memory_used(), before);
	receiver_leave(&server);
	resume(&server, &wire_flv, 1);
	receiver_leave(&server);
	assert_int_equal(media_memory_used(), before);
	media_memory_limit(2 * before);
	assert_string_equal(resumes(1), "Hkp");
	media_memory_limit(0);
	receiver_leave(&player);
}

/* Where nobody can begin at the newest start, nobody can before it. */
static void it_goes_with_the_newest_start(void **state)
{
	(void)state;
	stream("Hkppkp");
	source_shrink(source);
	stream("p");
	assert_null(msg_log_former(&source->log, 1));
	assert_string_equal(resumes(1), "H");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, stage_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_server_that_goes_on_begins_where_it_was),
		TEST(it_goes_on_with_what_comes),
		TEST(headers_are_told_where_they_change),
		TEST(over_rtmp_the_times_are_those_of_the_source),
		TEST(it_is_kept_while_the_feeder_is_new),
		TEST(of_an_encoder_no_more_than_the_newest_is_kept),
		TEST(it_is_kept_as_far_back_as_configured),
		TEST(it_is_kept_as_far_as_somebody_needs_it),
		TEST(what_another_feeder_sent_is_not_part_of_it),
		TEST(many_starts_are_noted_at_a_distance),
		TEST(its_bytes_are_bounded),
		TEST(short_memory_ends_it),
		TEST(what_is_made_for_a_server_is_counted),
		TEST(it_goes_with_the_newest_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
