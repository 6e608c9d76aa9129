/* What coworkers answer, instead of cluster/coworker_query.c: the same questions to the same members, over a
 * network that takes time, to nodes whose CPU takes time for each. */
#include "base/mem.h"
#include "cluster/coworker_query.h"
#include "cluster/inside.h"
#include "cluster/members.h"
#include "sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reply {
	struct node *from;
	int64_t at_us;
	err lost; /* OK: it answers */
};

/* Hangs at asks.v, which nobody else uses here. */
struct replies {
	int count, taken;
	struct reply v[];
};

static int by_time(const void *a, const void *b)
{
	const struct reply *x = a, *y = b;
	return (x->at_us > y->at_us) - (x->at_us < y->at_us);
}

/* A process that has died refuses the connection, and a host that has answers nothing. */
static struct reply lost(const struct coworker_query *q, struct node *n, int64_t sent)
{
	int64_t refused_us = clock_us() + sent + n->world->costs.rtt_us;
	return (struct reply){
		.from = n,
		.at_us = n->silent ? q->asks.deadline * 1000 : refused_us,
		.lost = n->silent ? ERR_TIMEOUT : ERR_CONNECT,
	};
}

static struct reply answer_of(struct node *n, int64_t sent)
{
	const struct costs *costs = &n->world->costs;
	n->answers++;
	return (struct reply){
		.from = n,
		.at_us = sent + node_work(n, costs->answer_us) + costs->rtt_us,
	};
}

void coworker_query_begin(struct coworker_query *q, struct cluster *cluster,
			  const struct conf_vhost *vhost, const struct target *target,
			  const char *rival)
{
	struct world *world = the_world;
	struct member_list members = {0};
	(void)rival;
	q->cluster = cluster;
	q->asks.deadline = clock_after(vhost->cluster.query_timeout_ms);
	members_list(cluster, MEMBER_API, &vhost->cluster.coworkers, &members, q->asks.deadline);
	struct replies *r = mem_zalloc(sizeof(*r) + (size_t)members.count * sizeof(r->v[0]));
	int64_t sent = 0; /* so long after now */
	struct node *asker = map_get(world->by_rtmp, cluster->server->server_id);
	for (int i = 0; i < members.count; i++) {
		struct node *n = map_get(world->by_api, members.v[i].name);
		if (!n || n == asker || (q->only && strcmp(q->only, n->api) != 0))
			continue;
		asker->questions++;
		q->missing++;
		/* Its coroutine has the CPU now: what waits for it goes on later. */
		(void)node_work(asker, world->costs.ask_us);
		sent += world->costs.ask_us;
		r->v[r->count++] = n->dead ? lost(q, n, sent) : answer_of(n, sent);
	}
	qsort(r->v, (size_t)r->count, sizeof(r->v[0]), by_time);
	q->asks.v = (struct ask *)r;
	q->asks.vhost = mem_strdup(target->stream);
	member_list_fini(&members);
}

/* True: it has the stream. */
static bool take(struct coworker_query *q, const struct reply *reply,
		 struct coworker_answer *answer)
{
	struct node *from = reply->from;
	if (reply->lost || from->dead) {
		members_failed(q->cluster, from->api, reply->lost ? reply->lost : ERR_CLOSED,
			       "it is gone");
		return false;
	}
	members_answered(q->cluster, from->api);
	q->missing--;
	if (!node_has(from, q->asks.vhost)) {
		q->absent++;
		return false;
	}
	*answer = (struct coworker_answer){0};
	snprintf(answer->rtmp, sizeof(answer->rtmp), "%s", from->rtmp);
	snprintf(answer->coworker, sizeof(answer->coworker), "%s", from->api);
	return true;
}

err coworker_query_next(struct coworker_query *q, struct coworker_answer *answer, int64_t deadline)
{
	struct replies *r = (struct replies *)q->asks.v;
	while (r->taken < r->count) {
		const struct reply *reply = &r->v[r->taken];
		int64_t ms = (reply->at_us + 999) / 1000;
		if (ms > deadline || ms > q->asks.deadline) {
			TRY(co_sleep((deadline < q->asks.deadline ? deadline : q->asks.deadline) -
				     clock_ms()));
			return ms > deadline ? err_plain(ERR_TIMEOUT) : err_plain(ERR_ENDED);
		}
		if (ms > clock_ms())
			TRY(co_sleep(ms - clock_ms()));
		r->taken++;
		if (take(q, reply, answer))
			return OK;
	}
	return err_plain(ERR_ENDED);
}

void coworker_query_end(struct coworker_query *q)
{
	free(q->asks.v);
	free((char *)(uintptr_t)q->asks.vhost);
	q->asks.v = NULL;
}
