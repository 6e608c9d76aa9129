/* What a receiver makes of senders that change, lie, or say too much. */
#include "unit/rtc/rx_rig.h"

static void a_new_size_is_a_new_header(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		send_picture(true, 100, i == 1 ? "6742E01E" : "6742E01F");
		video_ts += 3600;
		carry_until(now_us + FRAME_US);
	}
	assert_int_equal(headers, 3);
	assert_int_equal(keys, 3);
}

static void a_picture_without_its_mark_ends_with_the_next_one(void **state)
{
	(void)state;
	send_picture(true, 100, "6742E01F");
	line[line_count - 1].bytes[1] &= 0x7F;
	video_ts += 3600;
	carry_until(now_us + FRAME_US);
	assert_int_equal(pictures, 0);
	send_picture(false, 100, NULL);
	carry_until(now_us + FRAME_US);
	assert_int_equal(pictures, 2);
}

static void probes_are_no_loss(void **state)
{
	(void)state;
	stream(3, 10);
	send_packet(
		(struct rtp){
			.pt = VIDEO_PT, .ssrc = VIDEO_SSRC, .seq = video_seq++, .ts = video_ts},
		(struct span){0}, (struct span){0}, false);
	send_packet((struct rtp){.pt = RTX_PT, .ssrc = RTX_SSRC, .seq = rtx_seq++},
		    (struct span){0}, (struct span){0}, false);
	for (int i = 0; i < 3; i++) {
		send_picture(false, 100, NULL);
		video_ts += 3600;
		carry_until(now_us + FRAME_US);
	}
	carry_until(now_us + 100000);
	assert_int_equal(pictures, 6);
	assert_int_equal(plis, 0);
}

static void another_sender_takes_the_place(void **state)
{
	(void)state;
	stream(3, 10);
	send_packet((struct rtp){.pt = 99, .ssrc = 1}, (struct span){0}, span_str("?"), false);
	carry_until(now_us + 50000);
	assert_int_equal(rx_counts(rx)->unknown, 1);
	uint8_t bytes[64];
	struct rtp rtp = {.pt = VIDEO_PT, .ssrc = 4711, .seq = 3, .ts = 9, .marker = true};
	size_t n = rtp_write(&rtp, NULL, 0, bytes);
	memcpy(bytes + n, "\x78\x00\x04\x67\x42\xE0\x1F\x00\x02\x68\xCE\x00\x02\x65\x88", 15);
	rx_take(rx, span_of(bytes, n + 15), now_us);
	drain();
	assert_int_equal(keys, 2);
	assert_int_equal(pictures, 4);
}

static void report_times(uint32_t ssrc, int64_t ntp_ms, uint32_t ts)
{
	struct buf b = {.max = 100};
	uint64_t ntp = (uint64_t)ntp_ms / 1000 << 32 | ((uint64_t)ntp_ms % 1000 << 32) / 1000;
	rtcp_put_sr(&b, ssrc, &(struct rtcp_sender_info){.ntp = ntp, .ts = ts});
	rx_take_rtcp(rx, buf_span(&b), now_us);
	buf_free(&b);
}

/* The pictures are 300 ms behind their sound; reports say so, and they move there slowly. */
static void pictures_move_to_their_sound(void **state)
{
	(void)state;
	stream(3, 100);
	uint32_t video = last_raw[1], audio = last_raw[0];
	report_times(AUDIO_SSRC, 5000000, audio_ts);
	report_times(VIDEO_SSRC, 5000000, video_ts + 300 * 90);
	for (int i = 0; i < 10; i++)
		stream(20, 200);
	carry_until(now_us + 100000);
	int passed_video = (int)(last_raw[1] - video), passed_audio = (int)(last_raw[0] - audio);
	assert_true(passed_audio >= 200 * 40 && passed_audio < 200 * 40 + 60);
	assert_true(passed_audio - passed_video > 260 && passed_audio - passed_video < 340);
}

static void messages_that_nobody_takes_are_bounded(void **state)
{
	(void)state;
	for (int i = 0; i < 2000; i++) {
		uint8_t bytes[64];
		struct rtp rtp = {
			.pt = AUDIO_PT, .ssrc = 1, .seq = (uint16_t)i, .ts = (uint32_t)i * 960};
		size_t n = rtp_write(&rtp, NULL, 0, bytes);
		bytes[n] = 0xFC;
		rx_take(rx, span_of(bytes, n + 1), now_us += 20000);
	}
	assert_true(rx_counts(rx)->overrun > 1000);
	drain();
	assert_true(sounds > 400);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_new_size_is_a_new_header),
		CASE(a_picture_without_its_mark_ends_with_the_next_one),
		CASE(probes_are_no_loss),
		CASE(another_sender_takes_the_place),
		CASE(pictures_move_to_their_sound),
		CASE(messages_that_nobody_takes_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
