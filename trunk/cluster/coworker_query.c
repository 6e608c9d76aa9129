#include "cluster/coworker_query.h"
#include "base/mem.h"
#include "cluster/inside.h"
#include "cluster/members.h"
#include "cluster/peer.h"
#include "cluster/self.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ANSWER_MAX = 64 * 1024,
	TARGET_MAX = 16384,
	NAMES_SHARE = 4, /* of the time of a query, for looking names up */
	MOMENT_MS = 5000,
};

/* Each is told by which name it was asked: it may have no other one that others can use. */
static char *target_for(const char *coworker, const char *vhost, const struct target *t,
			const char *rival, const struct coworker_query *q)
{
	struct buf b = {.max = TARGET_MAX};
	const char *names[] = {"vhost", "ip", "app", "stream", "coworker", "rival"};
	const char *values[] = {vhost, t->host, t->app, t->stream, coworker, rival};
	buf_printf(&b, "/api/v1/clusters");
	for (int i = 0; i < (rival ? 6 : 5); i++) {
		buf_printf(&b, "%s%s=", i ? "&" : "?", names[i]);
		url_escape(&b, values[i]);
	}
	if (q->whoever)
		buf_printf(&b, "&whoever=1");
	if (q->exact)
		buf_printf(&b, "&exact=1");
	char *text = buf_ok(&b) ? mem_strdup(buf_text(&b)) : NULL;
	buf_free(&b);
	return text;
}

static bool is_asked(const struct coworker_query *q, const char *name)
{
	const struct peer *p = q->failed_since ? peer_known(q->cluster->peers, name) : NULL;
	if (q->failed_since && !(p && p->last_failure_ms >= q->failed_since))
		return false;
	return !q->only || strcmp(q->only, name) == 0;
}

void coworker_query_begin(struct coworker_query *q, struct cluster *cluster,
			  const struct conf_vhost *vhost, const struct target *target,
			  const char *rival)
{
	struct member_list members = {0};
	int64_t timeout = vhost->cluster.query_timeout_ms, deadline = clock_after(timeout);
	/* A name without an address yet must not take the time of those that have one. What is behind it may have the
	 * stream: it counts as one that has not answered. */
	const struct text_list *names = &vhost->cluster.coworkers;
	int unknown = members_list(cluster, MEMBER_API, names, &members,
				   clock_after(timeout / NAMES_SHARE));
	if (unknown > 0 && unknown == names->count) {
		member_list_fini(&members);
		members = (struct member_list){0};
		unknown = members_list(cluster, MEMBER_API, names, &members, deadline);
	}
	q->cluster = cluster;
	q->began_ms = clock_ms();
	q->asks = (struct asks){
		.server = cluster->server,
		.method = "POST",
		.vhost = vhost->name,
		.headers = "Content-Type: application/json\r\n",
		.deadline = deadline,
		.answer_max = ANSWER_MAX,
	};
	for (int i = 0; i < members.count; i++) {
		const char *name = members.v[i].name;
		if (!is_asked(q, name))
			continue;
		q->missing++;
		char *path = target_for(name, vhost->name, target, rival, q);
		if (path)
			asks_add(&q->asks, 0, ASK_TRUSTED, mem_strdup(name), path);
	}
	q->missing += q->only || q->failed_since ? 0 : unknown;
	member_list_fini(&members);
}

static err read_answer(struct coworker_answer *answer, const struct ask *a)
{
	*answer = (struct coworker_answer){0};
	if (a->result)
		return err_fail(a->result, "%s", a->why);
	if (!a->answer)
		return err_fail(ERR_PROTOCOL, "%s", a->why);
	snprintf(answer->coworker, sizeof(answer->coworker), "%s", a->api);
	return coworker_answer_read(answer, a->answer);
}

/* OK: it has the stream, or that does not matter, and it is another server. */
static err take_reply(struct coworker_query *q, const struct ask *a, struct coworker_answer *answer)
{
	err e = read_answer(answer, a);
	if (e && e != ERR_NOTFOUND) {
		const struct peer *p = peer_known(q->cluster->peers, a->api);
		q->late += e == ERR_TIMEOUT && p && p->last_ok_ms &&
			   p->last_ok_ms > q->began_ms - MOMENT_MS;
		members_failed(q->cluster, a->api, e, err_trail(e));
		return e;
	}
	members_answered(q->cluster, a->api);
	q->missing--;
	if (strcmp(answer->service, q->cluster->server->service_id) != 0) {
		q->absent += e != OK;
		return q->whoever ? OK : e;
	}
	own_address_add(q->cluster, a->api);
	return err_plain(ERR_NOTFOUND);
}

err coworker_query_next(struct coworker_query *q, struct coworker_answer *answer, int64_t deadline)
{
	struct ask *a;
	do
		TRY(asks_next(&q->asks, &a, deadline));
	while (take_reply(q, a, answer) != OK);
	return OK;
}

void coworker_query_end(struct coworker_query *q)
{
	asks_fini(&q->asks);
}
