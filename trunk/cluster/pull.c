/* The story of one pull: ask the origins in turn, relay what comes into the local source, and when
 * an origin is lost ask the next one at once. Viewers wait in the source; they notice neither who
 * the origin is nor that it changed.
 *
 *   pull_main    until nobody wants it: round after round, with a wait only after a failed one
 *   pull_round   each origin once, following redirects
 *   use          one origin: play; the media is pull_relay()'s business */
#include "cluster/pull.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/coworker.h"
#include "cluster/flv_feed.h"
#include "cluster/inside.h"
#include "rtmp/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CONNECT_MS = 5000,       /* dial to createStream, all candidates together */
	PATIENCE_MS = 500,       /* accepted but no media for so long: another origin may have it */
	PATIENCE_MAX_MS = 4000,  /* doubles with each round that found none */
	PATIENCE_LOST_MS = 1000, /* the same while viewers wait for a stream that was there */
};

/* ---- one origin ---- */

static void note_switch(struct pull *p)
{
	bool first = !*p->facts.peer;
	relay_facts_meet(&p->facts, &p->up);
	if (!first && strcmp(p->facts.peer, p->up.name) == 0)
		return;
	if (!first) {
		p->facts.switches++;
		p->cluster->server->stat.switches++;
		log_warn("%s: switched from %s to %s: %s", p->source->key, p->facts.peer,
			 p->up.name, p->facts.reason);
	} else {
		log_info("%s: pulling from %s", p->source->key, p->up.name);
	}
	snprintf(p->facts.peer, sizeof(p->facts.peer), "%s", p->up.name);
	p->facts.since_wall_ms = clock_wall_ms();
}

static err ask_to_play(struct pull *p)
{
	if (p->up.feed) {
		sock_attach(flv_feed_sock(p->up.feed));
		return OK; /* the question was the request */
	}
	struct upstream_request request = pull_request(p);
	char *name = upstream_stream_name(&request);
	struct sock *sock = p->up.conn->sock;
	sock_attach(sock);
	sock_set_quick(sock, false);
	sock_set_deadline(sock, clock_after(CONNECT_MS));
	err e = rtmp_client_play(p->up.conn, p->up.stream_id, name,
				 upstream_proof(&request, &p->up));
	free(name);
	return e;
}

/* Without another origin to turn to, it is given all the time. */
static int64_t patience_of(const struct pull *p, bool alone)
{
	if (alone)
		return CLOCK_NEVER;
	if (p->source->timeline.used)
		return PATIENCE_LOST_MS;
	int64_t patience = PATIENCE_MS << (p->dry_rounds < 8 ? p->dry_rounds : 8);
	return patience < PATIENCE_MAX_MS ? patience : PATIENCE_MAX_MS;
}

static err use(struct pull *p, bool alone, struct rtmp_refusal *refusal)
{
	p->fed = false;
	p->media_ms = 0;
	p->telling = (struct viewer_report){0};
	resume_begin(&p->resume);
	err e = ask_to_play(p);
	if (!e) {
		note_switch(p);
		read_pacing_open(&p->in, p->up.feed ? flv_feed_sock(p->up.feed) : p->up.conn->sock);
		e = pull_relay(p, patience_of(p, alone), refusal);
	}
	/* The last of what it sent goes out, in this coroutine: that may have words of its own. */
	char why[ERR_WORDS_MAX];
	snprintf(why, sizeof(why), "%s", err_trail(e));
	resume_end(&p->resume);
	read_pacing_caught_up(&p->in, p->source, true);
	read_pacing_close(&p->in);
	upstream_hang_up(&p->up);
	if (e != ERR_REDIRECT)
		snprintf(p->facts.reason, sizeof(p->facts.reason), "%.250s", why);
	return err_fail(e, "%s", why);
}

/* Uses the connected origin, and those it redirects to. */
static err follow(struct pull *p, bool alone, struct rtmp_refusal *refusal)
{
	struct upstream_request request = pull_request(p);
	err e = use(p, alone, refusal);
	for (int n = 0; e == ERR_REDIRECT; n++) {
		TRY(upstream_follow(&p->up, n, &request, clock_after(CONNECT_MS), p->redirected,
				    sizeof(p->redirected), refusal));
		e = use(p, false, refusal);
	}
	return e;
}

/* ---- one round ---- */

/* Whom to ask, in this order: the one that has just lost the stream last. */
static int candidates(struct pull *p, struct upstream *list[static UPSTREAMS_MAX])
{
	if (p->from == PULL_FROM_ORIGINS) {
		int n = upstream_order(p->cluster, p->vhost, pull_is_flv(p), p->source->key, list);
		upstream_put_last(list, n, p->lost);
		return n;
	}
	struct coworker_answer *answer = mem_new(struct coworker_answer);
	/* The first round goes to where the viewer was found to belong; the later ones have seen that
	 * to be wrong. */
	err e = p->coworker_rounds++ ? coworker_find_fresh(p->cluster, p->vhost, &p->target, answer)
				     : coworker_find(p->cluster, p->vhost, &p->target, answer);
	if (!e)
		list[0] = upstream_get(p->cluster->upstreams, answer->rtmp);
	free(answer);
	return e ? 0 : 1;
}

/* Nobody to ask. */
static err no_candidate(const struct pull *p)
{
	if (co_stopping())
		return ERR_STOPPED;
	if (p->from == PULL_FROM_COWORKERS)
		return err_fail(ERR_NOTFOUND, "no origin of the cluster has the stream %s",
				p->source->key);
	return err_fail(ERR_UPSTREAM, "the names of the origins have no addresses");
}

struct round {
	struct upstream *list[UPSTREAMS_MAX];
	int count;             /* of those that were not asked yet */
	bool alone;            /* there is but one */
	bool answered, denied; /* one said that it has no such stream, or that we may not */
	char denial[256];
	struct rtmp_refusal refusal;
};

/* What the server in use, which may be one that a redirect named, has shown of its health. A stream
 * that breaks off without a word is a sign of its server's end; to have no media is none. */
static void judge_health(struct pull *p, err e)
{
	bool is_word = e == ERR_NOTFOUND || e == ERR_ENDED || e == ERR_DENIED || e == ERR_LOOP ||
		       e == ERR_REDIRECT;
	bool lost = p->fed && !is_word;
	bool broken =
		!p->fed && !is_word && e != ERR_CLOSED && e != ERR_TIMEOUT && e != ERR_UPSTREAM;
	if (p->fed)
		p->lost = upstream_known(p->cluster->upstreams, p->up.name);
	if (lost || broken)
		upstream_lost(p->cluster, p->up.name, e);
}

/* The origin said no, was lost, or could not be had. */
static void take_verdict(struct pull *p, struct round *r, struct upstream *origin, err e)
{
	r->answered |= origin || *r->refusal.code;
	if (e == ERR_DENIED || e == ERR_LOOP) {
		bool own_words = e == ERR_DENIED && *r->refusal.description;
		r->denied = true;
		snprintf(r->denial, sizeof(r->denial), "%s",
			 own_words ? r->refusal.description : err_trail(e));
	}
	if (origin)
		judge_health(p, e);
	if (!p->fed)
		log_info("%s: %s: %s", p->source->key, origin ? origin->name : "origins",
			 err_trail(e));
}

static err ask_next(struct pull *p, struct round *r)
{
	struct upstream_request request = pull_request(p);
	memset(&r->refusal, 0, sizeof(r->refusal));
	*p->redirected = '\0';
	err e = upstream_connect(&p->up, r->list, r->count, &request, clock_after(CONNECT_MS),
				 &r->refusal);
	struct upstream *origin = e ? NULL : p->up.origin;
	if (!e)
		e = follow(p, r->alone, &r->refusal);
	if (e == ERR_STOPPED || pull_is_published_here(p) || pull_is_unwanted(p))
		return e;
	take_verdict(p, r, origin, e);
	r->count = origin ? upstream_remove(r->list, r->count, origin) : 0;
	return e;
}

static err sum_up(const struct pull *p, const struct round *r, err e)
{
	if (p->fed || pull_is_published_here(p))
		return OK;
	if (e == ERR_STOPPED)
		return e;
	if (r->denied)
		return err_fail(ERR_DENIED, "%s", r->denial);
	return r->answered ? err_fail(ERR_NOTFOUND, "no origin has the stream %s", p->source->key)
			   : e;
}

/* Each origin once. Ends when media had come and was lost (OK), when nobody has it (ERR_NOTFOUND) or
 * gives it (ERR_DENIED), when none could be had (ERR_UPSTREAM), or by a stop. */
static err pull_round(struct pull *p)
{
	struct round *r = mem_new(struct round);
	p->fed = false;
	r->count = candidates(p, r->list);
	r->alone = r->count == 1 && p->from == PULL_FROM_ORIGINS;
	err e = r->count ? OK : no_candidate(p);
	while (r->count > 0 && !p->fed && e != ERR_STOPPED && !pull_is_unwanted(p) &&
	       !pull_is_published_here(p)) {
		if (!pull_take_request(p))
			break;
		e = ask_next(p, r);
	}
	e = sum_up(p, r, e);
	free(r);
	return e;
}

/* ---- the whole story ---- */

/* A publisher of this server feeds the source; the pull rests until it leaves. */
static err rest(struct pull *p)
{
	pull_set_state(p, PULL_LIVE);
	while (pull_is_published_here(p) && !pull_is_unwanted(p)) {
		int64_t look = clock_ms() + 200, end = pull_unwanted_at(p);
		err e = co_wait(end < look ? end : look);
		if (e && e != ERR_TIMEOUT)
			return e;
	}
	p->lost_ms = clock_ms();
	return OK;
}

/* Who was told that the stream is there, and is not told of its end, waits for as long as it likes. */
int64_t pull_gives_up_at(const struct pull *p)
{
	bool is_told = p->state == PULL_TRYING || p->vhost->play.notify_unpublish;
	return is_told && p->lost_ms ? p->lost_ms + p->vhost->cluster.upstream_timeout_ms
				     : CLOCK_NEVER;
}

static bool give_up(struct pull *p, err e)
{
	bool had_media = p->source->timeline.used;
	if (!p->lost_ms)
		p->lost_ms = clock_ms();
	if (!had_media && (e == ERR_DENIED || (e == ERR_NOTFOUND && p->state == PULL_TRYING))) {
		snprintf(p->why, sizeof(p->why), "%s", err_trail(e));
		p->state = e == ERR_NOTFOUND ? PULL_NOWHERE : PULL_FAILED;
		return true;
	}
	if (clock_ms() < pull_gives_up_at(p))
		return false;
	snprintf(p->why, sizeof(p->why), "no origin could be had for %lld s: %.200s",
		 (long long)(p->vhost->cluster.upstream_timeout_ms / 1000),
		 *p->facts.reason ? p->facts.reason : err_trail(e));
	p->state = e == ERR_NOTFOUND ? PULL_NOWHERE : PULL_FAILED;
	return true;
}

static void wait_for_next_round(struct pull *p, int64_t *wait)
{
	int64_t until = upstream_retry_at(wait);
	while (clock_ms() < until && !pull_is_unwanted(p) && !p->reask && co_wait(until) == OK)
		;
}

static void pull_run(struct pull *p)
{
	int64_t wait = 0;
	while (!co_stopping() && !pull_is_unwanted(p)) {
		if (pull_is_published_here(p) && rest(p) != OK)
			return;
		if (!pull_take_request(p))
			return;
		err e = pull_round(p);
		if (e == ERR_STOPPED || pull_is_unwanted(p))
			return;
		if (e == OK || (e == ERR_NOTFOUND && p->coworker_rounds == 1)) {
			if (!p->lost_ms)
				p->lost_ms = clock_ms();
			wait = 0;
			continue; /* lost: the next origin at once; the mesh's first word may be old */
		}
		p->dry_rounds++;
		if (p->reask)
			continue;
		log_warn("%s: no origin has it now: %s", p->source->key, err_trail(e));
		if (give_up(p, e))
			return;
		source_leave(p->source, &p->in.feeder, p->vhost->cluster.upstream_timeout_ms);
		wait_for_next_round(p, &wait);
	}
}

void pull_main(void *arg)
{
	struct pull *p = arg;
	char id[9];
	co_new_id(id);
	co_set_id(id);
	pull_run(p);
	log_info("%s: pull ended%s%s", p->source->key, *p->why ? ": " : "", p->why);
	map_remove(p->cluster->pulls, p->source->key);
	bool fed = p->source->feeder == &p->in.feeder;
	source_leave(p->source, &p->in.feeder, 0);
	if (!fed && !p->source->feeder)
		source_finish(p->source);
	p->over = true;
	pull_forget_request(p);
	resume_fini(&p->resume);
	pull_set_state(p, p->state < PULL_NOWHERE ? PULL_FAILED : p->state);
	if (!p->viewers)
		pull_free(p);
}
