/* A race between origins that are silent and those that answer. */
#include "cluster/upstream_connect.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMPANY_MS = 100 }; /* a candidate silent for so long gets company */

/* ---- one attempt ---- */

struct attempt {
	struct co *co, *parent;
	struct link_opts opts;
	struct peer *origin;
	int64_t began_ms;
	bool done;
	err result;
	struct link *link;
	struct link_refusal said;
	char why[160];
};

static void attempt_main(void *arg)
{
	struct attempt *a = arg;
	a->result = link_open(&a->link, &a->opts, &a->said);
	if (a->result)
		snprintf(a->why, sizeof(a->why), "%s", err_trail(a->result));
	a->done = true;
	co_wake(a->parent);
}

/* ---- the race ---- */

/* An attempt takes a kilobyte, and of hundreds of origins mostly one is asked: each is made as it begins. */
struct race {
	const struct upstreams *candidates; /* NULL: `only` */
	const char *only;
	const struct upstream_request *request;
	int64_t deadline;
	struct attempt **attempts;
	int count, started;
	struct attempt *winner;
};

static struct attempt *settled(struct race *r, int *running)
{
	*running = 0;
	for (int i = 0; i < r->started; i++) {
		struct attempt *a = r->attempts[i];
		if (a->done && a->result == OK)
			return a;
		*running += !a->done;
	}
	return NULL;
}

/* The rest need not be asked. */
static bool is_nowhere(const struct race *r)
{
	for (int i = 0; i < r->started; i++)
		if (r->attempts[i]->done && link_speaks_for_all(&r->attempts[i]->said, r->count))
			return true;
	return false;
}

static void start_next(struct race *r)
{
	struct attempt *a = mem_new(struct attempt);
	a->parent = co_self();
	a->origin = r->candidates ? r->candidates->v[r->started] : NULL;
	a->opts.name = a->origin ? a->origin->name : r->only;
	a->opts.request = r->request;
	a->opts.deadline = r->deadline;
	a->began_ms = clock_ms();
	r->attempts[r->started++] = a;
	a->co = co_start("upstream", attempt_main, a);
	if (!a->co) {
		a->done = true;
		a->result = ERR_SYSTEM;
		snprintf(a->why, sizeof(a->why), "no memory for another coroutine");
	}
}

static err run_race(struct race *r)
{
	int64_t company = 0;
	for (;;) {
		int running;
		r->winner = settled(r, &running);
		if (r->winner)
			return OK;
		if (is_nowhere(r))
			return ERR_UPSTREAM;
		if (r->started < r->count && (running == 0 || clock_ms() >= company)) {
			start_next(r);
			company = clock_ms() + COMPANY_MS;
			continue;
		}
		if (running == 0)
			return ERR_UPSTREAM;
		bool more = r->started < r->count && company < r->deadline;
		err e = co_wait(more ? company : r->deadline);
		if (e == ERR_STOPPED || (e == ERR_TIMEOUT && clock_ms() >= r->deadline))
			return e;
	}
}

/* Silence says something of an origin when the time was up, or when another one was faster that was asked later;
 * nothing when whoever wanted the stream has left, or an answer has spoken for all. */
static bool was_silent(const struct race *r, const struct attempt *a, err outcome)
{
	return r->winner ? a->began_ms < r->winner->began_ms : outcome == ERR_TIMEOUT;
}

/* Health follows from what each attempt has shown; `outcome` is that of the race. */
static void judge(struct race *r, err outcome)
{
	for (int i = 0; i < r->started; i++) {
		struct attempt *a = r->attempts[i];
		if (!a->origin || a->result == ERR_STOPPED)
			continue;
		if (a == r->winner || (a->done && (a->result == OK || a->said.why)))
			peer_ok(a->origin, clock_ms() - a->began_ms);
		else if (a->done)
			peer_failed(a->origin, a->result, a->why);
		else if (was_silent(r, a, outcome))
			peer_failed(a->origin, ERR_TIMEOUT, "it did not answer in time");
	}
}

static void end_race(struct race *r, err outcome)
{
	judge(r, outcome);
	for (int i = 0; i < r->started; i++)
		co_stop(r->attempts[i]->co);
	for (int i = 0; i < r->started; i++) {
		co_join(&r->attempts[i]->co);
		if (r->attempts[i] != r->winner)
			link_free(&r->attempts[i]->link);
	}
}

/* Not one of them was asked: we lack something. */
static bool is_ours(const struct race *r)
{
	for (int i = 0; i < r->started; i++)
		if (!r->attempts[i]->done || err_severity(r->attempts[i]->result) != ERR_LOCAL)
			return false;
	return r->started > 0;
}

/* All have failed: the first refusal, since it is an answer; without one, what became of each. */
static err explain(const struct race *r, err e, struct link_refusal *said)
{
	if (e == ERR_STOPPED)
		return e;
	for (int i = 0; i < r->started; i++) {
		const struct attempt *a = r->attempts[i];
		if (a->said.why) {
			*said = a->said;
			return err_fail(a->result, "%s: %s", a->opts.name, a->why);
		}
	}
	char text[ERR_WORDS_MAX] = "";
	size_t n = 0;
	for (int i = 0; i < r->started && n < sizeof(text); i++) {
		const struct attempt *a = r->attempts[i];
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s: %s", i ? "; " : "",
				      a->opts.name, a->done ? a->why : "no answer in time");
	}
	return err_fail(is_ours(r) ? ERR_SYSTEM : ERR_UPSTREAM, "%s", text);
}

/* The origin is remembered by the server that has accepted, and by where its API is. */
static void meet(struct link *link, struct peer *origin)
{
	link->origin = origin;
	if (!origin)
		return;
	origin->met = true;
	snprintf(origin->api, sizeof(origin->api), "%s", link->api);
}

static err finish(struct link **out, const struct race *r, err e, struct link_refusal *said)
{
	if (!r->winner)
		return explain(r, e, said);
	*out = r->winner->link;
	meet(*out, r->winner->origin);
	return OK;
}

static err race(struct link **out, struct race *r, struct link_refusal *said)
{
	r->attempts = mem_zalloc((size_t)r->count * sizeof(r->attempts[0]));
	err e = r->count ? run_race(r) : ERR_UPSTREAM;
	end_race(r, e);
	e = finish(out, r, e, said);
	for (int i = 0; i < r->started; i++)
		free(r->attempts[i]);
	free(r->attempts);
	return e;
}

err upstream_connect(struct link **out, const struct upstreams *candidates,
		     const struct upstream_request *request, int64_t deadline,
		     struct link_refusal *said)
{
	struct race r = {.candidates = candidates,
			 .request = request,
			 .deadline = deadline,
			 .count = candidates->count};
	return race(out, &r, said);
}

static err connect_to(struct link **out, const char *hostport,
		      const struct upstream_request *request, int64_t deadline,
		      struct link_refusal *said)
{
	struct race r = {.only = hostport, .request = request, .deadline = deadline, .count = 1};
	return race(out, &r, said);
}

err upstream_follow(struct link **out, const char *from, int n,
		    const struct upstream_request *request, int64_t deadline, char *redirected,
		    size_t cap, struct link_refusal *said)
{
	char to[sizeof(said->redirect)];
	snprintf(to, sizeof(to), "%s", said->redirect);
	if (n >= REDIRECTS_MAX || !*to || strcmp(from, to) == 0)
		return err_fail(ERR_LOOP, "%s redirects in vain, after %d redirects", from, n);
	log_info("/%s/%s: %s redirects to %s", request->target->app, request->target->stream, from,
		 to);
	*said = (struct link_refusal){0};
	list_add(redirected, cap, from);
	return connect_to(out, to, request, deadline, said);
}
