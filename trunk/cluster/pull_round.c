/* One round of a pull: each origin once, following redirects, until one has had media. */
#include "base/log.h"
#include "base/mem.h"
#include "cluster/coworker.h"
#include "cluster/pull.h"
#include "cluster/upstream_connect.h"
#include "node/notice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CONNECT_MS = 5000,       /* dial to the answer, all candidates together */
	PATIENCE_MS = 500,       /* accepted but no media for so long: another origin may have it */
	PATIENCE_MAX_MS = 4000,  /* doubles with each round that found none */
	PATIENCE_LOST_MS = 1000, /* the same while viewers wait for a stream that was there */
};

struct round {
	struct upstreams list; /* that were not asked yet */
	int origins;           /* all of them */
	bool alone;            /* there is but one */
	bool answered, denied; /* one said that it has no such stream, or that we may not */
	char denial[256];
	char name[MEMBER_NAME_MAX]; /* the server in use, or the last one that was */
	struct link_refusal said;
};

/* ---- one origin ---- */

static void note_origin(struct pull *p)
{
	char from[sizeof(p->facts.peer)];
	snprintf(from, sizeof(from), "%s", p->facts.peer);
	switch (relay_facts_meet(&p->facts, p->link)) {
	case MEET_FIRST:
		if (notice_rate_take(p->cluster->server->notices, NOTICE_PULLS))
			log_info("%s: pulling from %s", p->source->key, p->link->name);
		break;
	case MEET_OTHER:
		p->cluster->server->stat.switches++;
		log_warn("%s: switched from %s to %s: %s", p->source->key, from, p->link->name,
			 p->facts.reason);
		break;
	case MEET_SAME:
		break;
	}
}

static err ask_to_play(struct pull *p)
{
	struct upstream_request request = pull_request(p);
	sock_attach(p->link->sock);
	sock_set_quick(p->link->sock, false);
	sock_set_deadline(p->link->sock, clock_after(CONNECT_MS));
	return p->link->ops->play(p->link, &request);
}

/* Without another origin to turn to, it is given all the time. */
static int64_t patience_of(const struct pull *p, bool alone)
{
	if (alone)
		return CLOCK_NEVER;
	if (p->source->timeline.used)
		return PATIENCE_LOST_MS;
	int rounds = p->facts.loss.rounds < 8 ? p->facts.loss.rounds : 8;
	int64_t patience = PATIENCE_MS << rounds;
	return patience < PATIENCE_MAX_MS ? patience : PATIENCE_MAX_MS;
}

/* The last of what it sent goes out, in this coroutine: that may have words of its own. */
static err leave(struct pull *p, err e)
{
	char why[ERR_WORDS_MAX];
	snprintf(why, sizeof(why), "%s", err_trail(e));
	resume_end(&p->resume);
	read_pacing_caught_up(&p->in, p->source, true);
	read_pacing_close(&p->in);
	link_free(&p->link);
	if (p->origin == ORIGIN_FEEDS) {
		p->run.ended = e == ERR_ENDED;
		p->had_ms = p->media_ms;
	}
	if (e != ERR_REDIRECT)
		snprintf(p->facts.reason, sizeof(p->facts.reason), "%.250s", why);
	return err_fail(e, "%s", why);
}

static err use(struct pull *p, bool alone, struct link_refusal *said)
{
	p->origin = ORIGIN_SILENT;
	p->media_ms = 0;
	resume_begin(&p->resume);
	err e = ask_to_play(p);
	if (!e) {
		note_origin(p);
		read_pacing_open(&p->in, p->link->sock);
		e = pull_relay(p, patience_of(p, alone), said);
		if (e == ERR_RECONNECT && *said->redirect)
			e = err_fail(ERR_REDIRECT, "it asks to be left for %s", said->redirect);
	}
	return leave(p, e);
}

/* Uses the connected origin, and those it redirects to; r->name is the last one. */
static err follow(struct pull *p, struct round *r)
{
	struct upstream_request request = pull_request(p);
	snprintf(r->name, sizeof(r->name), "%s", p->link->name);
	err e = use(p, r->alone, &r->said);
	for (int n = 0; e == ERR_REDIRECT; n++) {
		TRY(upstream_follow(&p->link, r->name, n, &request, clock_after(CONNECT_MS),
				    p->redirected, sizeof(p->redirected), &r->said));
		snprintf(r->name, sizeof(r->name), "%s", p->link->name);
		e = use(p, false, &r->said);
	}
	return e;
}

/* ---- whom ---- */

/* The coworker that has it. The first round goes to where the viewer was found to belong; the later
 * ones have seen that to be wrong. */
static void coworker(struct pull *p, struct upstreams *list)
{
	struct coworker_answer *answer = mem_new(struct coworker_answer);
	enum coworker_want age = p->coworker_rounds++ ? COWORKER_FRESH : COWORKER_KEPT;
	err e = coworker_find(p->cluster, p->vhost, &p->request.target, age, NULL, answer);
	const char *at = pull_protocol(p)->tls ? answer->rtmps : answer->rtmp;
	if (!e && *at) {
		upstreams_add(list, peer_get(p->cluster->peers, at));
		list->v[0]->is_origin = true;
	} else if (!e) {
		log_warn("%s: it is at %s, which has no encrypted port ('protocol' wants one)",
			 p->source->key, answer->rtmp);
	}
	free(answer);
}

/* The other process of an upgrade. */
static void generation(const struct pull *p, struct upstreams *list)
{
	const struct server *server = p->cluster->server;
	const struct generation *g = p->from == PULL_FROM_FORMER ? &server->former : &server->next;
	if (g->state == GENERATION_THERE && *g->rtmp)
		upstreams_add(list, peer_get(p->cluster->peers, g->rtmp));
}

/* In this order: the one that has just lost the stream last. */
static void candidates(struct pull *p, struct upstreams *list)
{
	if (p->from == PULL_FROM_COWORKERS) {
		coworker(p, list);
		return;
	}
	if (p->from != PULL_FROM_ORIGINS) {
		generation(p, list);
		return;
	}
	upstreams_order(list, p->cluster, p->vhost, pull_protocol(p)->members, UPSTREAM_FETCHES,
			p->source->key);
	upstreams_put_last(list, p->lost);
}

static err no_candidate(const struct pull *p)
{
	if (co_stopping())
		return ERR_STOPPED;
	if (p->from != PULL_FROM_ORIGINS)
		return err_fail(ERR_NOTFOUND, "no origin of the cluster has the stream %s",
				p->source->key);
	return err_fail(ERR_UPSTREAM, "the names of the origins have no addresses");
}

/* ---- what it has shown ---- */

/* The health of the server in use, which may be one that a redirect named. A stream that breaks off
 * without a word is a sign of its server's end; to have no media is none. */
static void note_health(struct pull *p, const char *name, err e)
{
	bool feeds = p->origin == ORIGIN_FEEDS;
	bool is_word = e == ERR_NOTFOUND || e == ERR_ENDED || e == ERR_DENIED || e == ERR_LOOP ||
		       e == ERR_REDIRECT || e == ERR_RECONNECT || e == ERR_KICKED;
	bool lost = feeds && !is_word;
	bool broken =
		!feeds && !is_word && e != ERR_CLOSED && e != ERR_TIMEOUT && e != ERR_UPSTREAM;
	if (feeds)
		p->lost = peer_known(p->cluster->peers, name);
	if (lost || broken)
		upstream_lost(p->cluster, name, e);
}

/* The origin said no, was lost, or could not be had. */
static void take_outcome(struct pull *p, struct round *r, struct peer *origin, err e)
{
	r->answered |= origin || r->said.why;
	if (e == ERR_DENIED || e == ERR_LOOP) {
		bool own_words = e == ERR_DENIED && *r->said.description;
		r->denied = true;
		snprintf(r->denial, sizeof(r->denial), "%s",
			 own_words ? r->said.description : err_trail(e));
	}
	if (origin)
		note_health(p, r->name, e);
	if (p->origin != ORIGIN_FEEDS && !p->facts.loss.rounds &&
	    notice_rate_take(p->cluster->server->notices, NOTICE_PULLS))
		log_info("%s: %s: %s", p->source->key, origin ? origin->name : "origins",
			 err_trail(e));
}

/* ---- the round ---- */

static err ask_next(struct pull *p, struct round *r)
{
	struct upstream_request request = pull_request(p);
	*p->redirected = '\0';
	r->said.absent_at = 0;
	err e = upstream_connect(&p->link, &r->list, &request, clock_after(CONNECT_MS), &r->said);
	struct peer *origin = e ? NULL : p->link->origin;
	if (!e)
		e = follow(p, r);
	if (e == ERR_STOPPED || pull_is_published_here(p) || pull_is_unwanted(p))
		return e;
	take_outcome(p, r, origin, e);
	if (origin && !(e == ERR_NOTFOUND && link_speaks_for_all(&r->said, r->origins)))
		upstreams_remove(&r->list, origin);
	else
		r->list.count = 0;
	return e;
}

static err sum_up(const struct pull *p, const struct round *r, err e)
{
	if (e == ERR_KICKED)
		return err_fail(e, "%s", *r->said.description ? r->said.description : err_trail(e));
	if (p->origin == ORIGIN_FEEDS || pull_is_published_here(p))
		return OK;
	if (e == ERR_STOPPED)
		return e;
	if (r->denied)
		return err_fail(ERR_DENIED, "%s", r->denial);
	return r->answered ? err_fail(ERR_NOTFOUND, "no origin has the stream %s", p->source->key)
			   : e;
}

static bool goes_on(const struct pull *p, const struct round *r, err e)
{
	return r->list.count > 0 && p->origin != ORIGIN_FEEDS && e != ERR_STOPPED &&
	       !pull_is_unwanted(p) && !pull_is_published_here(p);
}

err pull_round(struct pull *p)
{
	struct round *r = mem_new(struct round);
	p->origin = ORIGIN_NONE;
	candidates(p, &r->list);
	r->origins = r->list.count;
	r->alone = r->list.count == 1 && p->from != PULL_FROM_COWORKERS;
	err e = r->list.count ? OK : no_candidate(p);
	while (goes_on(p, r, e) && pull_take_request(p))
		e = ask_next(p, r);
	e = sum_up(p, r, e);
	upstreams_fini(&r->list);
	free(r);
	return e;
}
