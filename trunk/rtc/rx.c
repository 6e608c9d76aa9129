#include "rtc/rx.h"
#include "base/mem.h"
#include "codec/part.h"
#include "codec/rtcp.h"
#include "codec/rtp.h"
#include "rtc/rx_parts.h"

#include <stdlib.h>

enum {
	TICK_MS = 20,
	MISSING_MAX = 512, /* beyond, a key frame is cheaper */
	SSRC_CHANGES_MAX = 64,
	RATE_VIDEO = 90000,
	RATE_AUDIO = 48000,
};

static const uint32_t fourccs[] = {
	[RTC_CODEC_OPUS] = CODEC_OPUS, [RTC_CODEC_H264] = CODEC_AVC, [RTC_CODEC_H265] = CODEC_HEVC,
	[RTC_CODEC_AV1] = CODEC_AV1,   [RTC_CODEC_VP9] = CODEC_VP9,
};

static void track_init(struct rx_track *t, const struct rtc_track *agreed, bool is_video)
{
	if (!agreed->codec)
		return;
	t->agreed = agreed;
	t->codec = fourccs[agreed->codec];
	t->clock.rate = is_video ? RATE_VIDEO : RATE_AUDIO;
	rx_ring_init(&t->ring, is_video ? RX_RING_VIDEO : RX_RING_AUDIO);
}

struct rx *rx_new(const struct rtc_media *media, const struct rx_opts *opts)
{
	struct rx *rx = mem_new(struct rx);
	rx->media = media;
	rx->opts = *opts;
	rx->await_key = true;
	track_init(&rx->tracks[RX_AUDIO], &media->audio, false);
	track_init(&rx->tracks[RX_VIDEO], &media->video, true);
	return rx;
}

void rx_free(struct rx **rx)
{
	struct rx *r = *rx;
	*rx = NULL;
	if (!r)
		return;
	for (; r->head != r->tail; r->head++)
		msg_unref(&r->queue[r->head % RX_QUEUE].msg);
	for (int i = 0; i < RX_TRACKS; i++)
		rx_ring_fini(&r->tracks[i].ring);
	unpack_free(&r->unpack);
	buf_free(&r->record);
	free(r);
}

const struct rx_counts *rx_counts(const struct rx *rx)
{
	return &rx->counts;
}

int64_t rx_rtt_ms(const struct rx *rx)
{
	return rx->rtt_ms;
}

/* ---- in order ---- */

/* That what comes next does not come any more. */
static bool is_lost(const struct rx *rx, const struct rx_track *t, int64_t now)
{
	return t->ring.missing > MISSING_MAX || rx_ring_is_full(&t->ring) ||
	       rx_ring_is_stuck(&t->ring, now - rx_hold_ms(rx, t));
}

/* Hands out what is in order, and gives up what has been missing for too long. */
static void deliver(struct rx *rx, struct rx_track *t, int64_t now_us)
{
	bool is_video = t == &rx->tracks[RX_VIDEO];
	for (;;) {
		const struct rx_packet *p = rx_ring_first(&t->ring);
		if (p) {
			if (is_video)
				rx_video_take(rx, p, now_us);
			else
				rx_audio_take(rx, p, now_us);
			rx_ring_drop(&t->ring);
		} else if (is_lost(rx, t, now_us / 1000)) {
			t->in_vain += rx_ring_give_up(&t->ring);
			rx->counts.lost++;
			if (is_video)
				rx_video_lost(rx, now_us);
		} else {
			return;
		}
	}
}

static void place(struct rx *rx, struct rx_track *t, const struct rtp *rtp, bool is_rtx,
		  int64_t now_us)
{
	int64_t seq = rx_ring_number(&t->ring, rtp->seq);
	struct rx_asked asked = {0};
	enum rx_placed placed = rx_ring_put(&t->ring, seq, rtp->ts, rtp->marker, rtp->payload,
					    now_us / 1000, &asked);
	if (asked.tries)
		rx_note_repair(rx, t, &asked, is_rtx, now_us / 1000);
	rx->counts.repaired += placed == RX_REPAIRED;
	if (placed == RX_REFUSED || placed == RX_TOO_LATE) {
		rx->counts.duplicate++;
		return;
	}
	if (placed == RX_RESET) {
		t->stats = (struct rx_stats){.report = t->stats.report,
					     .report_us = t->stats.report_us};
		if (t == &rx->tracks[RX_VIDEO])
			rx_video_lost(rx, now_us);
	}
	if (!is_rtx)
		rx_note_packet(t, seq, rtp->ts, now_us);
	deliver(rx, t, now_us);
}

/* ---- whose it is ---- */

/* Another sender in the place of the one before: its numbers and times are its own. */
static bool latch(struct rx *rx, struct rx_track *t, uint32_t ssrc)
{
	if (t->ssrc == ssrc)
		return true;
	if (t->ssrc_changes++ > SSRC_CHANGES_MAX)
		return false;
	if (t->ssrc)
		rx_ring_clear(&t->ring);
	t->clock.begun = false;
	t->stats = (struct rx_stats){0};
	t->ssrc = ssrc;
	if (t == &rx->tracks[RX_VIDEO]) {
		rx->in_picture = rx->is_damaged = false;
		rx->await_key = true;
	}
	return true;
}

static bool has_mid(const struct rtc_track *agreed, const struct rtp *rtp)
{
	struct span mid;
	return !rtp_ext(rtp, agreed->ext.mid, &mid) || span_is(mid, agreed->mid);
}

static void take_rtx(struct rx *rx, struct rx_track *t, struct rtp *rtp, int64_t now_us)
{
	if (rtp->payload.n <= 2 || !t->ring.begun)
		return; /* a probe */
	rtp->seq = (uint16_t)(rtp->payload.p[0] << 8 | rtp->payload.p[1]);
	rtp->payload = span_rest(rtp->payload, 2);
	int64_t seq = rx_ring_number(&t->ring, rtp->seq);
	/* Of another sender, or of long ago. */
	if (seq > t->ring.newest || seq + t->ring.room <= t->ring.next) {
		rx->counts.duplicate++;
		return;
	}
	t->has_rtx_come = true;
	place(rx, t, rtp, true, now_us);
}

static void note_twcc(struct rx *rx, const struct rtp *rtp, int64_t now_us)
{
	struct span value;
	uint8_t id =
		rx->media->video.ext.twcc ? rx->media->video.ext.twcc : rx->media->audio.ext.twcc;
	if (rtp_ext(rtp, id, &value) && value.n == 2)
		rx_note_arrival(rx, (uint16_t)(value.p[0] << 8 | value.p[1]), now_us);
}

void rx_take(struct rx *rx, struct span packet, int64_t now_us)
{
	struct rtp rtp;
	if (!rtp_read(&rtp, packet))
		return;
	if (!rx->start_us)
		rx->start_us = now_us;
	rx->counts.packets++;
	rx->counts.bytes += (int64_t)packet.n;
	note_twcc(rx, &rtp, now_us);
	for (int i = 0; i < RX_TRACKS; i++) {
		struct rx_track *t = &rx->tracks[i];
		if (!t->agreed || !has_mid(t->agreed, &rtp))
			continue;
		if (rtp.pt == t->agreed->pt && latch(rx, t, rtp.ssrc)) {
			place(rx, t, &rtp, false, now_us);
			return;
		}
		if (t->agreed->has_rtx && rtp.pt == t->agreed->rtx_pt) {
			take_rtx(rx, t, &rtp, now_us);
			return;
		}
	}
	rx->counts.unknown++;
}

static void take_sender(struct rx *rx, const struct rtcp *p, int64_t now_us)
{
	struct rtcp_sender_info info;
	if (!rtcp_read_sender(p, &info))
		return;
	for (int i = 0; i < RX_TRACKS; i++) {
		struct rx_track *t = &rx->tracks[i];
		if (!t->agreed || t->ssrc != p->sender)
			continue;
		t->stats.report = (uint32_t)(info.ntp >> 16);
		t->stats.report_us = now_us;
		rx_clock_report(&t->clock, info.ntp, info.ts);
	}
	rx_clock_align(&rx->tracks[RX_AUDIO].clock, &rx->tracks[RX_VIDEO].clock);
}

void rx_take_rtcp(struct rx *rx, struct span compound, int64_t now_us)
{
	struct cur c = cur_of(compound.p, compound.n);
	struct rtcp p;
	for (int i = 0; i < RTCP_PACKETS_MAX && rtcp_next(&c, &p); i++)
		take_sender(rx, &p, now_us);
}

/* ---- time ---- */

void rx_tick(struct rx *rx, int64_t now_us)
{
	rx->tick_ms = now_us / 1000;
	/* First, so that what is given up was asked for, and it is known whether it comes. */
	rx_send_requests(rx, now_us);
	for (int i = 0; i < RX_TRACKS; i++)
		if (rx->tracks[i].agreed && rx->tracks[i].ring.begun)
			deliver(rx, &rx->tracks[i], now_us);
	rx_send_reports(rx, now_us);
}

int64_t rx_deadline(const struct rx *rx)
{
	return rx->tick_ms + TICK_MS;
}
