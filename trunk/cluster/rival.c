#include "cluster/rival.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum {
	FIRST_LOOK_MS =
		300, /* after the beginning: who began at the same moment has begun by then */
	SECOND_LOOK_MS = 1500, /* and those to whom it took longer */
	ASKED_LOOK_MS = 50,
	SUSPECT_MS = 1000, /* silent for so long: the answer to the ping is waited for */
	MARGIN_MS = 100,
};

struct rival {
	struct rival_opts opts;
	struct co *co;
	int64_t look_ms;   /* of the next look; CLOCK_NEVER */
	int64_t second_ms; /* of the second one; CLOCK_NEVER when it is over */
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

err rival_find(struct server *server, const struct conf_vhost *vhost, const struct target *target,
	       struct coworker_answer *answer)
{
	TRY(coworker_find_fresh(server, vhost, target, answer));
	if (answer->silent_ms < SUSPECT_MS)
		return OK;
	/* Being asked about it, its server has pinged it; what it says next may be that old. */
	TRY(co_sleep(RIVAL_PONG_MS + COWORKER_FRESH_MS + MARGIN_MS));
	TRY(coworker_find_fresh(server, vhost, target, answer));
	if (answer->unanswered_ms < RIVAL_PONG_MS)
		return OK;
	log_warn("%s/%s: the publisher at %s is silent and does not answer a ping: this one may "
		 "begin",
		 target->app, target->stream, answer->rtmp);
	return err_fail(ERR_NOTFOUND, "only a silent publisher has it");
}

/* ---- after ---- */

/* True when somebody is stronger. */
static bool look(struct rival *r)
{
	struct coworker_answer *others = mem_zalloc(COWORKER_ANSWERS_MAX * sizeof(others[0]));
	int n = coworker_find_all(r->opts.server, r->opts.vhost, r->opts.target, others);
	const struct coworker_answer *best = NULL;
	struct claim strongest = r->opts.own(r->opts.ctx);
	for (int i = 0; i < n; i++) {
		struct claim other = claim_of(&others[i]);
		if (!claim_beats(&other, &strongest))
			continue;
		strongest = other;
		best = &others[i];
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

static void rival_main(void *arg)
{
	struct rival *r = arg;
	for (;;) {
		err e = co_wait(r->look_ms);
		if (e == ERR_STOPPED)
			return;
		if (clock_ms() < r->look_ms)
			continue;
		next_look(r);
		if (look(r))
			return;
	}
}

struct rival *rival_start(const struct rival_opts *opts)
{
	struct rival *r = mem_new(struct rival);
	r->opts = *opts;
	r->look_ms = clock_after(FIRST_LOOK_MS);
	r->second_ms = clock_after(SECOND_LOOK_MS);
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
