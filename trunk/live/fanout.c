#include "live/fanout.h"
#include "base/check.h"

#include <stddef.h>
#include <utlist.h>

enum {
	GROUP_SIZE = 300,   /* consumers per group before there are more groups */
	URGENT_MAX = 64,    /* relays beyond this are served as players are */
	SLICE = 256,        /* wakes of the instant group before others have a turn */
	RIDE_MS = 100,      /* no picture for so long: audio is sent by itself */
};

static bool is_batched(const struct source *s)
{
	return s->opts.batch_ms > 0;
}

/* ---- batches ---- */

/* The time of the next group's turn after now; its number in *group. */
static int64_t next_turn(const struct source *s, int64_t now, int *group)
{
	int64_t period = s->opts.batch_ms, best = CLOCK_NEVER;
	for (int i = 0; i < SOURCE_GROUPS; i += s->group_step) {
		if (!s->groups[i].count || s->groups[i].seen == s->messages)
			continue;
		int64_t phase = i * period / SOURCE_GROUPS;
		int64_t due = now - now % period + phase;
		if (due <= now)
			due += period;
		if (due < best) {
			best = due;
			*group = i;
		}
	}
	return best;
}

static void arm(struct source *s, int64_t now)
{
	int64_t due = next_turn(s, now, &s->next_group);
	if (due != CLOCK_NEVER)
		timer_set(&s->tick, due);
}

static void on_tick(struct timer *timer)
{
	struct source *s = (struct source *)((char *)timer - offsetof(struct source, tick));
	struct source_group *group = &s->groups[s->next_group];
	struct consumer *c;
	group->seen = s->messages;
	DL_FOREACH (group->consumers, c)
		co_wake(c->co);
	arm(s, clock_ms());
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
	s->drain_next = c;
	if (c)
		timer_set(&s->drain, clock_ms());
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
	if (s->instant.count && is_moment(s, m, now) &&
	    s->messages - s->instant_seen > (uint64_t)s->opts.batch_messages) {
		s->instant_seen = s->messages;
		s->drain_next = s->instant.consumers;
		wake_slice(s);
	}
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
