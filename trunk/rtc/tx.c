#include "rtc/tx.h"
#include "base/check.h"
#include "codec/rtp.h"

#include <openssl/rand.h>

enum {
	SEQ_START_MAX = 1 << 15, /* a lost first packet must not hide a rollover (RFC 3711 3.3.1) */
	APART_TS = 90,           /* of two pictures, at least */
};

static uint32_t random32(void)
{
	uint32_t v = 0;
	(void)RAND_bytes((unsigned char *)&v, sizeof(v)); /* predictable ones hurt nobody */
	return v;
}

void tx_init(struct tx *tx, const struct rtc_track *track)
{
	*tx = (struct tx){.track = track, .ssrc = track->ssrc, .pt = track->pt};
	tx->seq = 1 + random32() % (SEQ_START_MAX - 1);
	tx->rtx_seq = 1 + random32() % (SEQ_START_MAX - 1);
	tx->shift = random32();
}

void tx_begin(struct tx *tx, const struct tx_stretch *stretch, int64_t first_ts)
{
	struct tx_stretch *r = tx->stretches;
	memmove(r + 1, r, (TX_STRETCHES - 1) * sizeof(*r));
	tx->stretch_count += tx->stretch_count < TX_STRETCHES;
	*r = *stretch;
	r->seq = tx->seq;
	if (tx->has_sent && stretch->index >= stretch->until && first_ts <= tx->last_ts)
		r->shift = tx->last_ts + APART_TS - first_ts;
}

void tx_rebase(struct tx *tx, int64_t then_ts, int64_t now_ts)
{
	tx->shift += (uint32_t)(then_ts - now_ts);
	tx->last_ts = now_ts;
	tx->stretch_count = 0;
}

uint32_t tx_wire_ts(const struct tx *tx, int64_t ts)
{
	return (uint32_t)(ts + (tx->stretch_count ? tx->stretches[0].shift : 0)) + tx->shift;
}

static int64_t time_in(const struct tx_stretch *stretch, const struct tx_packet *p)
{
	if (p->index >= stretch->until)
		return p->ts + stretch->shift;
	return stretch->ts - (int64_t)(stretch->picture - p->picture) * stretch->step;
}

/* Receivers know which section a sender is of after some packets. Without RTX a repeat has the SSRC and the index
 * of the original, and so its nonce: it must have its header, too, in which nothing may depend on when it is sent
 * (RFC 7714 8.1). */
static int choose_exts(const struct tx *tx, struct rtp_ext exts[RTP_EXTS_MAX])
{
	const struct rtc_track *t = tx->track;
	if (tx->packets > TX_MID_PACKETS || !t->has_rtx || !t->ext.mid || t->ext.mid > 14)
		return 0;
	size_t n = strlen(t->mid);
	if (n == 0 || n > RTP_EXT_MAX)
		return 0;
	exts[0] = (struct rtp_ext){t->ext.mid, (uint8_t)n, (const uint8_t *)t->mid};
	return 1;
}

bool tx_send(struct tx *tx, const struct tx_packet *p, const struct tx_out *out)
{
	const struct tx_stretch *stretch = &tx->stretches[0];
	uint8_t header[RTP_HEADER_MAX];
	struct rtp_ext exts[RTP_EXTS_MAX];
	int64_t seq = tx->seq++, ts = time_in(stretch, p);
	struct rtp rtp = {.pt = tx->pt,
			  .marker = p->marker,
			  .seq = (uint16_t)seq,
			  .ts = (uint32_t)ts + tx->shift,
			  .ssrc = tx->ssrc};
	size_t n = rtp_write(&rtp, exts, choose_exts(tx, exts), header);
	tx->has_sent = true;
	tx->last_ts = ts > tx->last_ts || !tx->packets ? ts : tx->last_ts;
	tx->packets++;
	tx->octets += (uint32_t)p->payload.n;
	return out->send(out->ctx, &(struct srtp_packet){.header = span_of(header, n),
							 .payload = p->payload,
							 .index = (uint64_t)seq});
}

/* ---- again ---- */

static const struct tx_stretch *stretch_of(const struct tx *tx, int64_t seq)
{
	for (unsigned i = 0; i < tx->stretch_count; i++)
		if (tx->stretches[i].seq <= seq)
			return &tx->stretches[i];
	return NULL;
}

bool tx_find(struct tx *tx, uint16_t seq, int64_t now_ms, int64_t rtt_ms, int64_t *full,
	     uint64_t *index)
{
	*full = rtp_extend(tx->seq, seq, 16);
	const struct tx_stretch *stretch = *full < tx->seq ? stretch_of(tx, *full) : NULL;
	size_t slot = (size_t)*full % TX_RECENT;
	if (!stretch || (tx->recent[slot].seq == *full && now_ms - tx->recent[slot].ms < rtt_ms))
		return false;
	tx->recent[slot].seq = *full;
	tx->recent[slot].ms = now_ms;
	*index = stretch->index + (uint64_t)(*full - stretch->seq);
	return true;
}

size_t tx_repeat(struct tx *tx, int64_t full, const struct tx_packet *p, const struct tx_out *out)
{
	const struct tx_stretch *stretch = stretch_of(tx, full);
	bool rtx = tx->track->has_rtx;
	uint8_t header[RTP_HEADER_MAX], osn[2] = {(uint8_t)(full >> 8), (uint8_t)full};
	check(stretch);
	int64_t seq = rtx ? tx->rtx_seq++ : full;
	struct rtp rtp = {.pt = rtx ? tx->track->rtx_pt : tx->track->pt,
			  .marker = p->marker,
			  .seq = (uint16_t)seq,
			  .ts = (uint32_t)time_in(stretch, p) + tx->shift,
			  .ssrc = rtx ? tx->track->rtx_ssrc : tx->track->ssrc};
	size_t n = rtp_write(&rtp, NULL, 0, header);
	struct srtp_packet packet = {.header = span_of(header, n),
				     .lead = span_of(osn, rtx ? sizeof(osn) : 0),
				     .payload = p->payload,
				     .index = (uint64_t)seq};
	return out->send(out->ctx, &packet) ? n + packet.lead.n + p->payload.n : 0;
}
