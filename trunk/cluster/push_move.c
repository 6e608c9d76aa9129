/* A push goes to another origin since the one in use asks for it. A coroutine of its own reaches the other
 * one, while the stream still goes to the first; when it has taken the stream, the links change places and
 * the coroutine says goodbye to the first one. So at each moment one of them has the stream. */
#include "base/log.h"
#include "base/mem.h"
#include "cluster/push_parts.h"
#include "cluster/upstream_connect.h"

#include <stdio.h>
#include <stdlib.h>

enum { CONNECT_MS = 3000 };

enum move_state {
	MOVE_LOOKING,
	MOVE_READY, /* link is that of another origin, which has taken the stream */
	MOVE_TAKEN, /* link is that of the origin before */
};

struct push_move {
	struct push *push;
	struct co *co;
	enum move_state state;
	struct link *link;
	char from[MEMBER_NAME_MAX]; /* the origin before */
	char redirected[600];
	struct link_refusal said;
	int64_t since_ms;
};

static struct upstream_request request_of(const struct push_move *m)
{
	struct upstream_request r = push_request(m->push);
	r.redirected = m->redirected;
	return r;
}

/* ---- another origin ---- */

static err offer(struct push_move *m, int64_t deadline)
{
	struct upstream_request request = request_of(m);
	sock_attach(m->link->sock);
	sock_set_deadline(m->link->sock, deadline);
	m->said = (struct link_refusal){0};
	err e = m->link->ops->publish(m->link, &request, m->push->source->opts.chunk_size,
				      &m->said);
	sock_set_deadline(m->link->sock, CLOCK_NEVER);
	if (e)
		link_free(&m->link);
	return e;
}

/* Offers the stream to where m->said leads, and on. */
static err follow(struct push_move *m, const char *from, int64_t deadline)
{
	struct upstream_request request = request_of(m);
	char name[MEMBER_NAME_MAX];
	err e = ERR_REDIRECT;
	snprintf(name, sizeof(name), "%s", from);
	for (int n = 0; e == ERR_REDIRECT; n++) {
		TRY(upstream_follow(&m->link, name, n, &request, deadline, m->redirected,
				    sizeof(m->redirected), &m->said));
		snprintf(name, sizeof(name), "%s", m->link->name);
		e = offer(m, deadline);
	}
	return e;
}

static err ask(struct push_move *m, const struct upstreams *list, struct peer **asked)
{
	struct upstream_request request = request_of(m);
	int64_t deadline = clock_after(CONNECT_MS);
	char name[MEMBER_NAME_MAX];
	TRY(upstream_connect(&m->link, list, &request, deadline, &m->said));
	*asked = m->link->origin;
	snprintf(name, sizeof(name), "%s", m->link->name);
	err e = offer(m, deadline);
	return e == ERR_REDIRECT ? follow(m, name, deadline) : e;
}

static err ask_each(struct push_move *m, struct upstreams *list)
{
	err e = err_fail(ERR_UPSTREAM, "no origin is configured");
	while (list->count > 0) {
		struct peer *asked = NULL;
		e = ask(m, list, &asked);
		if (!e || e == ERR_STOPPED || !asked)
			return e;
		upstreams_remove(list, asked);
	}
	return e;
}

/* Each origin once. The one before is among them: there may be another process at its address now, and one that is
 * being drained says no at once. */
static err look(struct push_move *m)
{
	struct push *p = m->push;
	struct upstreams list = {0};
	*m->redirected = '\0';
	if (*m->said.redirect)
		return follow(m, m->from, clock_after(CONNECT_MS));
	upstreams_order(&list, p->cluster, p->vhost, link_sends(&p->vhost->cluster)->members,
			UPSTREAM_SENDS, p->source->key);
	err e = ask_each(m, &list);
	upstreams_fini(&list);
	return e;
}

/* ---- the coroutine ---- */

static err find(struct push_move *m)
{
	for (bool first = true;; first = false) {
		err e = look(m);
		if (!e || e == ERR_STOPPED)
			return e;
		if (first)
			log_warn("%s: %s is to be left, but no other origin takes the stream: %s",
				 m->push->source->key, m->from, err_trail(e));
		m->said = (struct link_refusal){0};
		TRY(co_sleep(upstream_retry_at(m->since_ms) - clock_ms()));
	}
}

static void say_goodbye(struct push_move *m)
{
	char *name = upstream_stream_name(&(struct upstream_request){.target = m->push->target});
	sock_attach(m->link->sock);
	m->link->ops->finish(m->link, name, PUSH_FINISH_MS);
	free(name);
}

static void move_main(void *arg)
{
	struct push_move *m = arg;
	if (find(m) == OK) {
		m->state = MOVE_READY;
		co_wake(m->push->co);
		while (m->state == MOVE_READY && co_wait(CLOCK_NEVER) == OK)
			;
		if (m->state == MOVE_TAKEN)
			say_goodbye(m);
	}
	link_free(&m->link);
}

/* ---- what the push does with it ---- */

bool push_move_is_due(const struct push *p)
{
	return p->move && p->move->state != MOVE_TAKEN;
}

void push_move_begin(struct push *p, const struct link_refusal *said)
{
	if (push_move_is_due(p))
		return;
	push_move_end(p);
	struct push_move *m = mem_new(struct push_move);
	m->push = p;
	m->said = *said;
	m->since_ms = clock_ms();
	snprintf(m->from, sizeof(m->from), "%s", p->link->name);
	snprintf(p->facts.reason, sizeof(p->facts.reason), "%.200s asks to be left", m->from);
	p->move = m;
	m->co = co_start("push-move", move_main, m);
	log_info("%s: %s asks to be left for another origin", p->source->key, m->from);
}

bool push_move_is_ready(const struct push *p)
{
	return p->move && p->move->state == MOVE_READY;
}

void push_move_take(struct push *p)
{
	struct link *former = p->link;
	cursor_close(&p->cursor);
	consumer_close(&p->consumer);
	p->link = p->move->link;
	p->move->link = former;
	p->move->state = MOVE_TAKEN;
	p->refusal = (struct link_refusal){0};
	push_accepted(p);
	co_wake(p->move->co);
}

void push_move_end(struct push *p)
{
	struct push_move *m = p->move;
	p->move = NULL;
	if (!m)
		return;
	co_stop(m->co);
	co_join(&m->co);
	link_free(&m->link);
	free(m);
}
