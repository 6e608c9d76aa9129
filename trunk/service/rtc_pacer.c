#include "service/rtc_pacer.h"
#include "base/fetch.h"
#include "co/co.h"

#include <utlist.h>

enum {
	BURST = 32,  /* packets at once for one who has waited for nothing; the rest is paced: */
	PACED = 16,  /* so many at once, */
	PACE_MS = 2, /* so often */
	NEEDED = 2 * FETCH_LINE,
	IDLE_MS = 1, /* without a send for longer, the process has looked at what has come */
};

static struct {
	struct rtc_paced *fresh; /* who have a burst to come */
	struct rtc_paced *paced; /* who had it, by the time at which they are due */
	bool was_fresh;          /* who had the last turn: they take turns */
	int64_t slice_ms;        /* when the slice began that goes on */
	int64_t sent_ms;         /* of the last send */
	struct timer timer;
} pacer;

static void put(struct rtc_paced *p, bool is_fresh, int64_t due)
{
	p->is_queued = true;
	p->is_fresh = is_fresh;
	p->due = due;
	if (is_fresh)
		DL_APPEND(pacer.fresh, p);
	else
		DL_APPEND(pacer.paced, p);
}

static void take(struct rtc_paced *p)
{
	p->is_queued = false;
	if (p->is_fresh)
		DL_DELETE(pacer.fresh, p);
	else
		DL_DELETE(pacer.paced, p);
}

/* One send is time enough to fetch what the next one needs. */
static void fetch_ahead(const struct rtc_paced *next)
{
	if (!next)
		return;
	for (int i = 0; i < RTC_PACED_NEEDS && next->needs[i]; i++)
		fetch(next->needs[i], NEEDED);
	if (next->next)
		fetch(next->next, sizeof(*next));
}

static void serve(struct rtc_paced *p, int most, int64_t now)
{
	pacer.sent_ms = now;
	if (p->send(p, most, now))
		put(p, false, now + PACE_MS);
}

/* Whose turn it is; NULL: nobody's yet. */
static struct rtc_paced *next(int64_t now)
{
	struct rtc_paced *due = pacer.paced && pacer.paced->due <= now ? pacer.paced : NULL;
	pacer.was_fresh = pacer.fresh && !(due && pacer.was_fresh);
	return pacer.was_fresh ? pacer.fresh : due;
}

static void on_slice(struct timer *timer);

/* A time that has passed is that of the next turn of the reactor, which looks at descriptors before. */
static void arm(int64_t now)
{
	pacer.timer.fn = on_slice;
	if (pacer.fresh)
		timer_set(&pacer.timer, now);
	else if (pacer.paced)
		timer_set(&pacer.timer, pacer.paced->due);
}

/* To the next tick of the clock, at which the timer is due at once. */
static void on_slice(struct timer *timer)
{
	(void)timer;
	int64_t now = clock_ms();
	struct rtc_paced *p;
	for (pacer.slice_ms = now; now == pacer.slice_ms && (p = next(now)); now = clock_ms()) {
		fetch_ahead(p->next);
		take(p);
		serve(p, p->is_fresh ? BURST : PACED, now);
	}
	arm(now);
}

void rtc_pacer_add(struct rtc_paced *p, int64_t now)
{
	if (p->is_queued)
		return;
	if (now - pacer.sent_ms > IDLE_MS)
		pacer.slice_ms = now;
	if (pacer.fresh || now != pacer.slice_ms)
		put(p, true, now);
	else
		serve(p, BURST, now);
	if (!pacer.timer.armed || pacer.fresh == p)
		arm(now);
}

void rtc_pacer_remove(struct rtc_paced *p)
{
	if (p->is_queued)
		take(p);
	if (!pacer.fresh && !pacer.paced)
		timer_cancel(&pacer.timer);
}
