/* What a publisher sends, over lines that lose, delay and repeat: order, repair, pictures that are not whole,
 * reports, the times of picture and sound. */
#include "base/mem.h"
#include "codec/au.h"
#include "codec/pack.h"
#include "codec/rtcp.h"
#include "codec/rtp.h"
#include "rtc/rx.h"
#include "support/hex.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	FRAME_US = 40000,
	SENT_MAX = 8192,
	VIDEO_SSRC = 7,
	AUDIO_SSRC = 8,
	RTX_SSRC = 9,
	VIDEO_PT = 102,
	AUDIO_PT = 111,
	RTX_PT = 103,
};

struct line_packet {
	int64_t at_us;
	size_t n;
	uint8_t bytes[1300];
};

static struct rtc_media media;
static struct rx *rx;
static int64_t now_us;
static uint16_t video_seq, audio_seq, rtx_seq, twcc_seq;
static uint32_t video_ts, audio_ts;
/* the line */
static struct line_packet *line;
static int line_count;
static unsigned seed, lose_percent, late_percent;
static bool repairs, deaf;
/* what was sent, by sequence number */
static struct line_packet *history;
/* what was asked, and told */
static int plis, reports, twccs, nacked;
static uint64_t allowed; /* bits, the last estimate */
static struct rtcp_report last_report;
/* what came out */
static int pictures, keys, headers, sounds;
static uint32_t last_raw[2];

static unsigned dice(void)
{
	seed = seed * 1103515245 + 12345;
	return seed >> 16 & 0x7FFF;
}

static void push(const uint8_t *bytes, size_t n, int64_t delay_us)
{
	assert_true(line_count < SENT_MAX);
	line[line_count] = (struct line_packet){.at_us = now_us + delay_us, .n = n};
	memcpy(line[line_count++].bytes, bytes, n);
}

/* Header, lead, payload; by the line's mood. */
static void send_packet(struct rtp rtp, struct span lead, struct span payload, bool keep)
{
	uint8_t bytes[1300], number[2] = {(uint8_t)(twcc_seq >> 8), (uint8_t)twcc_seq};
	struct rtp_ext ext = {3, 2, number};
	size_t n = rtp_write(&rtp, &ext, 1, bytes);
	twcc_seq++;
	if (lead.n)
		memcpy(bytes + n, lead.p, lead.n);
	if (payload.n)
		memcpy(bytes + n + lead.n, payload.p, payload.n);
	n += lead.n + payload.n;
	if (keep) {
		history[rtp.seq % SENT_MAX].n = n;
		memcpy(history[rtp.seq % SENT_MAX].bytes, bytes, n);
	}
	if (dice() % 100 < lose_percent)
		return;
	push(bytes, n, 10000 + (dice() % 100 < late_percent ? 25000 : 0));
}

static void repair(void *ctx, uint16_t seq)
{
	struct rtp rtp;
	uint8_t osn[2] = {(uint8_t)(seq >> 8), (uint8_t)seq};
	(void)ctx;
	nacked++;
	struct line_packet *p = &history[seq % SENT_MAX];
	if (!repairs || !p->n)
		return;
	assert_true(rtp_read(&rtp, span_of(p->bytes, p->n)));
	struct span payload = rtp.payload;
	rtp.pt = RTX_PT;
	rtp.ssrc = RTX_SSRC;
	rtp.seq = rtx_seq++;
	now_us += 10000; /* the request has to come here first */
	send_packet(rtp, span_of(osn, 2), payload, false);
	now_us -= 10000;
}

static void on_rtcp(void *ctx, struct span compound)
{
	struct cur c = cur_of(compound.p, compound.n);
	struct rtcp p;
	(void)ctx;
	while (rtcp_next(&c, &p)) {
		struct rtcp_report r;
		for (int i = 0; rtcp_read_report(&p, i, &r); i++, reports++)
			if (r.ssrc == VIDEO_SSRC)
				last_report = r;
		plis += rtcp_is_pli(&p);
		if (rtcp_read_remb(&p))
			allowed = rtcp_read_remb(&p);
		twccs += p.type == RTCP_RTPFB && p.count == RTPFB_TWCC;
		if (!deaf && dice() % 100 >= lose_percent)
			(void)rtcp_read_nack(&p, 1000, repair, NULL);
	}
}

static void drain(void)
{
	struct msg *m;
	uint32_t raw;
	while (rx_next(rx, &m, &raw)) {
		struct au_walk w;
		struct au au;
		int kind = m->type == MSG_VIDEO;
		assert_true(raw >= last_raw[kind]);
		last_raw[kind] = raw;
		for (au_begin(&w, m); au_next(&w, &au);) {
			headers += au.is_header;
			keys += au.type == MSG_VIDEO && au.is_key && !au.is_header;
			pictures += au.type == MSG_VIDEO && !au.is_header;
			sounds += au.type == MSG_AUDIO && !au.is_header;
		}
		msg_unref(&m);
	}
}

static void carry_until(int64_t end_us)
{
	for (; now_us < end_us; now_us += 1000) {
		for (int i = 0; i < line_count; i++) {
			if (line[i].at_us > now_us)
				continue;
			struct line_packet p = line[i];
			memmove(&line[i], &line[i + 1],
				(size_t)(--line_count - i) * sizeof(line[0]));
			rx_take(rx, span_of(p.bytes, p.n), now_us);
			i--;
		}
		if (now_us / 1000 >= rx_deadline(rx))
			rx_tick(rx, now_us);
		drain();
	}
}

static void send_picture(bool is_key, size_t n, const char *sps)
{
	struct buf unit = {.max = 1 << 20};
	struct payloads payloads = {0};
	char hex[64];
	struct span bytes;
	if (is_key) {
		snprintf(hex, sizeof(hex), "00000004 %s 00000002 68CE", sps);
		bytes = hex_bytes(hex);
		buf_put(&unit, bytes.p, bytes.n);
		hex_free(bytes);
	}
	buf_u32(&unit, (uint32_t)n + 1);
	buf_u8(&unit, is_key ? 0x65 : 0x41);
	for (size_t i = 0; i < n; i++)
		buf_u8(&unit, (uint8_t)(i % 251 + 1));
	struct au au = {
		.codec = FOURCC('a', 'v', 'c', '1'), .is_key = is_key, .data = buf_span(&unit)};
	assert_true(pack_video(&payloads, &au, &(struct pack_opts){.max = 1100, .form = 4}));
	for (int i = 0; i < payloads.count; i++)
		send_packet((struct rtp){.pt = VIDEO_PT,
					 .ssrc = VIDEO_SSRC,
					 .seq = video_seq++,
					 .ts = video_ts,
					 .marker = i == payloads.count - 1},
			    (struct span){0}, payload_span(&payloads, i), true);
	payloads_free(&payloads);
	buf_free(&unit);
}

static void send_sound(void)
{
	uint8_t opus[80] = {0xFC};
	send_packet(
		(struct rtp){
			.pt = AUDIO_PT, .ssrc = AUDIO_SSRC, .seq = audio_seq++, .ts = audio_ts},
		(struct span){0}, span_of(opus, sizeof(opus)), false);
	audio_ts += 960;
}

static void stream(int count, int key_each)
{
	for (int i = 0; i < count; i++) {
		send_picture(i % key_each == 0, 3000, "6742E01F");
		send_sound();
		send_sound();
		video_ts += 3600;
		carry_until(now_us + FRAME_US);
	}
}

static int setup(void **state)
{
	(void)state;
	const struct rtc_feedback all = {.nack = true, .pli = true, .twcc = true};
	media = (struct rtc_media){
		.publish = true,
		.audio = {.codec = RTC_CODEC_OPUS, .pt = AUDIO_PT, .channels = 2},
		.video = {.codec = RTC_CODEC_H264,
			  .pt = VIDEO_PT,
			  .has_rtx = true,
			  .rtx_pt = RTX_PT,
			  .feedback = all,
			  .ext = {.twcc = 3},
			  .reduced_rtcp = true},
	};
	rx = rx_new(&media, &(struct rx_opts){.send_rtcp = on_rtcp, .nack = true});
	line = mem_zalloc(SENT_MAX * sizeof(*line));
	history = mem_zalloc(SENT_MAX * sizeof(*history));
	line_count = 0;
	now_us = 1000000;
	seed = 1;
	lose_percent = late_percent = 0;
	repairs = true;
	deaf = false;
	allowed = 0;
	plis = reports = twccs = nacked = pictures = keys = headers = sounds = 0;
	memset(last_raw, 0, sizeof(last_raw));
	video_seq = 65500; /* goes round soon */
	audio_seq = 5;
	video_ts = 0xFFFFF000;
	audio_ts = 77;
	rtx_seq = twcc_seq = 65530;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rx_free(&rx);
	free(line);
	free(history);
	return msg_live() ? -1 : 0;
}

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
		CASE(a_good_line_gives_every_picture),
		CASE(a_tenth_lost_and_overtaken_is_repaired),
		CASE(what_is_lost_for_good_stops_pictures_until_a_key_frame),
		CASE(a_publisher_without_twcc_is_told_what_the_line_takes),
		CASE(silence_that_is_not_sent_is_no_loss),
		CASE(a_new_size_is_a_new_header),
		CASE(a_picture_without_its_mark_ends_with_the_next_one),
		CASE(probes_are_no_loss),
		CASE(another_sender_takes_the_place),
		CASE(pictures_move_to_their_sound),
		CASE(a_key_frame_is_asked_for_as_often_as_configured),
		CASE(messages_that_nobody_takes_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
