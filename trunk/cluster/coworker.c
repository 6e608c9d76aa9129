/* A query goes to the coworker that had the stream when it was last asked for, and where there is none, or that one
 * does not have it any more, to all. It is answered by the first that has the stream: those who wait get that at once,
 * while the others have a moment to answer too, so that the connections to them can be kept. */
#include "cluster/coworker.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/coworker_last.h"
#include "cluster/coworker_query.h"
#include "cluster/inside.h"
#include "cluster/peer.h"
#include "co/waiters.h"
#include "node/notice.h"

#include <stdlib.h>
#include <string.h>

enum {
	SWEEP_FROM = 128,
	LATE_MS = 100,  /* for the others, once one has it */
	LAST_MS = 200,  /* for the one that had it last, before all are asked */
	NONE_GROWS = 3, /* "nobody" is kept longer when it is asked for again and again */
};

struct coworker_queries {
	struct map *by_key; /* stream key, behind "=" for an exact one -> struct query */
	size_t sweep_at;    /* so many of them are looked through */
	struct coworker_last *last;
};

enum query_state { QUERY_ASKING, QUERY_FOUND, QUERY_NOWHERE };

/* A query in flight, then its answer until it expires. Counted: the map, its coroutine and each waiter
 * hold it. */
struct query {
	int refs;
	struct cluster *cluster;
	struct conf *conf;
	const struct conf_vhost *vhost;
	struct target target;
	char *key;
	enum query_state state;
	struct waiter *waiters;
	struct unproven_pass pass;
	struct coworker_query asked;
	int64_t expires_ms, none_ms;
	int64_t fresh_until_ms; /* it counts as fresh until then; 0: it does not */
	bool exact;
	bool is_urgent;      /* somebody wants it fresh: one round has to do */
	bool is_asked_again; /* those that were late are */
	struct coworker_answer answer;
};

struct coworker_queries *coworker_queries_new(void)
{
	struct coworker_queries *queries = mem_new(struct coworker_queries);
	queries->by_key = map_new();
	queries->last = coworker_last_new();
	return queries;
}

static void query_unref(struct query *q)
{
	if (--q->refs > 0)
		return;
	unproven_end(&q->pass);
	conf_unref(&q->conf);
	target_fini(&q->target);
	free(q->key);
	free(q);
}

void coworker_queries_free(struct coworker_queries **queries)
{
	if (!*queries)
		return;
	for (struct map_iter it = map_begin((*queries)->by_key); map_next(&it);)
		query_unref(it.value);
	map_free(&(*queries)->by_key);
	coworker_last_free(&(*queries)->last);
	free(*queries);
	*queries = NULL;
}

/* ---- a query ---- */

static void drop(struct coworker_queries *queries, struct query *q)
{
	map_remove(queries->by_key, q->key);
	query_unref(q);
}

static void settle(struct query *q, enum query_state state)
{
	bool found = state == QUERY_FOUND;
	q->state = state;
	q->expires_ms = clock_after(found ? q->vhost->cluster.query_cache_ms : q->none_ms);
	unproven_end(&q->pass);
	struct coworker_last *last = q->cluster->coworker_queries->last;
	if (found) {
		coworker_last_set(last, q->key, q->answer.coworker);
		log_info("%s: a coworker has it at %s", q->key, q->answer.rtmp);
	} else {
		coworker_last_forget(last, q->key);
		if (notice_rate_take(q->cluster->server->notices, NOTICE_MISSING))
			log_info("%s: no coworker has it", q->key);
	}
	waiters_wake(&q->waiters);
}

/* That one alone, or those that have failed since then, or all. */
static void begin_to_ask(struct query *q, const char *only, int64_t failed_since)
{
	q->asked = (struct coworker_query){
		.exact = q->exact, .only = only, .failed_since = failed_since};
	coworker_query_begin(&q->asked, q->cluster, q->vhost, &q->target, NULL);
}

/* Whoever has found an answer to be wrong needs the word of all: the one that had it last may say that it still has
 * it, and cannot be reached. */
static void ask_last(struct query *q)
{
	struct coworker_answer *answer = &q->answer;
	const char *api = coworker_last_get(q->cluster->coworker_queries->last, q->key);
	if (!api || q->fresh_until_ms || peer_get(q->cluster->peers, api)->failures)
		return;
	char *only = mem_strdup(api);
	begin_to_ask(q, only, 0);
	err e = coworker_query_next(&q->asked, answer, clock_after(LAST_MS));
	if (!e && !answer->draining)
		settle(q, QUERY_FOUND);
	else
		*answer = (struct coworker_answer){0};
	coworker_query_end(&q->asked);
	free(only);
}

static void ask_once(struct query *q, int64_t failed_since)
{
	struct coworker_answer answer;
	int64_t deadline = CLOCK_NEVER;
	begin_to_ask(q, NULL, failed_since);
	while (coworker_query_next(&q->asked, &answer, deadline) == OK) {
		if (q->state != QUERY_ASKING)
			continue;
		q->answer = answer;
		if (answer.draining) /* one to which the stream has moved would be better */
			continue;
		settle(q, QUERY_FOUND);
		deadline = clock_after(LATE_MS);
	}
	coworker_query_end(&q->asked);
}

static bool is_in_vain(const struct query *q)
{
	return q->state == QUERY_ASKING && !*q->answer.rtmp && !co_stopping();
}

/* Hosts stand still for a second now and then, and answer when that is over: before players are told that nobody has a
 * stream, those that answered a moment ago are asked once more. Publishers are not held up by that. */
static void ask_all(struct query *q)
{
	int64_t began = clock_ms();
	ask_once(q, 0);
	int absent = q->asked.absent, unheard = q->asked.missing, late = q->asked.late;
	if (is_in_vain(q) && late && !q->is_urgent) {
		q->is_asked_again = true;
		ask_once(q, began);
		/* Others that have failed since then are asked, too: then it is not told how many lack the stream. */
		absent += q->asked.absent < late ? q->asked.absent : late;
		unheard += q->asked.missing - late;
	}
	if (q->state == QUERY_ASKING && !unheard)
		q->answer.absent_at = absent + 1;
}

static void query_main(void *arg)
{
	struct query *q = arg;
	err e = unproven_wait(&q->pass);
	if (!e)
		ask_last(q);
	if (!e && q->state == QUERY_ASKING && !co_stopping())
		ask_all(q);
	if (q->state == QUERY_ASKING)
		settle(q, *q->answer.rtmp ? QUERY_FOUND : QUERY_NOWHERE);
	query_unref(q);
}

/* The session may have begun under an older configuration; the coworkers are those of today. NULL when
 * there is no such vhost any more. */
static struct query *query_new(struct cluster *cluster, const char *vhost_name,
			       const struct target *target, const char *key)
{
	const struct conf_vhost *vhost = conf_vhost_named(cluster->server->conf, vhost_name);
	if (!vhost)
		return NULL;
	struct query *q = mem_new(struct query);
	q->refs = 1;
	q->cluster = cluster;
	q->conf = conf_ref(cluster->server->conf);
	q->vhost = vhost;
	q->target = target_copy(target);
	q->key = mem_strdup(key);
	q->none_ms = vhost->cluster.query_cache_none_ms;
	return q;
}

/* Takes the caller's reference of one that cannot start. */
static bool query_start(struct query *q, const struct addr *from)
{
	struct cluster *cluster = q->cluster;
	unproven_begin(&cluster->unproven_queries, &q->pass, from);
	if (co_start_in(&cluster->server->services, "query", query_main, q)) {
		q->refs++;
		return true;
	}
	query_unref(q);
	return false;
}

/* ---- those that are known ---- */

/* Answers that have expired go when there are twice as many as were worth keeping, so that asking
 * for random names, which may be long, costs little memory and little time. */
static void sweep(struct coworker_queries *queries)
{
	int64_t now = clock_ms();
	for (struct map_iter it = map_begin(queries->by_key); map_next(&it);) {
		struct query *q = it.value;
		if (q->state != QUERY_ASKING && !q->waiters && now >= q->expires_ms)
			drop(queries, q);
	}
	queries->sweep_at = 2 * map_count(queries->by_key) + SWEEP_FROM;
}

/* A thousand players who insist on a stream that nobody has are a few queries, not one for each
 * time that the last "nobody" has expired. */
static int64_t longer_none(const struct query *q)
{
	const struct conf_cluster *conf = &q->vhost->cluster;
	int64_t most = conf->query_cache_ms > conf->query_cache_none_ms ? conf->query_cache_ms
									: conf->query_cache_none_ms;
	if (q->state == QUERY_FOUND || clock_ms() > q->expires_ms + conf->query_cache_none_ms)
		return 0;
	return NONE_GROWS * q->none_ms < most ? NONE_GROWS * q->none_ms : most;
}

/* One in flight serves everybody: a storm of those who want fresh answers is a few queries as well. */
static bool is_good(const struct query *q, enum coworker_want want)
{
	if (q->state == QUERY_ASKING)
		return want != COWORKER_FRESH || !q->is_asked_again;
	return clock_ms() < (want == COWORKER_FRESH ? q->fresh_until_ms : q->expires_ms);
}

/* The one that is asked or known already; *none_ms is what an expired one leaves behind. */
static struct query *query_known(struct coworker_queries *queries, const char *key,
				 enum coworker_want want, int64_t *none_ms)
{
	struct query *q = map_get(queries->by_key, key);
	if (!q || is_good(q, want))
		return q;
	*none_ms = want == COWORKER_FRESH ? 0 : longer_none(q);
	drop(queries, q);
	return NULL;
}

static struct query *query_get(struct cluster *cluster, const struct conf_vhost *vhost,
			       const struct target *target, const char *key,
			       enum coworker_want want, const struct addr *from)
{
	struct coworker_queries *queries = cluster->coworker_queries;
	int64_t none_ms = 0;
	struct query *q = query_known(queries, key, want, &none_ms);
	if (q) {
		q->is_urgent |= want == COWORKER_FRESH;
		return q;
	}
	if (map_count(queries->by_key) >= queries->sweep_at)
		sweep(queries);
	q = query_new(cluster, vhost->name, target, key);
	if (!q)
		return NULL;
	q->none_ms = none_ms ? none_ms : q->none_ms;
	q->exact = want == COWORKER_EXACT;
	q->fresh_until_ms = want == COWORKER_FRESH ? clock_after(COWORKER_FRESH_MS) : 0;
	q->is_urgent = want == COWORKER_FRESH;
	if (!query_start(q, from))
		return NULL;
	map_set(queries->by_key, q->key, q);
	return q;
}

/* ---- asking ---- */

static err query_wait(struct query *q, struct coworker_answer *answer)
{
	err e = q->state == QUERY_ASKING ? waiters_wait(&q->waiters) : OK;
	*answer = q->answer;
	if (!e && q->state != QUERY_FOUND)
		return err_fail(ERR_NOTFOUND, "no origin of the cluster has the stream %s", q->key);
	return e;
}

err coworker_find(struct cluster *cluster, const struct conf_vhost *vhost,
		  const struct target *target, enum coworker_want want, const struct addr *from,
		  struct coworker_answer *answer)
{
	char *key = stream_key(vhost->name, target->app, target->stream);
	char *kept_as = mem_printf("%s%s", want == COWORKER_EXACT ? "=" : "", key);
	struct query *q = query_get(cluster, vhost, target, kept_as, want, from);
	free(kept_as);
	free(key);
	if (!q)
		return err_fail(ERR_FULL, "the coworkers cannot be asked now");
	q->refs++;
	err e = query_wait(q, answer);
	query_unref(q);
	return e;
}

static void forget(struct coworker_queries *queries, const char *kept_as, bool is_here)
{
	coworker_last_forget(queries->last, kept_as);
	struct query *q = map_get(queries->by_key, kept_as);
	if (!q)
		return;
	if (is_here)
		waiters_wake(&q->waiters);
	drop(queries, q);
}

static void forget_both(struct cluster *cluster, const char *key, bool is_here)
{
	char *exact = mem_printf("=%s", key);
	forget(cluster->coworker_queries, key, is_here);
	forget(cluster->coworker_queries, exact, is_here);
	free(exact);
}

void coworker_forget(struct cluster *cluster, const char *key)
{
	forget_both(cluster, key, false);
}

void coworker_begins_here(struct cluster *cluster, const char *key)
{
	forget_both(cluster, key, true);
}

void coworker_find_all(struct cluster *cluster, const struct conf_vhost *vhost,
		       const struct target *target, struct coworker_poll *out)
{
	struct conf *conf = conf_ref(cluster->server->conf);
	const struct conf_vhost *today = conf_vhost_named(conf, vhost->name);
	if (today) {
		struct coworker_query query = {0};
		struct coworker_answer answer;
		coworker_query_begin(&query, cluster, today, target, cluster->server->service_id);
		while (coworker_query_next(&query, &answer, CLOCK_NEVER) == OK)
			if (out->count < COWORKER_ANSWERS_MAX)
				out->answers[out->count++] = answer;
		out->missing = query.missing;
		coworker_query_end(&query);
	}
	conf_unref(&conf);
}
