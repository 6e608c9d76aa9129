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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(headers_of_a_kind_that_the_new_publisher_lacks_are_gone),
		TEST(a_header_that_repeats_the_former_ones_is_told_to_those_who_came_since),
		TEST(a_header_without_a_record_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
