/* rtc_sender_rig - a source, a WebRTC player's sender, and what it sends. Layer: test. */
#pragma once
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

static inline bool on_send(void *ctx, const struct srtp_packet *p)
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

static inline bool on_rtcp(void *ctx, struct span compound)
{
	struct cur c = cur_of(compound.p, compound.n);
	struct rtcp p;
	(void)ctx;
	for (int i = 0; rtcp_next(&c, &p);)
		i += rtcp_read_sender(&p, &infos[p.sender == VIDEO_SSRC]);
	rtcp_count++;
	return true;
}

static inline bool on_want_key(void *ctx)
{
	(void)ctx;
	keys_wanted++;
	return can_ask;
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
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

static inline void publish_bytes(enum msg_type type, const char *head, size_t padding)
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

static inline void headers(void)
{
	publish_bytes(MSG_VIDEO, "17 00 000000 0142E01F FF E1 0004 6742E01F 01 0002 68CE", 0);
	publish_bytes(MSG_AUDIO, "90 4F707573", 0);
}

static inline void pass(int ms)
{
	raw += (uint32_t)ms;
	fake_time_pass(ms);
}

/* A picture of so many bytes with its sound. */
static inline void picture(bool is_key, size_t n)
{
	char head[64];
	snprintf(head, sizeof(head), "%s 01 000000 %08zX %s", is_key ? "17" : "27", n + 1,
		 is_key ? "65" : "41");
	publish_bytes(MSG_VIDEO, head, n);
	publish_bytes(MSG_AUDIO, "91 4F707573 FC", 100);
	publish_bytes(MSG_AUDIO, "91 4F707573 FC", 100);
	pass(FRAME_MS);
}

static inline void gop(int pictures, size_t n)
{
	for (int i = 0; i < pictures; i++)
		picture(i == 0, n);
}

static inline void join(void)
{
	sender = rtc_sender_new(&opts);
	consumer_open(&consumer, source,
		      &(struct consumer_opts){.kind = CONSUMER_PLAYER, .co = co_self()});
	rtc_sender_join(sender, source);
	assert_int_equal(sent_count, 0);
	rtc_sender_open(sender);
}

/* ---- what was sent ---- */

static inline int count_of(uint32_t ssrc)
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
static inline int check_video(void)
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
