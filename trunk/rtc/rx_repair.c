/* Repairs: how long one is waited for, when it is asked for again, and what repairs say of the line. */
#include "rtc/rx_parts.h"

enum {
	RTT_FIRST_MS = 60, /* nothing was repaired yet */
	RTT_MAX_MS = 1000,
	AGAIN_MIN_MS = 20,
	HOLD_MIN_MS = 500, /* beyond, a key frame is sooner there than what is missing */
	HOLD_MAX_MS = 1000,
};

static int64_t rtt_ms(const struct rx *rx)
{
	return rx->rtt_ms ? rx->rtt_ms : RTT_FIRST_MS;
}

/* More than a round trip, so that most repairs answer one request, which is known then. */
int64_t rx_again_ms(const struct rx *rx)
{
	int64_t ms = rtt_ms(rx) * 3 / 2;
	return ms < AGAIN_MIN_MS ? AGAIN_MIN_MS : ms;
}

int64_t rx_hold_ms(const struct rx *rx)
{
	int64_t ms = rtt_ms(rx) * 3;
	return ms < HOLD_MIN_MS ? HOLD_MIN_MS : ms > HOLD_MAX_MS ? HOLD_MAX_MS : ms;
}

/* Which of several requests was answered cannot be told: the first one's time is a round trip or more, which raises the
 * estimate a little each time, until there is one request for most repairs; the last one's is a round trip or less. A
 * packet that was only overtaken says nothing: where repeats look like it, one that took much less time than they do is
 * not counted. */
void rx_note_repair(struct rx *rx, const struct rx_asked *asked, bool is_rtx, int64_t now_ms)
{
	int64_t most = now_ms - asked->first_ms, least = now_ms - asked->last_ms, rtt = rx->rtt_ms;
	if (most > RTT_MAX_MS || (!is_rtx && most * 2 < rtt))
		return;
	if (!rtt)
		rtt = most;
	else if (asked->tries == 1)
		rtt += (most - rtt) / (most > rtt ? 2 : 4);
	else
		rtt += (most - rtt) / (most > rtt ? 16 : 4);
	rtt = rtt < least ? least : rtt;
	rx->rtt_ms = rtt < 1 ? 1 : rtt;
}
