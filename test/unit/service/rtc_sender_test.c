/* What WebRTC players are sent of a source: beginnings, repeats, reports, B-frames, lines that are too slow. */
#include "unit/service/rtc_sender_rig.h"

static void a_player_begins_with_the_pictures_since_the_key_frame(void **state)
{
	(void)state;
	headers();
	gop(25, 3000);
	join();
	(void)co_sleep(200); /* paced */
	assert_int_equal(check_video(), 25);
	const struct sent *first = nth_of(VIDEO_SSRC, 0);
	assert_memory_equal(first->payload, "\x78\x00\x04\x67", 4);
	assert_int_equal(first->rtp.pt, 102);
	assert_true(first->index > 0 && first->index < 1 << 15);
	/* pressed together, up to the newest one, and live from there on */
	uint32_t newest = nth_of(VIDEO_SSRC, count_of(VIDEO_SSRC) - 1)->rtp.ts;
	assert_int_equal(newest - first->rtp.ts, 24 * 90);
	picture(false, 500);
	assert_int_equal(check_video(), 26);
	assert_int_equal(nth_of(VIDEO_SSRC, count_of(VIDEO_SSRC) - 1)->rtp.ts - newest,
			 FRAME_MS * 90);
	struct span mid;
	assert_int_equal(rtc_sender_counts(sender)->skips, 0);
	assert_false(rtp_ext(&nth_of(VIDEO_SSRC, 70)->rtp, 4, &mid));
}

static void an_old_key_frame_is_a_still_until_the_next_one(void **state)
{
	(void)state;
	headers();
	gop(100, 300);
	join();
	assert_int_equal(check_video(), 1);
	picture(false, 300);
	assert_int_equal(check_video(), 1);
	gop(3, 300);
	assert_int_equal(check_video(), 4);
}

static void a_publisher_that_can_make_key_frames_is_asked(void **state)
{
	(void)state;
	headers();
	can_ask = true;
	gop(50, 300);
	join();
	assert_true(keys_wanted > 0);
	assert_int_equal(check_video(), 0);
	picture(false, 300);
	assert_int_equal(check_video(), 0);
	gop(2, 300);
	assert_int_equal(check_video(), 2);
}

static void sound_goes_by_samples_and_reports_tie_it_to_the_picture(void **state)
{
	(void)state;
	headers();
	gop(1, 300);
	join();
	for (int i = 0; i < 40; i++) {
		gop(1, 300);
	}
	int n = count_of(AUDIO_SSRC);
	assert_true(n >= 79);
	for (int i = 1; i < n; i++)
		assert_int_equal(nth_of(AUDIO_SSRC, i)->rtp.ts - nth_of(AUDIO_SSRC, i - 1)->rtp.ts,
				 960);
	assert_true(rtcp_count >= 2);
	/* At the time of the reports picture and sound are at one place of the timeline. */
	const struct sent *v = nth_of(VIDEO_SSRC, 1), *a = nth_of(AUDIO_SSRC, 0);
	assert_true(infos[0].ntp == infos[1].ntp);
	int32_t video = (int32_t)(infos[1].ts - v->rtp.ts) / 90;
	int32_t audio = (int32_t)(infos[0].ts - a->rtp.ts) / 48;
	assert_true(abs(video - audio) <= FRAME_MS);
	assert_true(infos[1].packets > 0 && infos[1].octets > 300);
}

static void take(struct buf *b)
{
	rtc_sender_take_rtcp(sender, buf_span(b));
	buf_clear(b);
}

static void what_was_lost_is_sent_again_by_rtx(void **state)
{
	struct buf b = {.max = RTCP_MAX};
	(void)state;
	headers();
	gop(5, 3000);
	join();
	picture(false, 3000);
	(void)co_sleep(50);
	const struct sent lost = *nth_of(VIDEO_SSRC, 4), sound = *nth_of(AUDIO_SSRC, 0);
	rtcp_put_nack(&b, 1, VIDEO_SSRC, &lost.rtp.seq, 1);
	take(&b);
	assert_int_equal(count_of(RTX_SSRC), 1);
	const struct sent *again = nth_of(RTX_SSRC, 0);
	assert_int_equal(again->rtp.pt, 103);
	assert_int_equal(again->rtp.ts, lost.rtp.ts);
	assert_int_equal(again->lead, 2);
	assert_int_equal(again->n, lost.n);
	assert_memory_equal(again->payload, lost.payload, lost.n);
	rtcp_put_nack(&b, 1, VIDEO_SSRC, &lost.rtp.seq, 1);
	take(&b); /* it is on its way */
	assert_int_equal(count_of(RTX_SSRC), 1);
	int before = count_of(AUDIO_SSRC);
	rtcp_put_nack(&b, 1, AUDIO_SSRC, &sound.rtp.seq, 1);
	take(&b); /* no RTX was agreed on: the same packet once more */
	assert_int_equal(count_of(AUDIO_SSRC), before + 1);
	assert_int_equal(nth_of(AUDIO_SSRC, before)->index, sound.index);
	uint16_t unknown = (uint16_t)(lost.rtp.seq + 5000);
	rtcp_put_nack(&b, 1, VIDEO_SSRC, &unknown, 1);
	take(&b);
	assert_int_equal(count_of(RTX_SSRC), 1);
	assert_int_equal(rtc_sender_counts(sender)->repeated, 2);
	buf_free(&b);
}

/* With AES-GCM the header is authenticated under the nonce that the index and the SSRC make. */
static void without_rtx_a_repeat_has_the_header_of_the_original(void **state)
{
	struct buf b = {.max = RTCP_MAX};
	(void)state;
	media.video.has_rtx = false;
	headers();
	gop(5, 3000);
	join();
	picture(false, 3000);
	(void)co_sleep(50);
	static const uint32_t ssrcs[] = {VIDEO_SSRC, AUDIO_SSRC};
	for (int i = 0; i < 2; i++) {
		const struct sent lost = *nth_of(ssrcs[i], 0);
		int before = count_of(ssrcs[i]);
		rtcp_put_nack(&b, 1, ssrcs[i], &lost.rtp.seq, 1);
		take(&b);
		assert_int_equal(count_of(ssrcs[i]), before + 1);
		const struct sent *again = nth_of(ssrcs[i], before);
		assert_int_equal(again->index, lost.index);
		assert_int_equal(again->header_n, lost.header_n);
		assert_memory_equal(again->header, lost.header, lost.header_n);
		assert_int_equal(again->n, lost.n);
		assert_memory_equal(again->payload, lost.payload, lost.n);
	}
	buf_free(&b);
}

static void repeats_have_a_budget(void **state)
{
	struct buf b = {.max = RTCP_MAX};
	(void)state;
	headers();
	gop(50, 3000);
	join();
	(void)co_sleep(300);
	int n = count_of(VIDEO_SSRC);
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < n; i++) {
			uint16_t seq = nth_of(VIDEO_SSRC, i)->rtp.seq;
			rtcp_put_nack(&b, 1, VIDEO_SSRC, &seq, 1);
			take(&b);
		}
		fake_time_pass(20);
	}
	const struct rtc_sender_counts *counts = rtc_sender_counts(sender);
	assert_true(counts->repeated > 10);
	assert_true(counts->repeated_bytes < 64 * 1024 + counts->bytes / 2 + 1200);
	buf_free(&b);
}

static void a_player_that_cannot_decode_is_given_a_key_frame(void **state)
{
	struct buf b = {.max = RTCP_MAX};
	(void)state;
	headers();
	gop(5, 300);
	join();
	assert_int_equal(check_video(), 5);
	rtcp_put_pli(&b, 1, VIDEO_SSRC);
	take(&b); /* it has just got one */
	assert_int_equal(check_video(), 5);
	for (int i = 0; i < 30; i++)
		picture(false, 300);
	assert_int_equal(check_video(), 35);
	rtcp_put_pli(&b, 1, VIDEO_SSRC);
	take(&b);
	(void)co_sleep(50);
	assert_int_equal(check_video(), 70); /* all since the key frame, in the time of one */
	picture(false, 300);
	assert_int_equal(check_video(), 71);
	can_ask = true;
	int wanted = keys_wanted;
	rtcp_put_fir(&b, 1, VIDEO_SSRC, 1);
	take(&b);
	assert_int_equal(keys_wanted, wanted + 1);
	assert_int_equal(rtc_sender_counts(sender)->plis, 3);
	buf_free(&b);
}

static void what_a_player_says_of_its_line_is_told(void **state)
{
	(void)state;
	struct buf b = {.max = 100};
	const uint32_t ssrc = VIDEO_SSRC;
	headers();
	gop(2, 100);
	join();
	assert_int_equal(rtc_sender_estimate(sender), 0);
	rtcp_put_remb(&b, 1, 2345000, &ssrc, 1);
	take(&b);
	assert_in_range(rtc_sender_estimate(sender), 2340, 2345);
	assert_int_equal(rtc_sender_counts(sender)->plis, 0);
	rtcp_put_remb(&b, 1, UINT64_MAX >> 1, &ssrc, 1);
	take(&b);
	assert_true(rtc_sender_estimate(sender) > 1000000);
	buf_free(&b);
}

/* nack off: only key frames help. */
static void without_repeats_requests_are_not_answered(void **state)
{
	(void)state;
	struct buf b = {.max = 100};
	opts.nack = false;
	headers();
	gop(5, 100);
	join();
	pass(FRAME_MS);
	int before = sent_count;
	assert_true(before > 2);
	rtcp_put_nack(&b, 1, VIDEO_SSRC, &sent[1].rtp.seq, 1);
	take(&b);
	assert_int_equal(sent_count, before);
	assert_int_equal(rtc_sender_counts(sender)->nacks, 0);
	pass(1100);
	rtcp_put_pli(&b, 1, VIDEO_SSRC);
	take(&b);
	assert_true(sent_count > before);
	assert_int_equal(rtc_sender_counts(sender)->plis, 1);
	buf_free(&b);
}

static void pictures_that_are_shown_earlier_are_left_out(void **state)
{
	(void)state;
	headers();
	publish_bytes(MSG_VIDEO, "17 01 000050 00000003 65AABB", 0);
	join();
	pass(FRAME_MS);
	publish_bytes(MSG_VIDEO, "27 01 000078 00000003 41AABB", 0);
	pass(FRAME_MS);
	publish_bytes(MSG_VIDEO, "27 01 000000 00000003 01AABB", 0);
	pass(FRAME_MS);
	publish_bytes(MSG_VIDEO, "27 01 000028 00000003 41AABB", 0);
	assert_int_equal(check_video(), 3);
	assert_int_equal(source->packets->bframes_dropped, 1);
	assert_int_equal(nth_of(VIDEO_SSRC, 1)->rtp.ts - nth_of(VIDEO_SSRC, 0)->rtp.ts, 80 * 90);
	/* one that others need is not */
	pass(FRAME_MS);
	publish_bytes(MSG_VIDEO, "27 01 FFFFB0 00000003 41AABB", 0);
	assert_int_equal(check_video(), 4);
	assert_int_equal(source->packets->bframes_kept, 1);
}

static void a_line_that_takes_nothing_gets_pictures_from_the_next_key_frame(void **state)
{
	(void)state;
	headers();
	gop(2, 300);
	join();
	assert_int_equal(check_video(), 2);
	refuses = true;
	for (int i = 0; i < 20; i++)
		picture(false, 2000);
	refuses = false;
	int sounds = count_of(AUDIO_SSRC);
	picture(false, 300);
	assert_int_equal(count_of(VIDEO_SSRC), 2);
	assert_int_equal(count_of(AUDIO_SSRC), sounds + 2);
	assert_int_equal(rtc_sender_counts(sender)->skips, 1);
	int before = sent_count;
	gop(3, 300);
	assert_true(count_of(VIDEO_SSRC) == 5 && sent_count > before);
}

static void a_lossy_line_too(void **state)
{
	struct buf b = {.max = RTCP_MAX};
	(void)state;
	headers();
	gop(2, 300);
	join();
	for (int i = 0; i < 4; i++) {
		rtcp_put_rr(&b, 1, &(struct rtcp_report){.ssrc = VIDEO_SSRC, .fraction = 60}, 1);
		take(&b);
	}
	assert_int_equal(rtc_sender_loss(sender), 60);
	picture(false, 300);
	assert_int_equal(check_video(), 2);
	gop(2, 300);
	assert_int_equal(check_video(), 4);
	buf_free(&b);
}

static void another_source_goes_on_where_the_former_was(void **state)
{
	(void)state;
	headers();
	gop(5, 300);
	join();
	const struct sent last = *nth_of(VIDEO_SSRC, count_of(VIDEO_SSRC) - 1);
	rtc_sender_leave(sender);
	source_leave(source, &feeder, 10000);
	fake_time_pass(2000);
	raw = 7;
	source_begin(source, &feeder);
	rtc_sender_join(sender, source);
	headers();
	gop(2, 300);
	assert_int_equal(check_video(), 5 + 5 + 2); /* what was kept, once more */
	uint32_t step = nth_of(VIDEO_SSRC, count_of(VIDEO_SSRC) - 2)->rtp.ts - last.rtp.ts;
	assert_true(step > 1900 * 90 && step < 2300 * 90);
}

static void a_codec_that_was_not_agreed_on_is_not_sent(void **state)
{
	(void)state;
	media.video.codec = RTC_CODEC_H265;
	headers();
	gop(3, 300);
	join();
	gop(3, 300);
	assert_int_equal(count_of(VIDEO_SSRC), 0);
	assert_true(count_of(AUDIO_SSRC) > 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_player_begins_with_the_pictures_since_the_key_frame),
		CASE(an_old_key_frame_is_a_still_until_the_next_one),
		CASE(a_publisher_that_can_make_key_frames_is_asked),
		CASE(sound_goes_by_samples_and_reports_tie_it_to_the_picture),
		CASE(what_was_lost_is_sent_again_by_rtx),
		CASE(without_rtx_a_repeat_has_the_header_of_the_original),
		CASE(repeats_have_a_budget),
		CASE(a_player_that_cannot_decode_is_given_a_key_frame),
		CASE(what_a_player_says_of_its_line_is_told),
		CASE(without_repeats_requests_are_not_answered),
		CASE(pictures_that_are_shown_earlier_are_left_out),
		CASE(a_line_that_takes_nothing_gets_pictures_from_the_next_key_frame),
		CASE(a_lossy_line_too),
		CASE(another_source_goes_on_where_the_former_was),
		CASE(a_codec_that_was_not_agreed_on_is_not_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
