/* rx_rig - a publisher, a line that loses packets and delays them, and the receiver at its end. */
#pragma once
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
static int64_t way_us;            /* from one end to the other */
static bool repairs, plain, deaf; /* plain: repeats are the packets themselves */
/* what was sent, by sequence number */
static struct line_packet *history;
/* what was asked, and told */
static int plis, reports, twccs, nacked;
static uint64_t allowed; /* bits, the last estimate */
static struct rtcp_report last_report;
/* what came out */
static int pictures, keys, headers, sounds;
static uint32_t last_raw[2];

static inline unsigned dice(void)
{
	seed = seed * 1103515245 + 12345;
	return seed >> 16 & 0x7FFF;
}

static inline void push(const uint8_t *bytes, size_t n, int64_t delay_us)
{
	assert_true(line_count < SENT_MAX);
	line[line_count] = (struct line_packet){.at_us = now_us + delay_us, .n = n};
	memcpy(line[line_count++].bytes, bytes, n);
}

/* Header, lead, payload; by the line's mood. */
static inline void send_packet(struct rtp rtp, struct span lead, struct span payload, bool keep)
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
	push(bytes, n, way_us + (dice() % 100 < late_percent ? 25000 : 0));
}

static inline void repair(void *ctx, uint16_t seq)
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
	if (plain) {
		now_us += way_us;
		if (dice() % 100 >= lose_percent)
			push(p->bytes, p->n, way_us);
		now_us -= way_us;
		return;
	}
	rtp.pt = RTX_PT;
	rtp.ssrc = RTX_SSRC;
	rtp.seq = rtx_seq++;
	now_us += way_us; /* the request has to come here first */
	send_packet(rtp, span_of(osn, 2), payload, false);
	now_us -= way_us;
}

static inline void on_rtcp(void *ctx, struct span compound)
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

static inline void drain(void)
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

static inline void carry_until(int64_t end_us)
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

static inline void send_picture(bool is_key, size_t n, const char *sps)
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
	struct au au = {.codec = CODEC_AVC, .is_key = is_key, .data = buf_span(&unit)};
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

static inline void send_sound(void)
{
	uint8_t opus[80] = {0xFC};
	send_packet(
		(struct rtp){
			.pt = AUDIO_PT, .ssrc = AUDIO_SSRC, .seq = audio_seq++, .ts = audio_ts},
		(struct span){0}, span_of(opus, sizeof(opus)), false);
	audio_ts += 960;
}

static inline void stream(int count, int key_each)
{
	for (int i = 0; i < count; i++) {
		send_picture(i % key_each == 0, 3000, "6742E01F");
		send_sound();
		send_sound();
		video_ts += 3600;
		carry_until(now_us + FRAME_US);
	}
}

static inline int setup(void **state)
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
	plain = false;
	way_us = 10000;
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

static inline int teardown(void **state)
{
	(void)state;
	rx_free(&rx);
	free(line);
	free(history);
	return msg_live() ? -1 : 0;
}
