/* A question is an inquiry whose first "here" is the answer: those who wait get it at once, while the
 * other coworkers have a moment to answer too, so that the connections to them can be kept. */
#include "cluster/coworker.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/inquiry.h"
#include "cluster/inside.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	SWEEP_FROM = 128,
	LATE_MS = 100,  /* for the others, once one has it */
	NONE_GROWS = 3, /* "nobody" is kept longer when it is asked for again and again */
};

struct coworker_queries {
	struct map *questions; /* stream key -> struct question */
	size_t sweep_at;       /* so many of them are looked through */
};

struct waiter {
	struct waiter *prev, *next;
	struct co *co;
};

/* A question in flight, then its answer until it expires. */
struct question {
	struct inquiry inquiry;
	struct conf *conf;
	const struct conf_vhost *vhost;
	char *key;
	struct waiter *waiters;
	bool running, done, found, forgotten;
	int64_t expires_ms, none_ms;
	int64_t fresh_until_ms; /* good enough until then for those who doubt; 0: it is not */
	struct coworker_answer answer;
};

struct coworker_queries *coworker_queries_new(void)
{
	struct coworker_queries *queries = mem_new(struct coworker_queries);
	queries->questions = map_new();
	return queries;
}

static void question_free(struct question *q)
{
	conf_unref(&q->conf);
	free(q->key);
	free(q->inquiry.query);
	free(q);
}

void coworker_queries_free(struct coworker_queries **queries)
{
	if (!*queries)
		return;
	for (struct map_iter it = map_begin((*queries)->questions); map_next(&it);)
		question_free(it.value);
	map_free(&(*queries)->questions);
	free(*queries);
	*queries = NULL;
}

/* ---- a question ---- */

static void drop(struct coworker_queries *queries, struct question *q)
{
	map_remove(queries->questions, q->key);
	q->forgotten = true;
	if (!q->running && !q->waiters)
		question_free(q);
}

static void settle(struct question *q)
{
	struct waiter *w;
	q->done = true;
	q->expires_ms = clock_after(q->found ? q->vhost->cluster.query_cache_ms : q->none_ms);
	log_info("%s: %s%s", q->key, q->found ? "a coworker has it at " : "no coworker has it",
		 q->found ? q->answer.rtmp : "");
	DL_FOREACH (q->waiters, w)
		co_wake(w->co);
}

static bool on_here(struct inquiry *inquiry, const struct coworker_answer *answer)
{
	struct question *q = container_of(inquiry, struct question, inquiry);
	if (q->done)
		return true;
	q->found = true;
	q->answer = *answer;
	settle(q);
	return true;
}

static void question_main(void *arg)
{
	struct question *q = arg;
	q->inquiry.deadline = clock_after(q->vhost->cluster.query_timeout_ms);
	inquiry_run(&q->inquiry);
	if (!q->done)
		settle(q);
	q->running = false;
	if (q->forgotten && !q->waiters)
		question_free(q);
}

/* The session may have begun under an older configuration; the coworkers are those of today. */
static struct question *question_new(struct cluster *cluster, const char *vhost_name,
				     const struct target *target, const char *key)
{
	const struct conf_vhost *vhost = conf_vhost_named(cluster->server->conf, vhost_name);
	if (!vhost)
		return NULL;
	struct question *q = mem_new(struct question);
	q->inquiry = (struct inquiry){
		.cluster = cluster,
		.vhost = vhost->name,
		.coworkers = &vhost->cluster.coworkers,
		.query = inquiry_query(vhost->name, target, NULL),
		.on_here = on_here,
		.late_ms = LATE_MS,
	};
	q->conf = conf_ref(cluster->server->conf);
	q->vhost = vhost;
	q->key = mem_strdup(key);
	q->none_ms = vhost->cluster.query_cache_none_ms;
	return q;
}

/* Answers that have expired go when there are twice as many as were worth keeping, so that asking
 * for random names, which may be long, costs little memory and little time. */
static void sweep(struct coworker_queries *queries)
{
	int64_t now = clock_ms();
	for (struct map_iter it = map_begin(queries->questions); map_next(&it);) {
		struct question *q = it.value;
		if (q->done && !q->waiters && now >= q->expires_ms)
			drop(queries, q);
	}
	queries->sweep_at = 2 * map_count(queries->questions) + SWEEP_FROM;
}

/* A thousand players who insist on a stream that nobody has are a few questions, not one for each
 * time that the last "nobody" has expired. */
static int64_t longer_none(const struct question *q)
{
	const struct conf_cluster *conf = &q->vhost->cluster;
	int64_t most = conf->query_cache_ms > conf->query_cache_none_ms ? conf->query_cache_ms
									: conf->query_cache_none_ms;
	if (q->found || clock_ms() > q->expires_ms + conf->query_cache_none_ms)
		return 0;
	return NONE_GROWS * q->none_ms < most ? NONE_GROWS * q->none_ms : most;
}

/* A storm of those who doubt is a few questions as well. */
static bool is_good(const struct question *q, bool fresh)
{
	return !q->done || clock_ms() < (fresh ? q->fresh_until_ms : q->expires_ms);
}

/* The one that is asked or known already; *none_ms is what an expired one leaves behind. */
static struct question *question_known(struct coworker_queries *queries, const char *key,
				       bool fresh, int64_t *none_ms)
{
	struct question *q = map_get(queries->questions, key);
	if (!q || is_good(q, fresh))
		return q;
	*none_ms = fresh ? 0 : longer_none(q);
	drop(queries, q);
	return NULL;
}

static struct question *question_get(struct cluster *cluster, const struct conf_vhost *vhost,
				     const struct target *target, const char *key, bool fresh)
{
	struct coworker_queries *queries = cluster->coworker_queries;
	int64_t none_ms = 0;
	struct question *q = question_known(queries, key, fresh, &none_ms);
	if (q)
		return q;
	if (map_count(queries->questions) >= queries->sweep_at)
		sweep(queries);
	q = question_new(cluster, vhost->name, target, key);
	if (!q)
		return NULL;
	q->none_ms = none_ms ? none_ms : q->none_ms;
	q->fresh_until_ms = fresh ? clock_after(COWORKER_FRESH_MS) : 0;
	if (!co_start_in(&cluster->server->services, "mesh", question_main, q)) {
		question_free(q);
		return NULL;
	}
	q->running = true;
	map_set(queries->questions, key, q);
	return q;
}

static err find(struct cluster *cluster, const struct conf_vhost *vhost,
		const struct target *target, bool fresh, struct coworker_answer *answer)
{
	char *key = stream_key(vhost->name, target->app, target->stream);
	struct question *q = question_get(cluster, vhost, target, key, fresh);
	free(key);
	if (!q)
		return err_fail(ERR_NOTFOUND, "the coworkers cannot be asked now");
	struct waiter self = {.co = co_self()};
	err e = OK;
	DL_APPEND(q->waiters, &self);
	while (!q->done && !e)
		e = co_wait(CLOCK_NEVER);
	DL_DELETE(q->waiters, &self);
	if (!e && q->found)
		*answer = q->answer;
	else if (!e)
		e = err_fail(ERR_NOTFOUND, "no origin of the cluster has the stream %s", q->key);
	if (q->forgotten && !q->running && !q->waiters)
		question_free(q);
	return e;
}

err coworker_find(struct cluster *cluster, const struct conf_vhost *vhost,
		  const struct target *target, struct coworker_answer *answer)
{
	return find(cluster, vhost, target, false, answer);
}

err coworker_find_fresh(struct cluster *cluster, const struct conf_vhost *vhost,
			const struct target *target, struct coworker_answer *answer)
{
	return find(cluster, vhost, target, true, answer);
}

void coworker_forget(struct cluster *cluster, const char *key)
{
	struct question *q = map_get(cluster->coworker_queries->questions, key);
	if (q)
		drop(cluster->coworker_queries, q);
}

/* ---- everybody's word ---- */

struct gathering {
	struct inquiry inquiry;
	struct coworker_poll *poll; /* the answers in the order of arrival */
};

static bool gather(struct inquiry *inquiry, const struct coworker_answer *answer)
{
	struct coworker_poll *poll = container_of(inquiry, struct gathering, inquiry)->poll;
	if (poll->count < COWORKER_ANSWERS_MAX)
		poll->answers[poll->count++] = *answer;
	return false;
}

void coworker_find_all(struct cluster *cluster, const struct conf_vhost *vhost,
		       const struct target *target, struct coworker_poll *out)
{
	struct conf *conf = conf_ref(cluster->server->conf);
	const struct conf_vhost *today = conf_vhost_named(conf, vhost->name);
	if (today) {
		struct gathering g = {
			.inquiry = {.cluster = cluster,
				    .vhost = vhost->name,
				    .coworkers = &today->cluster.coworkers,
				    .query = inquiry_query(vhost->name, target,
							   cluster->server->service_id),
				    .deadline = clock_after(vhost->cluster.query_timeout_ms),
				    .on_here = gather},
			.poll = out,
		};
		inquiry_run(&g.inquiry);
		out->missing = g.inquiry.missing;
		free(g.inquiry.query);
	}
	conf_unref(&conf);
}
