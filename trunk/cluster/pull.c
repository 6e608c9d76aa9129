/* The story of one pull: ask the origins in turn, relay what comes into the local source, and when
 * an origin is lost ask the next one at once. Viewers wait in the source; they notice neither who
 * the origin is nor that it changed. */
#include "cluster/pull.h"
#include "base/log.h"
#include "cluster/upstream.h"
#include "node/notice.h"

#include <stdio.h>

/* A publisher of this server feeds the source; the pull rests until it leaves, of which
 * pulls_on_gap() tells. */
static err rest(struct pull *p)
{
	pull_set_state(p, PULL_LIVE);
	while (pull_is_published_here(p) && !pull_is_unwanted(p)) {
		err e = co_wait(pull_unwanted_at(p));
		if (e && e != ERR_TIMEOUT)
			return e;
	}
	pull_note_loss(p, clock_ms());
	return OK;
}

/* PULL_TRYING: another round. Else the state in which the pull ends, and p->why says why. */
static enum pull_state give_up(struct pull *p, err e)
{
	bool had_media = p->source->timeline.used;
	enum pull_state over = e == ERR_NOTFOUND ? PULL_NOWHERE : PULL_FAILED;
	/* The other process of an upgrade says at once what it knows, and nobody else could know better. */
	bool is_final = p->from == PULL_FROM_FORMER || p->from == PULL_FROM_NEXT;
	if (e == ERR_KICKED || (is_final && e == ERR_NOTFOUND) ||
	    (!had_media && (e == ERR_DENIED || (e == ERR_NOTFOUND && p->state == PULL_TRYING)))) {
		snprintf(p->why, sizeof(p->why), "%s", err_trail(e));
		return over;
	}
	/* A server that has lost it at the same time says so a moment before: no further round could begin in time. */
	if (clock_ms() + UPSTREAM_ROUND_MS / 2 < pull_gives_up_at(p))
		return PULL_TRYING;
	snprintf(p->why, sizeof(p->why), "no origin could be had for %lld s: %.200s",
		 (long long)(p->vhost->cluster.upstream_timeout_ms / 1000),
		 *p->facts.reason ? p->facts.reason : err_trail(e));
	return over;
}

static void wait_for_next_round(struct pull *p)
{
	int64_t until = upstream_retry_at(p->facts.loss.since_ms);
	while (clock_ms() < until && !pull_is_unwanted(p) && !p->reask && co_wait(until) == OK)
		;
}

/* A lost stream is asked for at once; so is one that the coworkers' first word, which may have been
 * old, was wrong about. */
static bool is_lost(const struct pull *p, err e)
{
	return e == OK || (e == ERR_NOTFOUND && p->coworker_rounds == 1);
}

/* The state in which it ends. */
static enum pull_state pull_run(struct pull *p)
{
	while (!co_stopping() && !pull_is_unwanted(p)) {
		if ((pull_is_published_here(p) && rest(p) != OK) || !pull_take_request(p))
			break;
		err e = pull_round(p);
		if (e == ERR_STOPPED || pull_is_unwanted(p))
			break;
		pull_note_loss(p, clock_ms());
		if (is_lost(p, e))
			continue;
		enum pull_state over = p->reask ? PULL_TRYING : give_up(p, e);
		if (over != PULL_TRYING)
			return over;
		pull_note_dry_round(p, e);
		if (p->reask)
			continue;
		source_leave(p->source, &p->in.feeder, p->vhost->cluster.upstream_timeout_ms);
		wait_for_next_round(p);
	}
	return PULL_FAILED;
}

static void say_end(const struct pull *p)
{
	bool said = p->source->timeline.used ||
		    notice_rate_take(p->cluster->server->notices, NOTICE_PULLS);
	if (said)
		log_info("%s: pull ended%s%s", p->source->key, *p->why ? ": " : "", p->why);
}

void pull_main(void *arg)
{
	struct pull *p = arg;
	char id[9];
	co_new_id(id);
	co_set_id(id);
	enum pull_state over = PULL_FAILED;
	if (unproven_wait(&p->pass) == OK)
		over = pull_run(p);
	say_end(p);
	if (!p->left)
		map_remove(p->cluster->pulls, p->source->key);
	bool fed = p->source->feeder == &p->in.feeder;
	source_leave(p->source, &p->in.feeder, 0);
	if (!fed && !p->source->feeder && !p->left)
		source_finish(p->source);
	pull_forget_request(p);
	resume_fini(&p->resume);
	pull_set_state(p, over);
	if (!p->viewers)
		pull_free(p);
}
