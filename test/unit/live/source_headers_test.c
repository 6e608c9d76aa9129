/* Whose headers those are that receivers get, and which are none. */
#include "unit/live/source_rig.h"

static void headers_of_a_kind_that_the_new_publisher_lacks_are_gone(void **state)
{
	(void)state;
	make();
	source_begin(source, &feeder);
	announce('1');
	pub(key_frame(100), 0);
	pub(sound(10), 0);
	struct receiver stays;
	join(&stays);
	assert_string_equal(receiver_reads(&stays), "mhHks");
	assert_true(source->has_audio && source->audio.codec);
	source_leave(source, &feeder, 10000);
	source_begin(source, &other);
	assert_false(source->has_audio || source->has_video);
	pub(avc_header('1'), 0); /* as before: who stayed has it */
	pub(key_frame(100), 0);
	assert_string_equal(receiver_reads(&stays), "k");
	assert_string_equal(late_joiner_reads(), "Hk");
	assert_false(source->has_audio);
	assert_int_equal(source->audio.codec, 0);
	assert_true(source->has_video && source->video.codec);
	receiver_leave(&stays);
	source_leave(source, &other, 0);
}

static void a_header_that_repeats_the_former_ones_is_told_to_those_who_came_since(void **state)
{
	(void)state;
	make();
	source_begin(source, &feeder);
	pub(avc_header('1'), 0);
	pub(key_frame(100), 0);
	source_leave(source, &feeder, 10000);
	source_finish(source);
	source_begin(source, &other);
	struct receiver c;
	join(&c);
	pub(avc_header('1'), 0);
	pub(key_frame(100), 0);
	assert_string_equal(receiver_reads(&c), "Hk");
	receiver_leave(&c);
	source_leave(source, &other, 0);
}

static void a_header_without_a_record_changes_nothing(void **state)
{
	(void)state;
	make();
	source_begin(source, &feeder);
	pub(aac_header('1'), 0);
	pub(avc_header('1'), 0);
	pub(media(MSG_AUDIO, 0xAF, 0, 0, 2), 0);
	pub(media(MSG_VIDEO, 0x17, 0, 0, 5), 0);
	pub(key_frame(100), 0);
	assert_string_equal(late_joiner_reads(), "hHk");
	assert_int_equal(source->headers->v[0]->n, 4);
	assert_int_equal(source->headers->v[1]->n, 20);
	source_leave(source, &feeder, 0);
}

/* A stream without anything yet, and a server that waits for it. */
static void watch_as_a_server(struct receiver *server)
{
	make();
	source_begin(source, &feeder);
	receiver_join(server, source, &wire_flv, CONSUMER_RELAY);
}

/* What a server and a player that join now read; a server is told of the encoder's time in a data message. */
static void assert_both_read(const char *server, const char *player)
{
	struct receiver c;
	receiver_join(&c, source, &wire_flv, CONSUMER_RELAY);
	assert_string_equal(receiver_reads(&c), server);
	receiver_leave(&c);
	assert_string_equal(late_joiner_reads(), player);
}

static void servers_are_told_of_an_encoders_time_that_is_not_the_streams(void **state)
{
	(void)state;
	struct receiver server, player;
	watch_as_a_server(&server);
	join(&player);
	pub(avc_header('1'), 0);
	pub(key_frame(100), 3600000);
	pub(key_frame(101), 3602000);
	assert_string_equal(receiver_reads(&server), "Hmkk");
	assert_string_equal(receiver_reads(&player), "Hkk");
	assert_both_read("mHk", "Hk");
	const struct msg *m = msg_log_at(&source->log, source->log.next - 1);
	assert_int_equal(m->raw, 3602000);
	assert_int_equal(source->encoder_time.ahead[1], (uint32_t)(m->raw - m->ts));
	receiver_leave(&server);
	receiver_leave(&player);
	source_leave(source, &feeder, 0);
}

static void the_encoders_time_is_told_once_and_for_each_run_anew(void **state)
{
	(void)state;
	struct receiver server;
	make();
	source_begin(source, &feeder);
	pub(avc_header('1'), 0);
	pub(key_frame(100), 40);
	assert_both_read("Hk", "Hk");
	receiver_join(&server, source, &wire_flv, CONSUMER_RELAY);
	assert_string_equal(receiver_reads(&server), "Hk");
	source_leave(source, &feeder, 10000);
	fake_time_pass(1000);
	source_begin(source, &other);
	pub(avc_header('1'), 0);
	pub(key_frame(100), 500000);
	fake_time_pass(40);
	pub(key_frame(100), 500040);
	assert_string_equal(receiver_reads(&server), "mkk");
	assert_both_read("mHk", "Hk");
	receiver_leave(&server);
	source_leave(source, &other, 0);
}

/* Of a second feeder that begins as the first one did, and then departs from that for a moment. */
static void an_encoders_time_that_comes_back_is_told_again(void **state)
{
	(void)state;
	struct receiver server;
	watch_as_a_server(&server);
	pub(key_frame(100), 3600000);
	assert_string_equal(receiver_reads(&server), "mk");
	source_leave(source, &feeder, 10000);
	source_begin(source, &other);
	source_anchor(source, 3600040, 240);
	static const struct {
		uint32_t raw;
		const char *reads;
	} steps[] = {
		{3600040, "k"}, {3600080, "k"}, {3600079, "mk"}, {3600120, "mk"}, {3600160, "k"}};
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		fake_time_pass(40);
		pub(key_frame(100), steps[i].raw);
		assert_string_equal(receiver_reads(&server), steps[i].reads);
	}
	receiver_leave(&server);
	source_leave(source, &other, 0);
}

/* A source of which each message lies elsewhere says so often, and then seldom. */
static void encoders_times_without_an_end_are_told_at_a_rate(void **state)
{
	(void)state;
	struct receiver server;
	size_t tells = 0;
	watch_as_a_server(&server);
	pub(key_frame(100), 0);
	for (uint32_t i = 0; i < 2000; i++) {
		pub(sound(10), 100 + i % 2);
		for (const char *p = receiver_reads(&server); *p; p++)
			tells += *p == 'm';
	}
	assert_in_range(tells, 200, 300);
	receiver_leave(&server);
	source_leave(source, &feeder, 0);
}

static void a_relays_source_has_the_encoders_time_and_passes_it_on(void **state)
{
	(void)state;
	struct encoder_time said = {{0, 7000000}}, read = {{0}};
	make();
	source_begin(source, &feeder);
	struct msg *m = encoder_time_write(&said);
	assert_true(encoder_time_read(&read, m));
	assert_int_equal(read.ahead[1], 7000000);
	msg_unref(&m);
	pub(avc_header('1'), 0);
	m = key_frame(100);
	encoder_time_note(&read, m, 200);
	pub(m, 200);
	assert_int_equal(msg_log_at(&source->log, source->log.next - 1)->raw, 7000200);
	assert_both_read("mHk", "Hk");
	source_leave(source, &feeder, 0);
}

static void what_is_no_encoders_time_is_left_alone(void **state)
{
	(void)state;
	struct encoder_time t = {{1, 2}};
	struct msg *m = metadata('1');
	assert_false(encoder_time_read(&t, m));
	msg_unref(&m);
	/* Cut off behind its name: it is one, and says nothing. */
	struct encoder_time other_time = {{5, 6}};
	m = encoder_time_write(&other_time);
	m = msg_resize(m, 20);
	assert_true(encoder_time_read(&t, m));
	assert_int_equal(t.ahead[0], 1);
	assert_int_equal(t.ahead[1], 2);
	msg_unref(&m);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(headers_of_a_kind_that_the_new_publisher_lacks_are_gone),
		TEST(a_header_that_repeats_the_former_ones_is_told_to_those_who_came_since),
		TEST(a_header_without_a_record_changes_nothing),
		TEST(servers_are_told_of_an_encoders_time_that_is_not_the_streams),
		TEST(the_encoders_time_is_told_once_and_for_each_run_anew),
		TEST(an_encoders_time_that_comes_back_is_told_again),
		TEST(encoders_times_without_an_end_are_told_at_a_rate),
		TEST(a_relays_source_has_the_encoders_time_and_passes_it_on),
		TEST(what_is_no_encoders_time_is_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
