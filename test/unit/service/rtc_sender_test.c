/* What WebRTC players are sent of a source: beginnings, repeats, reports, B-frames, lines that are too slow. */
#include "base/mem.h"
#include "codec/rtcp.h"
#include "codec/rtp.h"
#include "codec/unpack.h"
#include "live/source.h"
#include "service/rtc_sender.h"
#include "support/co_unit.h"
#include "support/hex.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

enum { FRAME_MS = 40, SENT_MAX = 4096, VIDEO_SSRC = 77, RTX_SSRC = 78, AUDIO_SSRC = 79 };

struct sent {
	struct rtp rtp;
	uint64_t index;
	size_t lead, n, header_n;
	uint8_t header[RTP_HEADER_MAX], payload[1200];
};

static struct source *source;
static struct feeder feeder;
static struct consumer consumer;
static struct rtc_media media;
static struct rtc_sender_opts opts;
static struct rtc_sender *sender;
static struct sent *sent;
static int sent_count, rtcp_count, keys_wanted;
static struct rtcp_sender_info infos[2];
static bool refuses, can_ask;
static uint32_t raw;

static bool on_send(void *ctx, const struct srtp_packet *p)
{
	(void)ctx;
	if (refuses || sent_count == SENT_MAX)
		return false;
	struct sent *s = &sent[sent_count++];
	assert_true(rtp_read(&s->rtp, p->header));
	s->index = p->index;
	s->lead = p->lead.n;
	s->header_n = p->header.n;
	memcpy(s->header, p->header.p, p->header.n);
	s->n = p->payload.n;
	memcpy(s->payload, p->payload.p, p->payload.n);
	return true;
}

static bool on_rtcp(void *ctx, struct span compound)
{
	struct cur c = cur_of(compound.p, compound.n);
	struct rtcp p;
	(void)ctx;
	for (int i = 0; rtcp_next(&c, &p);)
		i += rtcp_read_sender(&p, &infos[p.sender == VIDEO_SSRC]);
	rtcp_count++;
	return true;
}

static bool on_want_key(void *ctx)
{
	(void)ctx;
	keys_wanted++;
	return can_ask;
}

static int setup(void **state)
{
	static const struct source_opts source_opts = {
		.chunk_size = 4096, .gop_cache = true, .backlog_ms = 10000};
	(void)state;
	feeder = (struct feeder){.kind = FEEDER_PUBLISHER};
	consumer = (struct consumer){0};
	media = (struct rtc_media){
		.audio = {.codec = RTC_CODEC_OPUS,
			  .pt = 111,
			  .ssrc = AUDIO_SSRC,
			  .ext = {.mid = 4},
			  .mid = "0"},
		.video = {.codec = RTC_CODEC_H264,
			  .pt = 102,
			  .has_rtx = true,
			  .rtx_pt = 103,
			  .ssrc = VIDEO_SSRC,
			  .rtx_ssrc = RTX_SSRC,
			  .ext = {.mid = 4},
			  .mid = "1"},
		.cname = "name",
	};
	opts = (struct rtc_sender_opts){.media = &media,
					.out = {.send = on_send},
					.send_rtcp = on_rtcp,
					.from_start = true,
					.nack = true,
					.want_key = on_want_key};
	sent = mem_zalloc(SENT_MAX * sizeof(*sent));
	sent_count = rtcp_count = keys_wanted = 0;
	refuses = can_ask = false;
	raw = 1000;
	memset(infos, 0, sizeof(infos));
	assert_int_equal(co_setup_fake_time(state), 0);
	source = source_new("v/a/s", "v", "a", "s", &source_opts);
	source_begin(source, &feeder);
	return 0;
}

static int teardown(void **state)
{
	rtc_sender_free(&sender);
	consumer_close(&consumer);
	assert_null(source->packets);
	source_leave(source, &feeder, 0);
	source_unref(&source);
	free(sent);
	co_teardown(state);
	return msg_live() ? -1 : 0;
}

/* ---- the stream ---- */

static void publish_bytes(enum msg_type type, const char *head, size_t padding)
{
	struct span bytes = hex_bytes(head);
	struct msg *m = msg_new(type, 0, bytes.n + padding);
	memcpy(m->payload, bytes.p, bytes.n);
	memset(m->payload + bytes.n, 0x5A, padding);
	hex_free(bytes);
	source_publish(source, &feeder, &m, raw);
	if (sender)
		rtc_sender_turn(sender);
}

static void headers(void)
{
	publish_bytes(MSG_VIDEO, "17 00 000000 0142E01F FF E1 0004 6742E01F 01 0002 68CE", 0);
	publish_bytes(MSG_AUDIO, "90 4F707573", 0);
}

static void pass(int ms)
{
	raw += (uint32_t)ms;
	fake_time_pass(ms);
}

/* A picture of so many bytes with its sound. */
static void picture(bool is_key, size_t n)
{
	char head[64];
	snprintf(head, sizeof(head), "%s 01 000000 %08zX %s", is_key ? "17" : "27", n + 1,
		 is_key ? "65" : "41");
	publish_bytes(MSG_VIDEO, head, n);
	publish_bytes(MSG_AUDIO, "91 4F707573 FC", 100);
	publish_bytes(MSG_AUDIO, "91 4F707573 FC", 100);
	pass(FRAME_MS);
}

static void gop(int pictures, size_t n)
{
	for (int i = 0; i < pictures; i++)
		picture(i == 0, n);
}

static void join(void)
{
	sender = rtc_sender_new(&opts);
	consumer_open(&consumer, source,
		      &(struct consumer_opts){.kind = CONSUMER_PLAYER, .co = co_self()});
	rtc_sender_join(sender, source);
	assert_int_equal(sent_count, 0);
	rtc_sender_open(sender);
}

/* ---- what was sent ---- */

static int count_of(uint32_t ssrc)
{
	int n = 0;
	for (int i = 0; i < sent_count; i++)
		n += sent[i].rtp.ssrc == ssrc;
	return n;
}

static const struct sent *nth_of(uint32_t ssrc, int nth)
{
	for (int i = 0; i < sent_count; i++)
		if (sent[i].rtp.ssrc == ssrc && nth-- == 0)
			return &sent[i];
	fail();
	return NULL;
}

/* Numbers without a gap, times that rise, whole pictures; returns how many. */
static int check_video(void)
{
	int pictures = 0, n = count_of(VIDEO_SSRC);
	struct unpack u = {0};
	struct span unit;
	unpack_begin(&u, CODEC_AVC);
	for (int i = 0; i < n; i++) {
		const struct sent *p = nth_of(VIDEO_SSRC, i);
		if (i > 0) {
			const struct sent *before = nth_of(VIDEO_SSRC, i - 1);
			assert_int_equal(p->index, before->index + 1);
			int32_t step = (int32_t)(p->rtp.ts - before->rtp.ts);
			assert_true(before->rtp.marker ? step > 0 : step == 0);
		}
		unpack_take(&u, span_of(p->payload, p->n));
		if (!p->rtp.marker)
			continue;
		assert_true(unpack_end(&u, &unit));
		unpack_begin(&u, CODEC_AVC);
		pictures++;
	}
	unpack_free(&u);
	return pictures;
}

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
