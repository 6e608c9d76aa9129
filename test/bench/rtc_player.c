/* What comes to a player: how much, how late, what is missing, and what it says back.
 *
 * Late is what comes late to the player's socket, by the kernel's clock: this program, which decrypts all for hundreds of
 * players on one processor, may need longer for a picture than the server. */
#include "codec/rtcp.h"
#include "rtc_bench.h"

#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

enum { CHECK_US = 2500000, REPORT_US = 1000000, OUR_SSRC = 7, SEQ_BACK = 1000 };
enum { NAL_IDR = 5, NAL_STAP_A = 24, NAL_FU_A = 28, FU_BEGINS = 0x80 };

/* A stamp behind a NAL unit's header. */
static bool unit_stamp(const uint8_t *unit, size_t n, int64_t *us)
{
	return n > 1 + STAMP_SIZE && stamp_read(unit + 1, us);
}

/* The stamp of a picture is in its first packet, which may have parameter sets in front. */
static bool picture_stamp(const uint8_t *p, size_t n, int64_t *us, bool *is_key)
{
	unsigned type = p[0] & 31;
	if (type == NAL_FU_A) {
		*is_key = (p[1] & 31) == NAL_IDR;
		return p[1] & FU_BEGINS && unit_stamp(p + 1, n - 1, us);
	}
	if (type != NAL_STAP_A) {
		*is_key = type == NAL_IDR;
		return unit_stamp(p, n, us);
	}
	for (size_t at = 1; at + 2 < n;) {
		size_t size = (size_t)p[at] << 8 | p[at + 1];
		*is_key = (p[at + 2] & 31) == NAL_IDR;
		if (size <= n - at - 2 && unit_stamp(p + at + 2, size, us))
			return true;
		at += 2 + size;
	}
	return false;
}

static int64_t us_of(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000 + t->tv_nsec / 1000;
}

/* When the newest packet that was read had come to the socket. */
static int64_t arrival_us(const struct rtc_client *c)
{
	struct timespec came, now;
	if (ioctl(udp_fd(c->peer.udp), SIOCGSTAMPNS, &came) != 0)
		return now_us();
	clock_gettime(CLOCK_REALTIME, &now);
	return now_us() - (us_of(&now) - us_of(&came));
}

static void note_latency(struct rtc_client *c, struct rtc_track_seen *t, uint8_t *packet, size_t n)
{
	struct rtp rtp;
	int64_t stamp;
	if (!c->peer.recv || srtp_unprotect(c->peer.recv, packet, &n) != SRTP_OK ||
	    !rtp_read(&rtp, span_of(packet, n)) || rtp.payload.n < 2)
		return;
	if (rtp.pt == SOUND_PT) {
		if (window_us && rtp.payload.n > 1 + STAMP_SIZE &&
		    stamp_read(rtp.payload.p + 1, &stamp))
			hist_add(&rtc_fig.sound, arrival_us(c) - stamp);
		return;
	}
	if (picture_stamp(rtp.payload.p, rtp.payload.n, &stamp, &t->is_key))
		t->stamp_us = stamp;
	/* Pictures that were there before it came are late by nature. */
	if (rtp.marker && window_us && t->stamp_us > window_us)
		hist_add(t->is_key ? &rtc_fig.key : &rtc_fig.delta, arrival_us(c) - t->stamp_us);
	if (rtp.marker)
		t->stamp_us = 0;
}

/* Numbers and times go on whatever happens behind the server. */
static void note_order(struct rtc_track_seen *t, const struct rtp *rtp)
{
	int16_t step = (int16_t)(rtp->seq - t->seq);
	if (!t->begun || step == 1)
		return;
	if (rtp->ssrc != t->ssrc || step > SEQ_BACK || step < -SEQ_BACK) {
		rtc_fig.jumps++;
	} else if (step > 0) {
		t->missing += step - 1;
	} else {
		t->out_of_order++;
	}
}

static void note_gap(struct rtc_track_seen *t, int64_t now)
{
	int64_t gap = now - t->at_us;
	if (window_us && t->at_us > window_us && gap > t->worst_gap_us)
		t->worst_gap_us = gap;
	t->at_us = now;
}

void rtc_player_take(struct rtc_client *c, uint8_t *packet, size_t n)
{
	struct rtp rtp;
	int64_t now = now_us();
	if (!rtp_read(&rtp, span_of(packet, n)))
		return;
	struct rtc_track_seen *t = &c->tracks[rtp.pt == PICTURE_PT];
	c->life.bytes += (int64_t)n;
	rtc_fig.packets++;
	note_order(t, &rtp);
	note_gap(t, now);
	if (t->begun && (int32_t)(rtp.ts - t->ts) > 10 * 90000)
		rtc_fig.jumps++;
	t->begun = true;
	t->ssrc = rtp.ssrc;
	t->seq = rtp.seq;
	t->ts = rtp.ts;
	if (rtp.pt == PICTURE_PT && rtp.marker && !c->has_picture) {
		c->has_picture = true;
		hist_add(&rtc_fig.first_picture, c->connected_us ? now - c->connected_us : 0);
		hist_add(&fig.first_frame, now - c->begin_us);
	}
	if (c->life.is_full)
		note_latency(c, t, packet, n);
}

static void report_back(struct rtc_client *c)
{
	uint8_t room[256], out[256 + SRTCP_OVERHEAD];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};
	struct rtcp_report reports[RTC_TRACKS];
	int n = 0;
	for (int i = 0; i < RTC_TRACKS; i++)
		if (c->tracks[i].begun)
			reports[n++] = (struct rtcp_report){.ssrc = c->tracks[i].ssrc,
							    .highest = c->tracks[i].seq};
	rtcp_put_rr(&b, OUR_SSRC, reports, n);
	rtc_peer_send(&c->peer, span_of(out, srtp_protect_rtcp(c->peer.send, buf_span(&b), out)));
}

void rtc_player_talk(struct rtc_client *c, int64_t now)
{
	if (now - c->checked_us >= CHECK_US) {
		c->checked_us = now;
		rtc_peer_check(&c->peer, 0);
	}
	if (now - c->reported_us >= REPORT_US) {
		c->reported_us = now;
		report_back(c);
	}
}
