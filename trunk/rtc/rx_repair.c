/* Repairs: how long one is waited for, when it is asked for again, and what repairs say of the line. */
#include "rtc/rx_parts.h"

enum {
	RTT_FIRST_MS = 60, /* nothing was repaired yet */
	RTT_MAX_MS = 1000,
	TURN_MS = 40, /* until a gap is asked for, and until what comes is looked at */
	AGAIN_MIN_MS = 20,
	HOLD_ALONE_MS = 40, /* what will not come again: it may have been overtaken */
	HOLD_SOUND_MS = 200,
	HOLD_PICTURES_MS = 500,
	HOLD_MAX_MS = 1000, /* beyond, a key frame is there as soon */
	IN_VAIN_MAX =
		20, /* so many were asked for, and nothing came: the peer hears nothing of it */
};

bool rx_can_ask(const struct rx *rx, const struct rx_track *t)
{
	return rx->opts.nack && t->agreed->feedback.nack;
}

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

/* Everybody waits meanwhile: pictures may wait for several requests, since all that follow need them. */
int64_t rx_hold_ms(const struct rx *rx, const struct rx_track *t)
{
	bool is_sound = t == &rx->tracks[RX_AUDIO];
	int64_t rtt = rtt_ms(rx), least = is_sound ? HOLD_SOUND_MS : HOLD_PICTURES_MS;
	int64_t ms = (is_sound ? 2 : 3) * rtt;
	if (!rx_can_ask(rx, t) || t->in_vain >= IN_VAIN_MAX || rtt + TURN_MS >= HOLD_MAX_MS)
		return HOLD_ALONE_MS;
	return ms < least ? least : ms > HOLD_MAX_MS ? HOLD_MAX_MS : ms;
}

/* A packet that was only overtaken is quicker than a repeat that looks like it. */
static int64_t lowered(const struct rx *rx, bool is_rtx, int64_t most)
{
	bool is_overtaken = !is_rtx && most * 2 < rx->rtt_ms;
	return rx->rtt_ms + (most - rx->rtt_ms) / (is_overtaken ? 16 : 4);
}

/* Which of several requests was answered cannot be told: the first one's time is a round trip or more, which raises
 * the estimate a little, until there is one request for most repairs; the last one's is a round trip or less. One
 * repair that was very late is not believed at once, nor is what was asked for together counted more than once. */
static int64_t raised(struct rx *rx, const struct rx_asked *asked, int64_t most, int64_t least)
{
	if (rx->judged_ms == asked->first_ms)
		return rx->rtt_ms;
	rx->judged_ms = asked->first_ms;
	if (least > rx->rtt_ms)
		return rx->rtt_ms + (least - rx->rtt_ms + 1) / 2;
	return rx->rtt_ms + (most - rx->rtt_ms) / 16;
}

static int64_t limited(int64_t ms)
{
	return ms < 1 ? 1 : ms > RTT_MAX_MS ? RTT_MAX_MS : ms;
}

void rx_note_repair(struct rx *rx, struct rx_track *t, const struct rx_asked *asked, bool is_rtx,
		    int64_t now_ms)
{
	int64_t most = limited(now_ms - asked->first_ms), least = limited(now_ms - asked->last_ms);
	if (t->has_rtx_come && !is_rtx) /* nobody has repeated it */
		return;
	t->in_vain = is_rtx ? 0 : t->in_vain / 2;
	if (!rx->rtt_ms)
		rx->rtt_ms = most;
	else if (most > rx->rtt_ms)
		rx->rtt_ms = raised(rx, asked, most, least);
	else
		rx->rtt_ms = lowered(rx, is_rtx, most);
}
