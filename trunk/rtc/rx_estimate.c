/* A publisher that hears of no arrivals (TWCC) sends as much as it is told (REMB): what has come, and more while little
 * of it is lost. */
#include "codec/rtcp.h"
#include "rtc/rx_parts.h"

enum {
	BITS_FIRST = 3000000,
	BITS_MIN = 100000,
	BITS_MAX = 20000000,
	LITTLE = 5,    /* 1/256 lost: 2 % */
	MUCH = 26,     /* 10 % */
	GROWTH = 108,  /* percent, a second */
	HEADROOM = 150 /* percent of what has come */
};

static int64_t bounded(int64_t bits)
{
	return bits < BITS_MIN ? BITS_MIN : bits > BITS_MAX ? BITS_MAX : bits;
}

/* Bits a second since the last estimate. */
static int64_t rate(struct rx *rx, int64_t now)
{
	int64_t bytes = rx->counts.bytes - rx->remb_bytes, ms = now - rx->remb_ms;
	rx->remb_bytes = rx->counts.bytes;
	rx->remb_ms = now;
	return ms > 0 ? bytes * 8000 / ms : 0;
}

static int64_t estimate(const struct rx *rx, int64_t came, int fraction)
{
	if (fraction > MUCH)
		return came - came * fraction / 512;
	if (fraction > LITTLE)
		return rx->remb_bits;
	int64_t more = rx->remb_bits * GROWTH / 100, least = came * HEADROOM / 100;
	return more > least ? more : least;
}

void rx_put_estimate(struct rx *rx, struct buf *b, int64_t now_us)
{
	const struct rx_track *t = &rx->tracks[RX_VIDEO];
	if (!t->agreed || !t->agreed->feedback.remb || !t->ssrc)
		return;
	bool is_first = !rx->remb_ms;
	int64_t came = rate(rx, now_us / 1000);
	rx->remb_bits = is_first ? BITS_FIRST : bounded(estimate(rx, came, t->stats.fraction));
	rtcp_put_remb(b, RX_OUR_SSRC, (uint64_t)rx->remb_bits, &t->ssrc, 1);
}

int64_t rx_estimate_kbps(const struct rx *rx)
{
	return rx->remb_bits / 1000;
}
