/* Readers of messages, and the log that keeps messages for them. */
#include "live/reader.h"
#include "live/source.h"
#include "support/fake_time.h"
#include "support/unit.h"
#include "unit/live/media.h"

enum { BACKLOG_MS = 3000, FRAME_MS = 40 };

static struct source *source;
static struct feeder feeder;
static struct source_opts opts;
static struct reader reader;
static uint32_t raw;

static int setup(void **state)
{
	(void)state;
	opts = (struct source_opts){
		.chunk_size = 4096, .gop_cache = true, .backlog_ms = BACKLOG_MS};
	feeder = (struct feeder){.kind = FEEDER_PUBLISHER};
	reader = (struct reader){0};
	raw = 0;
	fake_time_begin();
	return co_init() == OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	reader_close(&reader);
	if (source) {
		source_leave(source, &feeder, 0);
		source_unref(&source);
	}
	co_fini();
	fake_time_end();
	return msg_live() ? -1 : 0;
}

static void begin(void)
{
	source = source_new("k", "v", "a", "s", &opts);
	source_begin(source, &feeder);
}

static void pub(struct msg *m)
{
	source_publish(source, &feeder, &m, raw);
}

/* A header, and so many pictures with sound, a key frame each 25. */
static void stream(int pictures)
{
	for (int i = 0; i < pictures; i++) {
		pub(i % 25 == 0 ? key_frame(1000) : picture(300));
		pub(sound(100));
		raw += FRAME_MS;
		fake_time_pass(FRAME_MS);
	}
}

static void open_reader(bool from_start)
{
	reader_open(&reader, source, &(struct reader_opts){.from_start = from_start});
}

static int read_all(void)
{
	struct reading got;
	int n = 0;
	while (reader_next(&reader, &got))
		n++;
	return n;
}

static void a_reader_begins_at_the_newest_start_with_its_headers(void **state)
{
	struct reading got;
	(void)state;
	begin();
	pub(avc_header('1'));
	pub(aac_header('1'));
	stream(30);
	open_reader(true);
	assert_true(reader_next(&reader, &got));
	assert_true(got.msg->frame.is_key);
	assert_int_equal(got.seq, 2 + 50);
	assert_non_null(got.headers);
	assert_int_equal(got.headers->count, 2);
	assert_int_equal(got.lost, 0);
	assert_true(reader_next(&reader, &got));
	assert_int_equal(got.msg->type, MSG_AUDIO);
	assert_int_equal(got.seq, 2 + 51);
	assert_null(got.headers);
	assert_int_equal(read_all(), 8);
	assert_false(reader_next(&reader, &got));
	assert_int_equal(reader_lag(&reader), 0);
}

static void a_reader_from_live_gets_no_half_gop(void **state)
{
	struct reading got;
	(void)state;
	begin();
	pub(avc_header('1'));
	stream(10);
	open_reader(false);
	pub(picture(10));
	pub(sound(10));
	pub(key_frame(10));
	assert_true(reader_next(&reader, &got));
	assert_int_equal(got.msg->type, MSG_AUDIO);
	assert_non_null(got.headers);
	assert_true(reader_next(&reader, &got));
	assert_true(got.msg->frame.is_key);
	assert_false(reader_next(&reader, &got));
}

static void headers_that_change_are_messages(void **state)
{
	struct reading got;
	(void)state;
	begin();
	open_reader(true);
	pub(avc_header('1'));
	assert_true(reader_next(&reader, &got));
	assert_true(got.msg->frame.is_header);
	assert_null(got.headers);
	pub(avc_header('2'));
	assert_true(reader_next(&reader, &got));
	assert_int_equal(got.msg->payload[5], '2');
}

static void a_reader_that_is_too_slow_is_moved_and_told(void **state)
{
	struct reading got;
	(void)state;
	begin();
	pub(avc_header('1'));
	stream(1);
	open_reader(true);
	uint64_t from = source->log.start;
	stream(1000);
	assert_in_range(reader.overruns, 5, 1000 * FRAME_MS / BACKLOG_MS);
	assert_true(source->log.bytes < 2 * (BACKLOG_MS + 2000) / FRAME_MS * 700);
	assert_true(reader_next(&reader, &got));
	assert_int_equal(got.lost, got.seq - from);
	assert_true(got.lost > 1000);
	assert_true(got.msg->frame.is_key);
	assert_int_equal(got.headers->count, 1);
	uint64_t next = got.seq + 1;
	while (reader_next(&reader, &got)) {
		assert_int_equal(got.seq, next++);
		assert_int_equal(got.lost, 0);
	}
	assert_int_equal(next, source->log.next);
}

static void without_a_start_it_is_moved_to_live(void **state)
{
	struct reading got;
	(void)state;
	opts.gop_cache = false;
	begin();
	open_reader(true);
	stream(20);
	assert_int_equal(read_all(), 40);
	for (int i = 0; i < 200; i++) {
		pub(sound(100));
		raw += FRAME_MS;
		fake_time_pass(FRAME_MS);
	}
	assert_int_equal(reader.overruns, 2);
	assert_true(reader_next(&reader, &got));
	assert_in_range(got.lost, 140, 160);
}

static void a_burst_and_a_jump_make_no_reader_slow(void **state)
{
	(void)state;
	begin();
	open_reader(true);
	for (int i = 0; i < 500; i++) {
		pub(i ? picture(100) : key_frame(100));
		raw += FRAME_MS;
	}
	raw += 3600000;
	pub(picture(100));
	assert_int_equal(reader.overruns, 0);
	assert_int_equal(read_all(), 501);
}

static void what_readers_have_not_read_is_bounded_in_bytes(void **state)
{
	(void)state;
	begin();
	open_reader(true);
	for (int i = 0; i < 200; i++) {
		pub(sound(1 << 20));
		raw += 10;
	}
	assert_true(reader.overruns > 0);
	assert_true(source->log.bytes <= 65 << 20);
	read_all();
	pub(sound(10));
	assert_in_range(source->log.bytes, 1, 1000);
	reader_close(&reader);
	assert_int_equal(source->log.bytes, 0);
}

static void messages_live_as_long_as_a_reader_wants_them(void **state)
{
	(void)state;
	begin();
	stream(26);
	struct reader slow = {0};
	open_reader(true);
	reader_open(&slow, source, &(struct reader_opts){.from_start = true});
	stream(25);
	assert_int_equal(read_all(), 52);
	assert_int_equal(source->log.next - source->log.first, 52);
	reader_close(&slow);
	assert_int_equal(source->log.next - source->log.first, 50);
	assert_int_equal(source->log.first, source->log.start);
}

static void an_internal_consumer_is_no_player_and_hears_of_the_end(void **state)
{
	(void)state;
	struct consumer c = {0};
	opts.batch_ms = 1000;
	begin();
	consumer_open(&c, source,
		      &(struct consumer_opts){
			      .kind = CONSUMER_INTERNAL, .instant = true, .co = co_self()});
	assert_int_equal(source_players(source), 0);
	assert_false(source_is_paced(source));
	source_leave(source, &feeder, 1000);
	assert_false(consumer_ended(&c));
	source_finish(source);
	assert_true(consumer_ended(&c));
	consumer_close(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_reader_begins_at_the_newest_start_with_its_headers),
		TEST(a_reader_from_live_gets_no_half_gop),
		TEST(headers_that_change_are_messages),
		TEST(a_reader_that_is_too_slow_is_moved_and_told),
		TEST(without_a_start_it_is_moved_to_live),
		TEST(a_burst_and_a_jump_make_no_reader_slow),
		TEST(what_readers_have_not_read_is_bounded_in_bytes),
		TEST(messages_live_as_long_as_a_reader_wants_them),
		TEST(an_internal_consumer_is_no_player_and_hears_of_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
