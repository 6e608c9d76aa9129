#include "cluster/elsewhere.h"
#include "base/mem.h"
#include "cluster/coworker.h"
#include "cluster/coworker_query.h"
#include "cluster/inside.h"
#include "cluster/peer.h"
#include "cluster/upstream.h"

#include <stdlib.h>
#include <string.h>

enum {
	KEPT_MS = 1000,
	WAIT_STEP_MS = 20, /* of those who come while the coworkers are asked */
};

/* The coworkers of a vhost that are there. */
struct others {
	bool asking;
	int64_t until_ms;
	int count;
	struct coworker_answer v[COWORKER_ANSWERS_MAX];
};

struct elsewhere {
	struct map *by_vhost; /* name -> struct others */
};

struct elsewhere *elsewhere_new(void)
{
	struct elsewhere *e = mem_new(struct elsewhere);
	e->by_vhost = map_new();
	return e;
}

void elsewhere_free(struct elsewhere **elsewhere)
{
	struct elsewhere *e = *elsewhere;
	*elsewhere = NULL;
	if (!e)
		return;
	map_free_values(&e->by_vhost);
	free(e);
}

static struct others *others_of(struct cluster *cluster, const char *vhost)
{
	struct map *map = cluster->elsewhere->by_vhost;
	struct others *o = map_get(map, vhost);
	if (!o) {
		o = mem_new(struct others);
		map_set(map, vhost, o);
	}
	return o;
}

static void ask(struct cluster *cluster, const struct conf_vhost *vhost,
		const struct target *target, struct others *o)
{
	struct conf *conf = conf_ref(cluster->server->conf);
	const struct conf_vhost *today = conf_vhost_named(conf, vhost->name);
	struct coworker_query *q = mem_new(struct coworker_query);
	struct coworker_answer *answer = mem_new(struct coworker_answer);
	o->asking = true;
	o->count = 0;
	if (today && today->cluster.coworkers.count) {
		q->whoever = true;
		coworker_query_begin(q, cluster, today, target, NULL);
		while (coworker_query_next(q, answer, CLOCK_NEVER) == OK)
			if (o->count < COWORKER_ANSWERS_MAX && !answer->draining && *answer->rtmp)
				o->v[o->count++] = *answer;
		coworker_query_end(q);
	}
	o->until_ms = clock_after(KEPT_MS);
	o->asking = false;
	free(answer);
	free(q);
	conf_unref(&conf);
}

static const struct coworker_answer *choose(struct cluster *cluster, const struct others *o,
					    const char *key)
{
	const struct coworker_answer *chosen = NULL;
	struct upstreams list = {0};
	for (int i = 0; i < o->count; i++)
		upstreams_add(&list, peer_get(cluster->peers, o->v[i].rtmp));
	upstreams_sort(&list, key);
	for (int i = 0; i < o->count && !chosen; i++)
		if (strcmp(o->v[i].rtmp, list.v[0]->name) == 0)
			chosen = &o->v[i];
	upstreams_fini(&list);
	return chosen;
}

err elsewhere_find(struct cluster *cluster, const struct conf_vhost *vhost,
		   const struct target *target, struct coworker_answer *out)
{
	struct others *o = others_of(cluster, vhost->name);
	while (o->asking)
		TRY(co_sleep(WAIT_STEP_MS));
	if (clock_ms() >= o->until_ms)
		ask(cluster, vhost, target, o);
	char *key = stream_key(vhost->name, target->app, target->stream);
	const struct coworker_answer *chosen = choose(cluster, o, key);
	free(key);
	if (!chosen)
		return err_fail(ERR_NOTFOUND, "no other origin of the cluster is there");
	*out = *chosen;
	return OK;
}
