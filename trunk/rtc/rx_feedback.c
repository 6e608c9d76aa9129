/* Feedback to the publisher: missing packets, wanted key frames, how its packets arrive. */
#include "codec/rtcp.h"
#include "codec/rtp.h"
#include "rtc/rx_parts.h"

enum {
	FIRST_REPORT_MS = 300,
	REPORT_MS = 1000,
	TWCC_MS = 100,
	NACK_AFTER_MS = 10, /* packets overtake each other */
	NACKS_AT_ONCE = 240,
	KEY_AGAIN_MS = 500, /* between two requests for a key frame */
	KEY_RETRY_MS = 500, /* none has come */
};

/* ---- compounds ---- */

static int64_t expected(const struct rx_track *t)
{
	return t->ring.newest - t->stats.first + 1;
}

static struct rtcp_report report_of(struct rx_track *t, int64_t now_us)
{
	struct rx_stats *st = &t->stats;
	int64_t all = expected(t), lost = all - st->received;
	int64_t span = all - st->expected_prior, gone = span - (st->received - st->received_prior);
	st->expected_prior = all;
	st->received_prior = st->received;
	lost = lost > 0x7FFFFF ? 0x7FFFFF : lost < -0x800000 ? -0x800000 : lost;
	st->fraction = (int)(span > 0 && gone > 0 ? gone * 255 / span : 0);
	return (struct rtcp_report){
		.ssrc = t->ssrc,
		.fraction = (uint8_t)st->fraction,
		.lost = (int32_t)lost,
		.highest = (uint32_t)(t->ring.newest - 65536),
		.jitter = (uint32_t)st->jitter,
		.lsr = st->report,
		.dlsr = st->report ? (uint32_t)((now_us - st->report_us) * 65536 / 1000000) : 0,
	};
}

static void put_reports(struct rx *rx, struct buf *b, int64_t now_us)
{
	struct rtcp_report reports[RX_TRACKS];
	int n = 0;
	for (int i = 0; i < RX_TRACKS; i++)
		if (rx->tracks[i].ssrc && rx->tracks[i].ring.begun)
			reports[n++] = report_of(&rx->tracks[i], now_us);
	rtcp_put_rr(b, RX_OUR_SSRC, reports, n);
	rtcp_put_sdes(b, RX_OUR_SSRC, rx->media->cname[0] ? rx->media->cname : "server");
}

/* Feedback alone, where that is agreed on (RFC 5506), else behind an empty report. */
static void begin_compound(const struct rx_track *t, const struct rx *rx, struct buf *b)
{
	if (t->agreed->reduced_rtcp)
		return;
	rtcp_put_rr(b, RX_OUR_SSRC, NULL, 0);
	rtcp_put_sdes(b, RX_OUR_SSRC, rx->media->cname[0] ? rx->media->cname : "server");
}

static void tell(struct rx *rx, struct buf *b)
{
	if (buf_ok(b) && b->n)
		rx->opts.send_rtcp(rx->opts.ctx, buf_span(b));
}

/* ---- requests ---- */

void rx_want_key(struct rx *rx, int64_t now_us)
{
	struct rx_track *t = &rx->tracks[RX_VIDEO];
	uint8_t room[256];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};
	int64_t now = now_us / 1000;
	if (!t->agreed || !t->ssrc || now - rx->asked_key_ms < KEY_AGAIN_MS)
		return;
	rx->asked_key_ms = now;
	rx->counts.plis++;
	begin_compound(t, rx, &b);
	if (!t->agreed->feedback.pli && t->agreed->feedback.fir)
		rtcp_put_fir(&b, RX_OUR_SSRC, t->ssrc, rx->fir_number++);
	else
		rtcp_put_pli(&b, RX_OUR_SSRC, t->ssrc);
	tell(rx, &b);
}

static void send_nacks(struct rx *rx, struct rx_track *t, int64_t now)
{
	uint8_t room[RTCP_MAX];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};
	uint16_t seqs[NACKS_AT_ONCE];
	int n = rx_ring_ask(&t->ring, now - NACK_AFTER_MS, rx_again_ms(rx), now, seqs,
			    NACKS_AT_ONCE);
	if (!n)
		return;
	rx->counts.nacks += n;
	begin_compound(t, rx, &b);
	rtcp_put_nack(&b, RX_OUR_SSRC, t->ssrc, seqs, n);
	tell(rx, &b);
}

void rx_send_requests(struct rx *rx, int64_t now_us)
{
	int64_t now = now_us / 1000;
	for (int i = 0; i < RX_TRACKS; i++) {
		struct rx_track *t = &rx->tracks[i];
		if (t->agreed && rx_can_ask(rx, t) && t->ring.missing)
			send_nacks(rx, t, now);
	}
	bool is_late = rx->await_key && now - rx->asked_key_ms >= KEY_RETRY_MS;
	bool is_due = rx->opts.key_ms && now >= rx->key_due_ms;
	if (is_late || is_due)
		rx_want_key(rx, now_us);
	if (is_due)
		rx->key_due_ms = now + rx->opts.key_ms;
}

/* ---- transport-wide numbers ---- */

void rx_note_arrival(struct rx *rx, uint16_t number, int64_t now_us)
{
	if (!rx->twcc_begun) {
		rx->twcc_begun = true;
		rx->twcc_next = 65536 + number;
		rx->twcc_newest = rx->twcc_next - 1;
	}
	int64_t full = rtp_extend(rx->twcc_newest, number, 16);
	if (full < rx->twcc_next)
		return;
	if (full >= rx->twcc_next + RX_ARRIVALS) { /* nothing was told for too long, or a jump */
		rx->twcc_next = full;
		rx->twcc_newest = full - 1;
	}
	while (rx->twcc_newest < full)
		rx->arrivals[++rx->twcc_newest % RX_ARRIVALS] = -1;
	if (rx->arrivals[full % RX_ARRIVALS] < 0)
		rx->arrivals[full % RX_ARRIVALS] = now_us;
}

static uint32_t any_ssrc(const struct rx *rx)
{
	return rx->tracks[RX_VIDEO].ssrc ? rx->tracks[RX_VIDEO].ssrc : rx->tracks[RX_AUDIO].ssrc;
}

static void send_arrivals(struct rx *rx)
{
	enum { AT_ONCE = 60 };
	int64_t arrivals[AT_ONCE];
	const struct rx_track *t = &rx->tracks[rx->tracks[RX_VIDEO].agreed ? RX_VIDEO : RX_AUDIO];
	while (rx->twcc_begun && rx->twcc_next <= rx->twcc_newest) {
		uint8_t room[RTCP_MAX];
		struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};
		int64_t left = rx->twcc_newest - rx->twcc_next + 1;
		int count = left < AT_ONCE ? (int)left : AT_ONCE;
		for (int i = 0; i < count; i++)
			arrivals[i] = rx->arrivals[(rx->twcc_next + i) % RX_ARRIVALS];
		begin_compound(t, rx, &b);
		int told = rtcp_put_twcc(&b, RX_OUR_SSRC, any_ssrc(rx), (uint16_t)rx->twcc_next,
					 arrivals, count, rx->twcc_count);
		rx->twcc_next += told ? told : count;
		if (!told)
			continue;
		rx->twcc_count++;
		tell(rx, &b);
	}
}

/* ---- reports ---- */

void rx_note_packet(struct rx_track *t, int64_t seq, uint32_t ts, int64_t now_us)
{
	struct rx_stats *st = &t->stats;
	if (!st->received)
		st->first = seq;
	st->received++;
	int64_t transit = now_us * t->clock.rate / 1000000 - ts, moved = transit - st->transit;
	moved = (int32_t)moved; /* times go round */
	if (st->received > 1)
		st->jitter += ((double)(moved < 0 ? -moved : moved) - st->jitter) / 16;
	st->transit = transit;
}

void rx_send_reports(struct rx *rx, int64_t now_us)
{
	int64_t now = now_us / 1000;
	if (now - rx->twcc_ms >= TWCC_MS) {
		rx->twcc_ms = now;
		send_arrivals(rx);
	}
	if (!any_ssrc(rx) || now < rx->report_ms)
		return;
	uint8_t room[256];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};
	rx->report_ms = rx->report_ms ? now + REPORT_MS : now + FIRST_REPORT_MS;
	put_reports(rx, &b, now_us);
	rx_put_estimate(rx, &b, now_us);
	tell(rx, &b);
}
