/* The state of a pull: whether it is wanted, since when it has no media, and the log lines about that. */
#include "base/log.h"
#include "cluster/pull.h"
#include "node/notice.h"

#include <stdlib.h>
#include <utlist.h>

void pull_free(struct pull *p)
{
	unproven_end(&p->pass);
	source_unref(&p->source);
	conf_unref(&p->conf);
	free(p);
}

void pull_set_state(struct pull *p, enum pull_state state)
{
	struct viewer *v;
	p->state = state;
	DL_FOREACH (p->viewers, v)
		co_wake(v->co);
}

bool pull_is_published_here(const struct pull *p)
{
	return source_is_published(p->source);
}

int64_t pull_unwanted_at(const struct pull *p)
{
	return p->viewers ? CLOCK_NEVER : p->idle_ms + p->vhost->cluster.linger_ms;
}

bool pull_is_unwanted(const struct pull *p)
{
	return p->left || clock_ms() >= pull_unwanted_at(p);
}

/* With notify_unpublish off, viewers that were told that the stream is there never time out. */
int64_t pull_gives_up_at(const struct pull *p)
{
	bool is_told = p->state == PULL_TRYING || p->vhost->play.notify_unpublish;
	return is_told && p->facts.loss.since_ms
		       ? p->facts.loss.since_ms + p->vhost->cluster.upstream_timeout_ms
		       : CLOCK_NEVER;
}

/* ---- losses: a line when one begins, one when it ends, a counter between ---- */

void pull_note_media(struct pull *p)
{
	if (p->facts.loss.rounds)
		log_info("%s: it is back after %lld ms; the origins were asked %d times in vain",
			 p->source->key, (long long)(clock_ms() - p->facts.loss.since_ms),
			 p->facts.loss.rounds);
	p->facts.loss = (struct relay_loss){0};
	unproven_end(&p->pass);
	if (p->state != PULL_LIVE)
		pull_set_state(p, PULL_LIVE);
}

void pull_note_loss(struct pull *p, int64_t since_ms)
{
	if (!p->facts.loss.since_ms || since_ms < p->facts.loss.since_ms)
		p->facts.loss.since_ms = since_ms;
}

/* Of a stream that never had media anybody may have thought: such lines have a limit. */
void pull_note_dry_round(struct pull *p, err e)
{
	bool first = p->facts.loss.rounds++ == 0;
	bool had_media = p->source->timeline.used;
	if (first && (had_media || notice_rate_take(p->cluster->server->notices, NOTICE_MISSING)))
		log_warn("%s: no origin has it now: %s", p->source->key, err_trail(e));
	pull_note_loss(p, clock_ms());
	if (first)
		pull_set_state(p, p->state); /* who waits hears of it */
}
