#include "cluster/inquiry.h"
#include "base/mem.h"
#include "cluster/inside.h"
#include "cluster/members.h"
#include "cluster/self.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ANSWER_MAX = 64 * 1024,
	QUERY_MAX = 16384,
	NAME_MAX_ESCAPED = 2048,
};

char *inquiry_query(const char *vhost, const struct target *t, const char *rival)
{
	struct buf b = {.max = QUERY_MAX};
	const char *names[] = {"vhost", "ip", "app", "stream", "rival"};
	const char *values[] = {vhost, t->host, t->app, t->stream, rival};
	for (int i = 0; i < (rival ? 5 : 4); i++) {
		buf_printf(&b, "%s%s=", i ? "&" : "", names[i]);
		url_escape(&b, values[i]);
	}
	char *text = mem_strdup(buf_text(&b));
	buf_free(&b);
	return text;
}

static err read_answer(struct coworker_answer *answer, const struct ask *a)
{
	if (a->result)
		return err_fail(a->result, "%s", a->why);
	if (!a->answer)
		return err_fail(ERR_PROTOCOL, "%s", a->why);
	return coworker_answer_read(answer, a->answer);
}

static bool take_answer(struct ask *a)
{
	struct inquiry *q = container_of(a->asks, struct inquiry, asks);
	struct coworker_answer answer = {0};
	err e = read_answer(&answer, a);
	if (e && e != ERR_NOTFOUND) {
		members_failed(q->cluster, a->api, e, err_trail(e));
	} else {
		members_answered(q->cluster, a->api);
		q->missing--;
	}
	bool self = strcmp(answer.service, q->cluster->server->service_id) == 0;
	if (self)
		own_address_add(q->cluster, a->api);
	if (e || self)
		return false;
	snprintf(answer.coworker, sizeof(answer.coworker), "%s", a->api);
	return q->on_here(q, &answer);
}

/* Each is told by which name it was asked: it may have no other one that others can use. */
static char *target_for(const struct inquiry *q, const char *name)
{
	struct buf escaped = {.max = NAME_MAX_ESCAPED};
	url_escape(&escaped, name);
	char *target = mem_printf("/api/v1/clusters?%s&coworker=%s", q->query, buf_text(&escaped));
	buf_free(&escaped);
	return target;
}

void inquiry_run(struct inquiry *q)
{
	struct member *members = mem_zalloc(MEMBERS_MAX * sizeof(members[0]));
	int count = members_list(q->cluster, MEMBER_API, q->coworkers, members, q->deadline);
	q->asks = (struct asks){
		.server = q->cluster->server,
		.vhost = q->vhost,
		.headers = "Content-Type: application/json\r\n",
		.answer_max = ANSWER_MAX,
		.on_answer = take_answer,
		.late_ms = q->late_ms,
	};
	for (int i = 0; i < count; i++)
		asks_add(&q->asks, 0, ASK_TRUSTED, mem_strdup(members[i].name),
			 target_for(q, members[i].name));
	free(members);
	q->missing = q->asks.count;
	asks_run(&q->asks, "POST", q->deadline);
	asks_fini(&q->asks);
}
