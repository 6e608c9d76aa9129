#include "live/fanout.h"
#include "base/check.h"

#include <stddef.h>
#include <utlist.h>

enum {
	GROUP_SIZE = 300, /* consumers per group before there are more groups */
	URGENT_MAX = 64,  /* relays beyond this are served as players are */
	SLICE = 256,      /* wakes of the instant group before others have a turn */
	RIDE_MS = 100,    /* no picture for so long: audio is sent by itself */
};

static bool is_batched(const struct source *s)
{
	return s->opts.batch_ms > 0;
}

/* ---- batches ---- */

/* The time of the group's first turn after `after`. */
static int64_t turn_of(const struct source *s, int group, int64_t after)
{
	int64_t period = s->opts.batch_ms;
	int64_t due = after - after % period + group * period / SOURCE_GROUPS;
	return due > after ? due : due + period;
}

static bool has_news(const struct source *s, const struct source_group *group)
{
	return group->count && group->seen != s->messages;
}

/* Sets the ticker to the next turn of a group that has news. */
static void arm(struct source *s, int64_t after)
{
	int64_t best = CLOCK_NEVER;
	for (int i = 0; i < SOURCE_GROUPS; i += s->group_step) {
		int64_t due = has_news(s, &s->groups[i]) ? turn_of(s, i, after) : CLOCK_NEVER;
		if (due < best)
			best = due;
	}
	if (best != CLOCK_NEVER)
		timer_set(&s->tick, best);
}

static void wake_group(struct source *s, struct source_group *group)
{
	struct consumer *c;
	group->seen = s->messages;
	DL_FOREACH (group->consumers, c)
		co_wake(c->co);
}

/* Goes on from the time that the turn was due and not from now: a late tick must not cost the
 * groups whose turn passed meanwhile a whole period. In short periods groups share a turn. */
static void on_tick(struct timer *timer)
{
	struct source *s = (struct source *)((char *)timer - offsetof(struct source, tick));
	int64_t due = timer->due, oldest = clock_ms() - s->opts.batch_ms;
	for (int i = 0; i < SOURCE_GROUPS; i += s->group_step)
		if (has_news(s, &s->groups[i]) && turn_of(s, i, due - 1) == due)
			wake_group(s, &s->groups[i]);
	arm(s, due > oldest ? due : oldest);
}

static struct source_group *pick_group(struct source *s)
{
	while (s->group_step > 1 &&
	       s->consumer_count > GROUP_SIZE * (SOURCE_GROUPS / s->group_step))
		s->group_step /= 2;
	struct source_group *best = &s->groups[0];
	for (int i = 0; i < SOURCE_GROUPS; i += s->group_step)
		if (s->groups[i].count < best->count)
			best = &s->groups[i];
	return best;
}

/* ---- at once ---- */

static void wake_slice(struct source *s)
{
	int n = 0;
	struct consumer *c = s->drain_next;
	for (; c && n < SLICE; c = c->next, n++)
		co_wake(c->co);
	if (!c && s->drain_again) {
		s->drain_again = false;
		c = s->instant.consumers;
	}
	s->drain_next = c;
	if (c)
		timer_set(&s->drain, clock_ms());
}

/* A round that is under way is not begun anew, or the last ones would never have their turn. */
static void wake_instant(struct source *s)
{
	if (s->drain_next) {
		s->drain_again = true;
		return;
	}
	s->drain_next = s->instant.consumers;
	wake_slice(s);
}

static void on_drain(struct timer *timer)
{
	wake_slice((struct source *)((char *)timer - offsetof(struct source, drain)));
}

static bool is_moment(const struct source *s, const struct msg *m, int64_t now)
{
	if (m->type == MSG_VIDEO || headers_wants(m))
		return true;
	return now - s->video_ms > RIDE_MS;
}

void fanout_published(struct source *s, const struct msg *m, int64_t now)
{
	struct consumer *c;
	DL_FOREACH (s->urgent.consumers, c)
		co_wake(c->co);
	if (s->instant.count && is_moment(s, m, now))
		wake_instant(s);
	if (is_batched(s) && !s->tick.armed && s->consumer_count > s->urgent.count)
		arm(s, now);
}

/* ---- members ---- */

void fanout_init(struct source *s)
{
	s->tick.fn = on_tick;
	s->drain.fn = on_drain;
	s->group_step = SOURCE_GROUPS;
}

void fanout_fini(struct source *s)
{
	timer_cancel(&s->tick);
	timer_cancel(&s->drain);
}

void fanout_add(struct source *s, struct consumer *c, bool urgent)
{
	if (urgent && s->urgent.count < URGENT_MAX)
		c->group = &s->urgent;
	else
		c->group = is_batched(s) ? pick_group(s) : &s->instant;
	DL_APPEND(c->group->consumers, c);
	c->group->count++;
	s->consumer_count++;
	s->player_count += !c->relay;
}

void fanout_remove(struct source *s, struct consumer *c)
{
	if (s->drain_next == c)
		s->drain_next = c->next;
	DL_DELETE(c->group->consumers, c);
	c->group->count--;
	s->consumer_count--;
	s->player_count -= !c->relay;
}

void fanout_wake_all(struct source *s)
{
	struct consumer *c;
	DL_FOREACH (s->urgent.consumers, c)
		co_wake(c->co);
	DL_FOREACH (s->instant.consumers, c)
		co_wake(c->co);
	for (int i = 0; i < SOURCE_GROUPS; i++)
		DL_FOREACH (s->groups[i].consumers, c)
			co_wake(c->co);
}
