#include "live/consumer.h"
#include "base/fetch.h"
#include "live/fanout.h"
#include "live/source.h"

#include <string.h>

void consumer_open(struct consumer *c, struct source *s, const struct consumer_opts *opts)
{
	c->source = source_ref(s);
	c->co = opts->co;
	c->on_send_slot = opts->on_send_slot;
	memcpy(c->needs, opts->needs, sizeof(c->needs));
	c->kind = opts->kind;
	c->gaps = s->gaps;
	c->ends = s->ends;
	fanout_add(s, c, opts->instant);
	if (s->feeder && s->feeder->on_audience)
		s->feeder->on_audience(s->feeder);
}

void consumer_close(struct consumer *c)
{
	struct source *s = c->source;
	if (!s)
		return;
	consumer_set_behind(c, 0);
	fanout_remove(s, c);
	source_unref(&c->source);
}

void consumer_fetch_way(const struct consumer *c)
{
	const struct consumer *next = c->next;
	if (!next || next->on_send_slot != c->on_send_slot)
		return;
	for (int i = 0; i < CONSUMER_WAY && next->way[i]; i++)
		fetch(next->way[i], 2 * FETCH_LINE);
}

void consumer_stay(struct consumer *c)
{
	c->gaps = c->source->gaps;
	c->ends = c->source->ends;
}

bool consumer_ended(const struct consumer *c)
{
	const struct source *s = c->source;
	if (c->kind == CONSUMER_RELAY)
		return c->gaps != s->gaps || c->ends != s->ends;
	return c->ends != s->ends && (s->opts.notify_end || c->kind == CONSUMER_INTERNAL);
}

void consumer_set_behind(struct consumer *c, int64_t players)
{
	if (!c->source)
		return;
	c->source->behind += players - c->behind;
	c->behind = players;
}
