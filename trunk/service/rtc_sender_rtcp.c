/* What a player and its sender tell each other: sender reports there, receiver reports, requests for lost packets
 * and for key frames back. */
#include "base/log.h"
#include "codec/rtcp.h"
#include "codec/rtp.h"
#include "live/source.h"
#include "service/rtc_sender_parts.h"

enum {
	REPORT_MS = 1000,
	NACKS_MAX = 512, /* sequence numbers in one request: more is a request for a key frame */
	REPEAT_FLOOR = 64 * 1024, /* bytes a second that may be repeated in any case */
	REPEAT_AGAIN_MS = 10,     /* at least between two repeats of one packet */
	LOSSY = 26,               /* 1/256: a tenth */
	LOSSY_REPORTS = 4,        /* so many in a row */
};

static const int clocks[] = {PACKETS_AUDIO_CLOCK, PACKETS_VIDEO_CLOCK};

/* ---- reports ---- */

/* Monotonic time as NTP: a clock that is set must not move the picture against the sound. */
static uint64_t ntp_now(void)
{
	static int64_t offset_us;
	const int64_t ntp_epoch_s = 2208988800;
	if (!offset_us)
		offset_us = clock_wall_ms() * 1000 - clock_us();
	int64_t us = clock_us() + offset_us;
	uint64_t s = (uint64_t)(us / 1000000 + ntp_epoch_s);
	uint64_t fraction = (uint64_t)(us % 1000000) * 4294967296u / 1000000;
	return s << 32 | fraction;
}

static void put_report(struct rtc_sender *s, int track, struct buf *b)
{
	const struct tx *tx = &s->tx[track];
	rtcp_put_sr(b, tx->track->ssrc,
		    &(struct rtcp_sender_info){
			    .ntp = ntp_now(),
			    .ts = tx_wire_ts(tx, packets_now(s->packets) * clocks[track]),
			    .packets = tx->packets,
			    .octets = tx->octets,
		    });
	rtcp_put_sdes(b, tx->track->ssrc, s->opts.media->cname);
}

void rtc_sender_report(struct rtc_sender *s, int64_t now)
{
	uint8_t room[256];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};
	if (s->report_ms && now - s->report_ms < REPORT_MS)
		return;
	for (int i = 0; i < PACKETS_TRACKS; i++)
		if (s->tx[i].has_sent)
			put_report(s, i, &b);
	if (!b.n || !buf_ok(&b))
		return;
	/* The first ones at once: picture and sound are set against each other by them. */
	bool is_whole = true;
	for (int i = 0; i < PACKETS_TRACKS; i++)
		is_whole &= !s->tx[i].track || s->tx[i].has_sent;
	s->report_ms = is_whole || s->report_ms ? now : now - REPORT_MS + 100;
	(void)s->opts.send_rtcp(s->out.ctx, buf_span(&b));
}

static void note_rtt(struct rtc_sender *s, const struct rtcp_report *r)
{
	uint32_t now = (uint32_t)(ntp_now() >> 16), took = now - r->lsr - r->dlsr;
	int64_t ms = (int64_t)took * 1000 >> 16;
	if (!r->lsr || ms > 10000)
		return;
	s->rtt_ms = s->rtt_ms ? (s->rtt_ms * 7 + ms) / 8 : ms > 0 ? ms : 1;
}

/* A line that loses a tenth gets worse by what is sent: no pictures for a while. */
static void note_loss(struct rtc_sender *s, int fraction)
{
	s->loss = fraction;
	s->lossy_reports = fraction > LOSSY ? s->lossy_reports + 1 : 0;
	if (s->lossy_reports < LOSSY_REPORTS || s->video_state != RTC_VIDEO_FLOWS)
		return;
	s->lossy_reports = 0;
	rtc_sender_skip_video(s);
	if (!s->has_loss_told)
		log_info("%s: the player loses %d %% of the packets: pictures are left out until "
			 "the "
			 "next key frame",
			 s->packets->source->key, fraction * 100 / 256);
	s->has_loss_told = true;
}

static void take_reports(struct rtc_sender *s, const struct rtcp *p)
{
	struct rtcp_report r;
	for (int i = 0; rtcp_read_report(p, i, &r); i++) {
		const struct rtc_track *video = s->tx[PACKETS_VIDEO].track;
		note_rtt(s, &r);
		if (video && r.ssrc == video->ssrc && s->packets)
			note_loss(s, r.fraction);
	}
}

/* The player's estimate of its line is for the API alone, since pictures have one size for all. */
static void take_estimate(struct rtc_sender *s, const struct rtcp *p)
{
	uint64_t bits = rtcp_read_remb(p);
	if (bits)
		s->estimate_kbps = bits / 1000 > INT32_MAX ? INT32_MAX : (int64_t)(bits / 1000);
}

/* ---- requests ---- */

struct nack {
	struct rtc_sender *s;
	enum packet_track track;
};

static bool may_repeat(const struct rtc_sender *s)
{
	return s->repeated_now < REPEAT_FLOOR + s->sent_now / 2;
}

static void on_nack(void *ctx, uint16_t seq)
{
	const struct nack *nack = ctx;
	struct rtc_sender *s = nack->s;
	struct tx *tx = &s->tx[nack->track];
	int64_t full, pause = s->rtt_ms > REPEAT_AGAIN_MS ? s->rtt_ms : REPEAT_AGAIN_MS;
	uint64_t index;
	s->counts.nacks++;
	if (!may_repeat(s) || !tx_find(tx, seq, clock_ms(), pause, &full, &index))
		return;
	const struct packet *p = packet_ring_at(&s->packets->rings[nack->track], index);
	if (!p) {
		s->counts.unrepeatable++;
		return;
	}
	struct tx_packet packet = rtc_sender_packet(p, index);
	size_t n = tx_repeat(tx, full, &packet, &s->out);
	s->counts.repeated += n > 0;
	s->counts.repeated_bytes += (int64_t)n;
	s->repeated_now += (int64_t)n;
}

static void take_nack(struct rtc_sender *s, const struct rtcp *p)
{
	uint32_t media = rtcp_media(p);
	for (int i = 0; i < PACKETS_TRACKS; i++) {
		struct nack nack = {s, (enum packet_track)i};
		if (!s->tx[i].track || s->tx[i].track->ssrc != media)
			continue;
		if (rtcp_read_nack(p, NACKS_MAX, on_nack, &nack) > NACKS_MAX)
			rtc_sender_give_key(s);
	}
}

static bool is_key_request(const struct rtc_sender *s, const struct rtcp *p)
{
	const struct rtc_track *video = s->tx[PACKETS_VIDEO].track;
	uint8_t number;
	return video && (rtcp_is_pli(p) || rtcp_is_fir(p, video->ssrc, &number));
}

void rtc_sender_take_rtcp(struct rtc_sender *s, struct span compound)
{
	struct cur c = cur_of(compound.p, compound.n);
	struct rtcp p;
	for (int i = 0; i < RTCP_PACKETS_MAX && rtcp_next(&c, &p); i++) {
		take_reports(s, &p);
		take_estimate(s, &p);
		if (s->packets && s->opts.nack)
			take_nack(s, &p);
		if (is_key_request(s, &p)) {
			s->counts.plis++;
			rtc_sender_give_key(s);
		}
	}
}
