#include "rtc/rx_clock.h"
#include "codec/rtp.h"

enum {
	JUMP_US =
		3000000, /* times that move so much more or less than packets do are another clock's */
	OFF_MAX_US = 10000000, /* reports that put tracks further apart are wrong */
	SLEW = 20,             /* a twentieth of what passes */
};

static int64_t unadjusted(const struct rx_clock *c, int64_t ts)
{
	return c->base_us + (ts - c->base_ts) * 1000000 / c->rate;
}

static void begin(struct rx_clock *c, uint32_t ts, int64_t now_us)
{
	c->ts = c->base_ts = (INT64_C(1) << 32) + ts; /* away from zero */
	c->base_us = c->arrived_us = now_us;
	c->adjust_us = c->wanted_us = 0;
	c->has_report = false;
	c->begun = true;
}

static void slew(struct rx_clock *c, int64_t passed_us)
{
	int64_t off = c->wanted_us - c->adjust_us, most = passed_us / SLEW;
	c->adjust_us += off > most ? most : off < -most ? -most : off;
}

int64_t rx_clock_map(struct rx_clock *c, uint32_t ts, int64_t now_us)
{
	if (!c->begun)
		begin(c, ts, now_us);
	int64_t full = rtp_extend(c->ts, ts, 32);
	int64_t ahead = (full - c->ts) * 1000000 / c->rate - (now_us - c->arrived_us);
	if (ahead > JUMP_US || ahead < -JUMP_US) {
		begin(c, ts, now_us);
		full = c->ts;
	}
	c->arrived_us = now_us;
	if (full > c->ts) {
		slew(c, (full - c->ts) * 1000000 / c->rate);
		c->ts = full;
	}
	int64_t us = unadjusted(c, full) + c->adjust_us;
	c->last_us = us > c->last_us ? us : c->last_us;
	return c->last_us;
}

static int64_t us_of_ntp(uint64_t ntp)
{
	return (int64_t)(ntp >> 32) * 1000000 + (int64_t)((ntp & UINT32_MAX) * 1000000 >> 32);
}

void rx_clock_report(struct rx_clock *c, uint64_t ntp, uint32_t ts)
{
	if (!c->begun)
		return;
	c->report_ntp_us = us_of_ntp(ntp);
	c->report_ts = rtp_extend(c->ts, ts, 32);
	c->has_report = true;
}

void rx_clock_align(const struct rx_clock *master, struct rx_clock *other)
{
	if (!master->has_report || !other->has_report)
		return;
	int64_t master_us = unadjusted(master, master->report_ts) + master->adjust_us;
	int64_t apart_us = other->report_ntp_us - master->report_ntp_us;
	int64_t wanted = master_us + apart_us - unadjusted(other, other->report_ts);
	if (wanted < OFF_MAX_US && wanted > -OFF_MAX_US)
		other->wanted_us = wanted;
}
