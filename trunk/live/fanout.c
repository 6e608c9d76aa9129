#include "live/fanout.h"
#include "base/fetch.h"
#include "base/mem.h"
#include "live/source.h"

#include <stddef.h>
#include <utlist.h>

enum {
	GROUP_SIZE = 300,    /* consumers per group before there are more groups */
	RELAYS_MAX = 64,     /* relays beyond this are served as players are */
	SLICE = 256,         /* of the instant group, before other coroutines run */
	RIDE_MS = 100,       /* no picture for so long: audio is sent by itself */
	SLOTS_AT_ONCE = 4,   /* of those that were missed */
	READ_EVERY_MS = 400, /* a paced feeder reads at least so often: */
	READ_GRID_MS = 20,   /* those of many sources together, or each would wake the process */
	NEEDED = 2 * FETCH_LINE, /* of each object that a send slot looks at */
	PHASE_STEP = 13, /* from one source to the next, in groups; odd, to meet all of them */
};

static bool is_batched(const struct source *s)
{
	return s->opts.batch_ms > 0;
}

/* Each of thousands comes cold, and one send is time enough to fetch what the next one needs. Where
 * that lies says the consumer, which is fetched one send earlier. */
static inline __attribute__((always_inline)) void fetch_ahead(const struct consumer *c)
{
	const struct consumer *next = c->next;
	if (!next)
		return;
	for (int i = 0; i < CONSUMER_NEEDS && next->needs[i]; i++)
		fetch(next->needs[i], NEEDED);
	if (next->next)
		fetch(next->next, sizeof(*next) + CONSUMER_NEAR);
}

static void serve(struct consumer *c)
{
	fetch_ahead(c);
	if (c->on_send_slot)
		c->on_send_slot(c);
	else
		co_wake(c->co);
}

/* The feeder's coroutine runs when all ticks that are due have run: what it publishes into is fetched
 * meanwhile. The groups of the source it does not need. */
static inline __attribute__((always_inline)) void fetch_source(const struct source *s)
{
	fetch(s, offsetof(struct source, fanout));
	fetch(&s->video_ms, NEEDED);
	fetch(s->wires, NEEDED);
	fetch(s->feeder, NEEDED);
}

/* ---- batches ---- */

static struct histogram lateness; /* of ticks, of all sources */

const struct histogram *fanout_lateness(void)
{
	return &lateness;
}

/* The time of the group's first send slot after `after`. Sources have phases of their own, or the slots
 * of a thousand small ones would fall on one moment. */
static int64_t slot_after(const struct source *s, int group, int64_t after)
{
	int64_t period = s->opts.batch_ms;
	int place = (group + s->fanout.phase) % FANOUT_GROUPS;
	int64_t due = after - after % period + place * period / FANOUT_GROUPS;
	return due > after ? due : due + period;
}

static bool has_news(const struct source *s, const struct fanout_group *group)
{
	return group->count && group->seen != s->log.next;
}

bool source_is_paced(const struct source *s)
{
	return s->feeder && s->feeder->on_read && !s->fanout.relays.count &&
	       !s->fanout.instant.count;
}

static int64_t on_grid(int64_t ms)
{
	return ms - ms % READ_GRID_MS;
}

/* The next send slot of a group: of one that has news, or for which a paced feeder may have some. */
static int64_t next_slot(const struct source *s, int64_t after)
{
	bool paced = source_is_paced(s);
	int64_t best = paced ? on_grid(after + READ_EVERY_MS) : CLOCK_NEVER;
	for (int i = 0; i < FANOUT_GROUPS; i += s->fanout.step) {
		const struct fanout_group *group = &s->fanout.groups[i];
		bool wants = paced ? group->count > 0 : has_news(s, group);
		int64_t due = wants ? slot_after(s, i, after) : CLOCK_NEVER;
		if (due < best)
			best = due;
	}
	return best;
}

static void serve_group(struct source *s, struct fanout_group *group)
{
	struct consumer *c;
	group->seen = s->log.next;
	DL_FOREACH (group->consumers, c)
		serve(c);
}

static void serve_due(struct source *s)
{
	uint32_t due = s->fanout.due;
	s->fanout.due = 0;
	s->fanout.catching_up = false;
	for (; due; due &= due - 1) {
		struct fanout_group *group = &s->fanout.groups[__builtin_ctz(due)];
		if (has_news(s, group))
			serve_group(s, group);
	}
}

/* Groups share a send slot where periods are short. */
static void mark_due(struct source *s, int64_t slot)
{
	for (int i = 0; is_batched(s) && i < FANOUT_GROUPS; i += s->fanout.step)
		if (s->fanout.groups[i].count && slot_after(s, i, slot - 1) == slot)
			s->fanout.due |= UINT32_C(1) << i;
}

/* A late tick makes up for the slots that have passed meanwhile, but not for many at once, since
 * others are late too; and not for more than a period. A feeder that does not catch up (its peer may
 * not read what it is told) delays nobody by more than one slot. */
static void on_tick(struct timer *timer)
{
	struct source *s = container_of(timer, struct source, fanout.tick);
	int64_t slot = timer->due, now = clock_ms(), oldest = now - s->opts.batch_ms;
	histogram_add(&lateness, now - slot);
	serve_due(s);
	for (int n = 0; n < SLOTS_AT_ONCE && slot <= now; n++) {
		mark_due(s, slot);
		slot = next_slot(s, slot);
	}
	s->fanout.catching_up = source_is_paced(s);
	if (s->fanout.catching_up) {
		fetch_source(s);
		s->feeder->on_read(s->feeder);
	} else {
		serve_due(s);
	}
	timer_set(&s->fanout.tick, slot > oldest ? slot : next_slot(s, oldest));
}

/* Re-arms the timer after membership, feeder or backlog changed. A slot that is due already stays due. */
static void arm(struct source *s, int64_t now)
{
	int64_t next = next_slot(s, now);
	if (!s->fanout.tick.armed || next < s->fanout.tick.due)
		timer_set(&s->fanout.tick, next);
}

/* As few groups as will do: each one in use is a send slot, and costs a paced feeder a read. */
static void spread(struct source *s)
{
	while (s->fanout.step > 1 &&
	       s->consumer_count > GROUP_SIZE * (FANOUT_GROUPS / s->fanout.step))
		s->fanout.step /= 2;
}

/* After a crowd: of two groups one takes in the other. */
static void gather(struct source *s)
{
	int step = s->fanout.step;
	if (step == FANOUT_GROUPS || s->consumer_count > GROUP_SIZE * (FANOUT_GROUPS / step) / 4)
		return;
	for (int i = 0; i < FANOUT_GROUPS; i += 2 * step) {
		struct fanout_group *to = &s->fanout.groups[i], *from = to + step;
		struct consumer *c;
		DL_FOREACH (from->consumers, c)
			c->group = to;
		DL_CONCAT(to->consumers, from->consumers);
		to->count += from->count;
		to->seen = UINT64_MAX; /* somebody may not have seen all */
		*from = (struct fanout_group){0};
	}
	s->fanout.step = 2 * step;
}

static struct fanout_group *pick_group(struct source *s)
{
	spread(s);
	struct fanout_group *best = &s->fanout.groups[0];
	for (int i = 0; i < FANOUT_GROUPS; i += s->fanout.step)
		if (s->fanout.groups[i].count < best->count)
			best = &s->fanout.groups[i];
	return best;
}

/* ---- at once ---- */

static void serve_slice(struct source *s)
{
	int n = 0;
	struct consumer *c = s->fanout.round_next;
	for (; c && n < SLICE; c = c->next, n++)
		serve(c);
	if (!c && s->fanout.round_again) {
		s->fanout.round_again = false;
		c = s->fanout.instant.consumers;
	}
	s->fanout.round_next = c;
	if (c)
		timer_set(&s->fanout.round, clock_ms());
}

/* A round that is under way is not begun anew, or the last consumers would never be served. */
static void serve_instant(struct source *s)
{
	if (s->fanout.round_next) {
		s->fanout.round_again = true;
		return;
	}
	s->fanout.round_next = s->fanout.instant.consumers;
	serve_slice(s);
}

void fanout_now(struct source *s)
{
	serve_instant(s);
}

static void on_round(struct timer *timer)
{
	serve_slice(container_of(timer, struct source, fanout.round));
}

static bool is_news(const struct source *s, const struct msg *m, int64_t now)
{
	if (m->type == MSG_VIDEO || headers_wants(m) ||
	    s->packets) /* WebRTC players want sound at once */
		return true;
	return now - s->video_ms > RIDE_MS;
}

void fanout_published(struct source *s, const struct msg *m, int64_t now)
{
	s->fanout.is_news |= is_news(s, m, now);
	if (is_batched(s) && !s->fanout.tick.armed && s->consumer_count > s->fanout.relays.count)
		arm(s, now);
}

/* Not before: a read may bring a thousand messages, and who is served at once gets them in one send. */
void source_caught_up(struct source *s, const struct feeder *feeder, bool all)
{
	if (s->feeder != feeder)
		return;
	if (s->fanout.is_news) {
		s->fanout.is_news = false;
		serve_group(s, &s->fanout.relays);
		serve_instant(s);
	}
	if (all && s->fanout.catching_up)
		serve_due(s);
}

/* ---- members ---- */

void fanout_init(struct source *s)
{
	static unsigned born;
	s->fanout.phase = (int)(born++ * PHASE_STEP % FANOUT_GROUPS);
	s->fanout.tick.fn = on_tick;
	s->fanout.round.fn = on_round;
	s->fanout.step = FANOUT_GROUPS;
}

void fanout_fini(struct source *s)
{
	timer_cancel(&s->fanout.tick);
	timer_cancel(&s->fanout.round);
}

void fanout_begin(struct source *s)
{
	arm(s, clock_ms());
}

void fanout_add(struct source *s, struct consumer *c, bool instant)
{
	if (c->kind == CONSUMER_RELAY && s->fanout.relays.count < RELAYS_MAX)
		c->group = &s->fanout.relays;
	else if (instant || !is_batched(s))
		c->group = &s->fanout.instant;
	else
		c->group = pick_group(s);
	DL_APPEND(c->group->consumers, c);
	c->group->count++;
	s->consumer_count++;
	s->player_count += c->kind == CONSUMER_PLAYER;
	s->relay_count += c->kind == CONSUMER_RELAY;
	arm(s, clock_ms());
}

void fanout_remove(struct source *s, struct consumer *c)
{
	if (s->fanout.round_next == c)
		s->fanout.round_next = c->next;
	DL_DELETE(c->group->consumers, c);
	c->group->count--;
	s->consumer_count--;
	s->player_count -= c->kind == CONSUMER_PLAYER;
	s->relay_count -= c->kind == CONSUMER_RELAY;
	gather(s);
	arm(s, clock_ms());
}

void fanout_wake_all(struct source *s)
{
	struct consumer *c;
	DL_FOREACH (s->fanout.relays.consumers, c)
		co_wake(c->co);
	DL_FOREACH (s->fanout.instant.consumers, c)
		co_wake(c->co);
	for (int i = 0; i < FANOUT_GROUPS; i++)
		DL_FOREACH (s->fanout.groups[i].consumers, c)
			co_wake(c->co);
}
