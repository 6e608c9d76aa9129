/* Streams whose key frames are regular, rare, unmarked or missing, and who joins them. */
#include "live/reader.h"
#include "unit/live/media.h"
#include "unit/live/stage.h"

enum { FRAME_MS = 40 };

static struct source_opts opts;
static uint32_t raw;

static int setup(void **state)
{
	(void)state;
	opts = (struct source_opts){.chunk_size = 4096,
				    .gop_cache = true,
				    .gop_max_messages = 100,
				    .backlog_ms = 30000};
	raw = 0;
	return stage_begin(&opts);
}

static void pub(struct msg *m)
{
	source_publish(source, &feeder, &m, raw);
}

static struct msg *slice(uint8_t mark)
{
	static const uint8_t body[] = {0, 1, 0, 0, 0, 0, 0, 0, 2, 0x41, 0x9A};
	struct msg *m = msg_new(MSG_VIDEO, 0, sizeof(body));
	memcpy(m->payload, body, sizeof(body));
	m->payload[0] = mark;
	return m;
}

static struct msg *recovery_point(void)
{
	static const uint8_t body[] = {0x27, 1, 0,    0,    0, 0, 0, 0, 5,    6,
				       6,    1, 0xC0, 0x80, 0, 0, 0, 2, 0x41, 0x9A};
	struct msg *m = msg_new(MSG_VIDEO, 0, sizeof(body));
	memcpy(m->payload, body, sizeof(body));
	return m;
}

/* So many seconds of pictures and sound; a key frame each `gop`, 0: never. */
static void stream(int seconds, int gop)
{
	for (int i = 0; i < seconds * 1000 / FRAME_MS; i++) {
		pub(gop && i % gop == 0 ? slice(0x17) : slice(0x27));
		pub(sound(50));
		raw += FRAME_MS;
		fake_time_pass(FRAME_MS);
	}
}

/* How long after joining the first picture comes, at most `limit_ms`. */
static int64_t first_picture(int64_t limit_ms, int gop)
{
	struct reader r = {0};
	struct reading got;
	int64_t from = clock_ms();
	bool seen = false;
	reader_open(&r, source, &(struct reader_opts){.from_start = true});
	while (!seen && clock_ms() - from < limit_ms) {
		while (!seen && reader_next(&r, &got))
			seen = got.msg->type == MSG_VIDEO;
		if (!seen)
			stream(1, gop);
	}
	reader_close(&r);
	return seen ? clock_ms() - from : limit_ms;
}

static void a_stream_with_key_frames_is_joined_at_the_newest(void **state)
{
	(void)state;
	stream(5, 50);
	assert_int_equal(source->starts.state, STARTS_REGULAR);
	assert_int_equal(source->starts.distance_ms, 2000);
	assert_int_equal(starts_wait_ms(&source->starts), 2500);
	assert_int_equal(first_picture(5000, 50), 0);
}

static void without_any_key_frame_pictures_go_out_after_two_seconds(void **state)
{
	(void)state;
	stream(1, 0);
	assert_false(source->has_video);
	stream(2, 0);
	assert_true(source->has_video);
	stream(12, 0);
	assert_int_equal(source->starts.state, STARTS_NONE);
	assert_true(source->starts.told);
	assert_in_range(first_picture(20000, 0), 2000, 3000);
}

static void one_key_frame_at_the_beginning_is_rare(void **state)
{
	(void)state;
	pub(slice(0x17));
	stream(11, 0);
	assert_int_equal(source->starts.state, STARTS_RARE);
	assert_false(source->log.has_start); /* the cache is given up after 100 messages */
	assert_in_range(first_picture(20000, 0), 2000, 3000);
}

static void a_gop_of_a_minute_is_waited_for_at_most_ten_seconds(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		pub(slice(0x17));
		stream(60, 0);
	}
	assert_int_equal(source->starts.state, STARTS_RARE);
	assert_in_range(source->starts.distance_ms, 59000, 61000);
	assert_true(source->starts.told_distance);
	assert_in_range(first_picture(20000, 0), 10000, 11000);
}

static void a_gop_of_eight_seconds_is_waited_for_to_its_end(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		pub(slice(0x17));
		stream(8, 0);
	}
	pub(slice(0x17));
	stream(5, 0);
	assert_false(source->log.has_start);
	assert_int_equal(source->starts.state, STARTS_REGULAR);
	struct reader r = {0};
	struct reading got;
	reader_open(&r, source, &(struct reader_opts){.from_start = true});
	stream(3, 0);
	while (reader_next(&r, &got))
		assert_int_equal(got.msg->type, MSG_AUDIO);
	pub(slice(0x17));
	assert_true(reader_next(&r, &got));
	assert_true(got.msg->frame.is_key);
	reader_close(&r);
}

static void a_recovery_point_is_a_start(void **state)
{
	(void)state;
	pub(slice(0x17));
	for (int i = 0; i < 20; i++) {
		stream(1, 0);
		pub(recovery_point());
	}
	assert_int_equal(source->starts.state, STARTS_REGULAR);
	assert_true(source->log.has_start);
	assert_int_equal(first_picture(1000, 0), 0);
}

static void half_a_gop_is_dropped_no_longer_than_key_frames_are_apart(void **state)
{
	struct feeder other = {.kind = FEEDER_PUBLISHER};
	(void)state;
	stream(5, 25);
	source_leave(source, &feeder, 10000);
	source_begin(source, &other);
	source_leave(source, &other, 10000);
	source_begin(source, &feeder);
	uint64_t frames = source->video_frames;
	stream(1, 0);
	assert_int_equal(source->video_frames, frames);
	stream(2, 0);
	assert_true(source->video_frames > frames + 25);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, stage_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_stream_with_key_frames_is_joined_at_the_newest),
		TEST(without_any_key_frame_pictures_go_out_after_two_seconds),
		TEST(one_key_frame_at_the_beginning_is_rare),
		TEST(a_gop_of_a_minute_is_waited_for_at_most_ten_seconds),
		TEST(a_gop_of_eight_seconds_is_waited_for_to_its_end),
		TEST(a_recovery_point_is_a_start),
		TEST(half_a_gop_is_dropped_no_longer_than_key_frames_are_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
