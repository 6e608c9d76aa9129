#include "cluster/rival.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/inside.h"
#include "cluster/members.h"

#include <stdlib.h>
#include <string.h>

enum {
	FIRST_LOOK_MS =
		300, /* after the beginning: who began at the same moment has begun by then */
	SECOND_LOOK_MS = 1500, /* and those to whom it took longer */
	ASKED_LOOK_MS = 50,
	SUSPECT_MS = 1000, /* silent for so long: the answer to the ping is waited for */
	MARGIN_MS = 100,
	RECHECK_MS = 1000, /* until the next look when somebody did not answer; doubled each time */
	RECHECK_MAX_MS = 30000,
	PACE_MS = 50, /* at least, from one recheck to the next that takes its place */
};

struct rival {
	struct rival_opts opts;
	struct co *co;
	int64_t look_ms;    /* of the next look; CLOCK_NEVER */
	int64_t second_ms;  /* of the second one; CLOCK_NEVER when it is over */
	int64_t recheck_ms; /* of the next recheck; CLOCK_NEVER when all have answered */
	int64_t patience_ms;
	struct members_news seen; /* when the last look began */
	struct gate_pass pass;
};

/* ---- claims ---- */

static bool is_silent(const struct claim *c)
{
	return c->unanswered_ms >= RIVAL_PONG_MS;
}

bool claim_beats(const struct claim *a, const struct claim *b)
{
	if (is_silent(a) != is_silent(b))
		return is_silent(b);
	if (a->since_ms != b->since_ms)
		return a->since_ms < b->since_ms;
	int order = strcmp(a->server, b->server);
	return order ? order < 0 : strcmp(a->service, b->service) < 0;
}

struct claim claim_of(const struct coworker_answer *answer)
{
	return (struct claim){answer->since_ms, answer->unanswered_ms, answer->server,
			      answer->service};
}

/* ---- before ---- */

err rival_find(struct cluster *cluster, const struct conf_vhost *vhost, const struct target *target,
	       struct coworker_answer *answer)
{
	TRY(coworker_find(cluster, vhost, target, COWORKER_FRESH, NULL, answer));
	if (answer->draining)
		return err_fail(ERR_NOTFOUND, "only a server that is being drained has it");
	if (answer->silent_ms < SUSPECT_MS)
		return OK;
	/* Being asked about it, its server has pinged it; what it says next may be that old. */
	TRY(co_sleep(RIVAL_PONG_MS + COWORKER_FRESH_MS + MARGIN_MS));
	TRY(coworker_find(cluster, vhost, target, COWORKER_FRESH, NULL, answer));
	if (answer->unanswered_ms < RIVAL_PONG_MS)
		return OK;
	log_warn("%s/%s: the publisher at %s is silent and does not answer a ping: this one may "
		 "begin",
		 target->app, target->stream, answer->rtmp);
	return err_fail(ERR_NOTFOUND, "only a silent publisher has it");
}

/* ---- after ---- */

/* Coworkers that have not answered may have the stream. */
static void note_missing(struct rival *r, int missing)
{
	int64_t longer = r->patience_ms ? 2 * r->patience_ms : RECHECK_MS;
	r->patience_ms = !missing ? 0 : longer < RECHECK_MAX_MS ? longer : RECHECK_MAX_MS;
	r->recheck_ms = missing ? clock_after(r->patience_ms) : CLOCK_NEVER;
}

static bool needs_recheck(const struct rival *r)
{
	struct members_news now = members_news(r->opts.cluster);
	return clock_ms() >= r->recheck_ms || now.joined != r->seen.joined ||
	       (r->recheck_ms != CLOCK_NEVER && now.returned != r->seen.returned);
}

/* True when somebody is stronger. */
static bool look(struct rival *r)
{
	struct coworker_poll *others = mem_new(struct coworker_poll);
	const struct coworker_answer *best = NULL;
	r->seen = members_news(r->opts.cluster);
	coworker_find_all(r->opts.cluster, r->opts.vhost, r->opts.target, others);
	note_missing(r, others->missing);
	struct claim strongest = r->opts.own(r->opts.ctx);
	for (int i = 0; i < others->count; i++) {
		struct claim other = claim_of(&others->answers[i]);
		if (others->answers[i].draining || !claim_beats(&other, &strongest))
			continue;
		strongest = other;
		best = &others->answers[i];
	}
	if (best && !co_stopping())
		r->opts.lost(r->opts.ctx, best);
	bool lost = best != NULL;
	free(others);
	return lost;
}

static void next_look(struct rival *r)
{
	r->look_ms = r->second_ms;
	if (clock_ms() >= r->second_ms)
		r->look_ms = r->second_ms = CLOCK_NEVER;
}

/* Until a look is due, or a recheck has its turn. */
static err wait_for_look(struct rival *r, struct gate *gate)
{
	for (;;) {
		if (needs_recheck(r))
			gate_join(gate, &r->pass);
		if (r->pass.inside || clock_ms() >= r->look_ms)
			return OK;
		bool queued = r->pass.queued || r->look_ms < r->recheck_ms;
		err e = co_wait(queued ? r->look_ms : r->recheck_ms);
		if (e == ERR_STOPPED)
			return e;
	}
}

static void rival_main(void *arg)
{
	struct rival *r = arg;
	struct gate *gate = &r->opts.cluster->rechecks;
	struct members_hearer subscriber = {0};
	bool lost = false;
	members_subscribe(r->opts.cluster, &subscriber);
	while (!lost && wait_for_look(r, gate) == OK) {
		if (clock_ms() >= r->look_ms)
			next_look(r);
		lost = look(r);
		if (r->pass.inside)
			(void)co_sleep(PACE_MS);
		gate_leave(gate, &r->pass);
	}
	gate_leave(gate, &r->pass);
	members_unhear(r->opts.cluster, &subscriber);
}

struct rival *rival_start(const struct rival_opts *opts)
{
	struct rival *r = mem_new(struct rival);
	r->opts = *opts;
	r->look_ms = clock_after(FIRST_LOOK_MS);
	r->second_ms = clock_after(SECOND_LOOK_MS);
	r->recheck_ms = CLOCK_NEVER;
	r->seen = members_news(opts->cluster);
	r->co = co_start("rival", rival_main, r);
	return r;
}

void rival_asked(struct rival *r)
{
	if (!r || !r->co || r->look_ms <= clock_ms() + ASKED_LOOK_MS)
		return;
	r->look_ms = clock_after(ASKED_LOOK_MS);
	co_wake(r->co);
}

void rival_stop(struct rival **rival)
{
	struct rival *r = *rival;
	*rival = NULL;
	if (!r)
		return;
	co_stop(r->co);
	co_join(&r->co);
	free(r);
}
