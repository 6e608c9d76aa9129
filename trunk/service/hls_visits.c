#include "service/hls_visits.h"
#include "base/map.h"
#include "base/mem.h"
#include "co/waiters.h"
#include "session/hooks.h"
#include "session/permit.h"

#include <stdlib.h>

enum {
	ALLOWED_MS = 60000, /* since it was last asked with */
	REFUSED_MS = 5000, /* since it was refused: a player that insists costs no more questions */
	VISITS_MAX = 10000,
};

struct visit {
	int64_t until_ms;
	bool asking; /* one is asking, the others wait for its answer */
	struct waiter *waiters;
	struct outcome outcome; /* why not; .code OUTCOME_NONE: it may */
};

struct hls_visits {
	struct map *visits;
};

struct hls_visits *hls_visits_new(void)
{
	struct hls_visits *v = mem_new(struct hls_visits);
	v->visits = map_new();
	return v;
}

void hls_visits_free(struct hls_visits **visits)
{
	if (!*visits)
		return;
	map_free_values(&(*visits)->visits);
	free(*visits);
	*visits = NULL;
}

static void sweep(struct hls_visits *v)
{
	int64_t now = clock_ms();
	for (struct map_iter it = map_begin(v->visits); map_next(&it);) {
		struct visit *visit = it.value;
		if (!visit->asking && visit->until_ms <= now) {
			(void)map_remove(v->visits, it.key);
			free(visit);
		}
	}
}

static char *key_of(const struct request *r)
{
	char ip[ADDR_TEXT_MAX];
	addr_ip(ip, r->peer);
	return mem_printf("%s %s/%s/%s %s", ip, r->vhost->name, r->target->app, r->target->stream,
			  r->target->param);
}

/* Several requests of one player come at once: they get one answer. */
static err wait_for_answer(struct hls_visits *v, const char *key)
{
	struct visit *visit;
	err e = OK;
	while (e == OK && (visit = map_get(v->visits, key)) && visit->asking)
		e = waiters_wait(&visit->waiters);
	return e;
}

static err ask(struct hls_visits *v, const char *key, const struct request *r,
	       struct outcome *outcome)
{
	struct visit *visit = mem_new(struct visit);
	visit->asking = true;
	(void)map_set(v->visits, key, visit);
	err e = hooks_ask(r, HOOK_ON_PLAY, outcome);
	visit->asking = false;
	waiters_wake(&visit->waiters);
	visit->outcome = *outcome;
	visit->until_ms = e ? 0 : clock_after(ALLOWED_MS);
	if (outcome->code)
		visit->until_ms = clock_after(REFUSED_MS);
	return e;
}

static err check_hook(struct hls_visits *v, const struct request *r, struct outcome *outcome)
{
	char *key = key_of(r);
	err e = wait_for_answer(v, key);
	struct visit *visit = map_get(v->visits, key);
	if (!e && visit && visit->until_ms > clock_ms()) {
		if (visit->outcome.code)
			*outcome = visit->outcome;
		else
			visit->until_ms = clock_after(ALLOWED_MS);
		e = outcome->code ? outcome_fail(outcome) : OK;
	} else if (!e) {
		free(map_remove(v->visits, key));
		if (map_count(v->visits) >= VISITS_MAX)
			sweep(v);
		/* Without room for its word a player is asked about each time. */
		e = map_count(v->visits) < VISITS_MAX ? ask(v, key, r, outcome)
						      : hooks_ask(r, HOOK_ON_PLAY, outcome);
	}
	free(key);
	return e;
}

static bool has_hook(const struct request *r)
{
	const struct conf_http_hooks *h = &r->vhost->http_hooks;
	return h->enabled && h->on_play.urls.count > 0;
}

err hls_visits_check(struct hls_visits *v, const struct request *r, bool is_list,
		     struct outcome *outcome)
{
	TRY(permit_check(r, outcome));
	return is_list && has_hook(r) ? check_hook(v, r, outcome) : OK;
}
