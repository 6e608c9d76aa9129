/* What a publisher sends, over lines that lose, delay and repeat: order, repair, pictures that are not whole,
 * reports, the times of picture and sound. */
#include "unit/rtc/rx_rig.h"

static void a_good_line_gives_every_picture(void **state)
{
	(void)state;
	stream(50, 25);
	carry_until(now_us + 100000);
	assert_int_equal(pictures, 50);
	assert_int_equal(keys, 2);
	assert_int_equal(sounds, 100);
	assert_int_equal(headers, 2);
	assert_true(reports >= 4 && twccs >= 18 && !plis && !nacked);
	assert_int_equal(last_report.lost, 0);
	assert_true(last_raw[1] > 1900 && last_raw[1] < 2100);
	const struct rx_counts *counts = rx_counts(rx);
	assert_int_equal(counts->unknown + counts->duplicate + counts->lost, 0);
}

static void a_tenth_lost_and_overtaken_is_repaired(void **state)
{
	(void)state;
	stream(3, 25);
	lose_percent = 10;
	late_percent = 10;
	stream(500, 25);
	lose_percent = 0;
	carry_until(now_us + 600000);
	const struct rx_counts *counts = rx_counts(rx);
	print_message("%d of 503, %d asked for, rtt %d\n", pictures, nacked, (int)rx_rtt_ms(rx));
	assert_true(pictures >= 503 * 99 / 100);
	assert_true(counts->repaired > 100);
	assert_true(counts->nacks < counts->packets); /* bounded */
	assert_true(rx_rtt_ms(rx) > 5 && rx_rtt_ms(rx) < 100);
	assert_true(last_report.ssrc == VIDEO_SSRC);
}

/* A network of phones: what was lost takes its time to come, and is worth waiting for. */
static void repairs_of_a_slow_line_are_waited_for(void **state)
{
	(void)state;
	way_us = 100000;
	stream(3, 25);
	lose_percent = 3;
	stream(500, 25);
	lose_percent = 0;
	carry_until(now_us + 1000000);
	const struct rx_counts *counts = rx_counts(rx);
	assert_int_equal(pictures, 503);
	assert_true(counts->repaired > 30);
	assert_true(counts->nacks < 2 * counts->repaired);
	assert_true(rx_rtt_ms(rx) >= 200 && rx_rtt_ms(rx) < 260);
}

/* Of so many pictures at least that share comes, and the round trip of 300 ms is known. */
static void expect_of_a_slow_line(int count, int percent)
{
	int before = pictures;
	stream(count, 25);
	print_message("%d of %d, rtt %d\n", pictures - before, count, (int)rx_rtt_ms(rx));
	assert_true(pictures - before >= count * percent / 100);
	assert_true(rx_rtt_ms(rx) >= 280 && rx_rtt_ms(rx) < 360);
}

static void a_line_that_becomes_slow_is_noticed(void **state)
{
	(void)state;
	stream(3, 25);
	lose_percent = 3;
	stream(200, 25);
	assert_true(rx_rtt_ms(rx) >= 20 && rx_rtt_ms(rx) < 45);
	way_us = 150000;
	stream(200, 25);
	int64_t nacks = rx_counts(rx)->nacks, repaired = rx_counts(rx)->repaired;
	expect_of_a_slow_line(500, 97);
	assert_true(rx_rtt_ms(rx) >= 300);
	assert_true(rx_counts(rx)->nacks - nacks < 2 * (rx_counts(rx)->repaired - repaired));
}

/* Requests and repeats are lost as other packets are: one in three requests gets nothing. */
static void a_repeat_that_is_lost_is_asked_for_again(void **state)
{
	(void)state;
	stream(3, 25);
	lose_percent = 20;
	stream(1000, 25);
	lose_percent = 0;
	carry_until(now_us + 1000000);
	print_message("%d of 1003, %d asked for, rtt %d\n", pictures, nacked, (int)rx_rtt_ms(rx));
	assert_true(pictures >= 1003 * 99 / 100);
	assert_true(rx_rtt_ms(rx) < 60);
}

/* RTX may be agreed on, and not used. */
static void repeats_may_be_the_packets_themselves(void **state)
{
	(void)state;
	plain = true;
	way_us = 150000;
	stream(3, 25);
	lose_percent = 3;
	stream(300, 25);
	expect_of_a_slow_line(300, 95);
}

/* A handover: all that was asked for comes a second later. */
static void one_late_repeat_is_not_believed_at_once(void **state)
{
	(void)state;
	stream(3, 25);
	lose_percent = 5;
	stream(100, 25);
	lose_percent = 0;
	assert_true(rx_rtt_ms(rx) >= 20 && rx_rtt_ms(rx) < 50);
	int64_t duplicate = rx_counts(rx)->duplicate;
	history[video_seq % SENT_MAX] = history[(uint16_t)(video_seq - 1) % SENT_MAX];
	video_seq++;
	send_picture(false, 3000, NULL);
	video_ts += 3600;
	carry_until(now_us + 15000);
	way_us = 600000;
	carry_until(now_us + 25000);
	way_us = 10000;
	deaf = true; /* to all further requests */
	stream(35, 5);
	deaf = false;
	assert_int_equal(rx_counts(rx)->duplicate, duplicate + 1);
	print_message("rtt %d\n", (int)rx_rtt_ms(rx));
	assert_true(rx_rtt_ms(rx) > 100 && rx_rtt_ms(rx) < 700);
	lose_percent = 5;
	stream(200, 25);
	assert_true(rx_rtt_ms(rx) < 60);
}

/* How long it takes until a lost packet is given up. */
static int64_t given_up_ms(void)
{
	int64_t lost = rx_counts(rx)->lost, began = now_us;
	video_seq++;
	while (rx_counts(rx)->lost == lost)
		stream(1, 1);
	return (now_us - began) / 1000;
}

static void who_answers_no_request_is_not_waited_for(void **state)
{
	(void)state;
	stream(3, 25);
	repairs = false;
	assert_true(given_up_ms() >= 500);
	for (int i = 0; i < 20; i++)
		(void)given_up_ms();
	assert_true(given_up_ms() <= 100 + 2 * FRAME_US / 1000);
	repairs = true;
	lose_percent = 3;
	stream(100, 25);
	lose_percent = 0;
	stream(3, 25);
	deaf = true; /* it has answered meanwhile */
	assert_true(given_up_ms() >= 500);
}

static void what_is_lost_for_good_stops_pictures_until_a_key_frame(void **state)
{
	(void)state;
	deaf = true;
	stream(10, 100);
	assert_int_equal(pictures, 10);
	video_seq++; /* one is gone */
	for (int i = 0; i < 30; i++) {
		send_picture(false, 3000, NULL);
		video_ts += 3600;
		carry_until(now_us + FRAME_US);
	}
	assert_int_equal(pictures, 10);
	assert_true(plis >= 2 && plis <= 4); /* again, but not all the time */
	assert_true(rx_counts(rx)->nacks > 0);
	stream(2, 2);
	carry_until(now_us + 100000);
	assert_int_equal(pictures, 12);
	assert_int_equal(keys, 2);
}

/* By what has come and how much of it was lost, for a publisher that hears of no arrivals. */
static void a_publisher_without_twcc_is_told_what_the_line_takes(void **state)
{
	(void)state;
	stream(50, 25);
	assert_int_equal(allowed, 0); /* it finds that by itself */
	media.video.feedback.remb = true;
	media.video.feedback.nack = false;
	stream(30, 25);
	assert_in_range(allowed, 2900000, 3100000);
	stream(150, 25);
	assert_in_range(allowed, 3200000, 5000000);
	assert_int_equal(rx_estimate_kbps(rx), allowed / 1000);
	lose_percent = 30;
	stream(100, 25); /* 600 kb/s are sent */
	assert_in_range(allowed, 200000, 500000);
	lose_percent = 0;
	stream(100, 25);
	assert_in_range(allowed, 850000, 1300000);
	lose_percent = 5;
	uint64_t before = allowed;
	stream(50, 25);
	assert_in_range(allowed, before * 2 / 3, before * 3 / 2);
}

/* DTX: numbers go on by ones while times jump. */
static void silence_that_is_not_sent_is_no_loss(void **state)
{
	(void)state;
	stream(10, 25);
	uint32_t before = last_raw[0];
	for (int i = 0; i < 5; i++) {
		audio_ts += 48 * 400;
		now_us += 400000;
		send_sound();
		carry_until(now_us + 20000);
	}
	assert_int_equal(sounds, 25);
	assert_in_range(last_raw[0] - before, 2000, 2200);
	assert_int_equal(rx_counts(rx)->lost, 0);
	assert_int_equal(nacked, 0);
}

static void a_key_frame_is_asked_for_as_often_as_configured(void **state)
{
	(void)state;
	rx_free(&rx);
	rx = rx_new(&media, &(struct rx_opts){.send_rtcp = on_rtcp, .nack = true, .key_ms = 1000});
	stream(100, 200);
	assert_true(plis >= 3 && plis <= 5);
	int before = plis;
	now_us += 500000;
	rx_want_key(rx, now_us);
	rx_want_key(rx, now_us); /* just asked */
	assert_true(plis <= before + 1);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_good_line_gives_every_picture),
		CASE(a_tenth_lost_and_overtaken_is_repaired),
		CASE(repairs_of_a_slow_line_are_waited_for),
		CASE(a_line_that_becomes_slow_is_noticed),
		CASE(a_repeat_that_is_lost_is_asked_for_again),
		CASE(repeats_may_be_the_packets_themselves),
		CASE(one_late_repeat_is_not_believed_at_once),
		CASE(who_answers_no_request_is_not_waited_for),
		CASE(what_is_lost_for_good_stops_pictures_until_a_key_frame),
		CASE(a_publisher_without_twcc_is_told_what_the_line_takes),
		CASE(silence_that_is_not_sent_is_no_loss),
		CASE(a_key_frame_is_asked_for_as_often_as_configured),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
