/* One round of a push: each origin once, following redirects, until one takes the stream. */
#include "base/log.h"
#include "cluster/push_parts.h"
#include "cluster/upstream_connect.h"

#include <stdio.h>
#include <stdlib.h>

enum { CONNECT_MS = 3000 }; /* dial to the answer to publish */

struct upstream_request push_request(const struct push *p)
{
	return (struct upstream_request){
		.protocol = cluster_link(p->cluster, link_sends(&p->vhost->cluster)),
		.server = p->cluster->server,
		.vhost = p->vhost,
		.target = p->target,
		.page_url = p->page_url,
		.swf_url = p->swf_url,
		.path = p->path,
		.redirected = p->redirected,
		.trace = p->trace,
		.publish = true,
	};
}

void push_set_state(struct push *p, enum push_state state)
{
	p->state = state;
	co_wake(p->session);
}

/* ---- one origin ---- */

static void note_origin(struct push *p)
{
	char from[sizeof(p->facts.peer)];
	snprintf(from, sizeof(from), "%s", p->facts.peer);
	if (relay_facts_meet(&p->facts, p->link) == MEET_OTHER) {
		p->cluster->server->stat.switches++;
		log_warn("%s: push switched from %s to %s: %s", p->source->key, from, p->link->name,
			 p->facts.reason);
	} else {
		log_info("%s: pushing to %s", p->source->key, p->link->name);
	}
	if (p->facts.loss.rounds)
		log_info("%s: an origin takes it again after %lld ms; they were asked %d times in "
			 "vain",
			 p->source->key, (long long)(clock_ms() - p->facts.loss.since_ms),
			 p->facts.loss.rounds);
}

void push_accepted(struct push *p)
{
	push_show(p);
	note_origin(p);
	p->facts.loss = (struct relay_loss){0};
	p->ping_ms = 0;
	sock_attach(p->link->sock);
	sock_set_quick(p->link->sock, false);
	if (p->state == PUSH_ACCEPTED)
		push_join(p);
	else
		push_set_state(p, PUSH_ACCEPTED);
}

static err carry(struct push *p)
{
	push_accepted(p);
	err e = push_carry(p);
	push_move_end(p);
	char *name =
		e ? NULL : upstream_stream_name(&(struct upstream_request){.target = p->target});
	if (!e)
		p->link->ops->finish(p->link, name, PUSH_FINISH_MS);
	free(name);
	cursor_close(&p->cursor);
	consumer_close(&p->consumer);
	p->facts.loss.since_ms = clock_ms();
	return e;
}

/* The connected origin is asked to take the stream, and gets it. */
static err use(struct push *p, int64_t deadline, bool *had)
{
	struct upstream_request request = push_request(p);
	sock_set_deadline(p->link->sock, deadline);
	p->refusal = (struct link_refusal){0};
	err e = p->link->ops->publish(p->link, &request, p->source->opts.chunk_size, &p->refusal);
	sock_set_deadline(p->link->sock, CLOCK_NEVER);
	if (!e) {
		*had = true;
		e = carry(p);
	}
	link_free(&p->link);
	if (e)
		snprintf(p->facts.reason, sizeof(p->facts.reason), "%.250s", err_trail(e));
	return e;
}

/* Uses the connected origin, or those it redirects to; *name is the last one. */
static err follow(struct push *p, int64_t deadline, char name[static MEMBER_NAME_MAX], bool *had)
{
	struct upstream_request request = push_request(p);
	snprintf(name, MEMBER_NAME_MAX, "%s", p->link->name);
	err e = use(p, deadline, had);
	for (int n = 0; e == ERR_REDIRECT; n++) {
		TRY(upstream_follow(&p->link, name, n, &request, deadline, p->redirected,
				    sizeof(p->redirected), &p->refusal));
		snprintf(name, MEMBER_NAME_MAX, "%s", p->link->name);
		e = use(p, deadline, had);
	}
	return e;
}

/* ---- the round ---- */

static int64_t deadline_of(const struct push *p)
{
	int64_t until = clock_ms() + CONNECT_MS;
	int64_t start = p->facts.loss.since_ms + p->vhost->cluster.upstream_start_timeout_ms;
	return p->state == PUSH_TRYING && start < until ? start : until;
}

/* An origin that had the stream and lets it go for a reason is as well as before. */
static bool is_loss(err e)
{
	return e && e != ERR_STOPPED && e != ERR_BUSY && e != ERR_KICKED;
}

/* One origin; *origin is the one that was asked, NULL when none could be had. */
static err ask(struct push *p, const struct upstreams *list, struct peer **origin, bool *had)
{
	char name[MEMBER_NAME_MAX];
	struct upstream_request request = push_request(p);
	*p->redirected = '\0';
	*origin = NULL;
	TRY(upstream_connect(&p->link, list, &request, deadline_of(p), &p->refusal));
	*origin = p->link->origin;
	err e = follow(p, deadline_of(p), name, had);
	bool is_silent = !*had && (!p->refusal.why || e == ERR_REDIRECT);
	if (is_silent ? e && e != ERR_STOPPED : *had && is_loss(e))
		upstream_lost(p->cluster, *had ? p->facts.peer : name, e);
	return e;
}

static err ask_each(struct push *p, struct upstreams *list, bool *had)
{
	err e = err_fail(ERR_UPSTREAM, "no origin is configured");
	while (list->count > 0 && !co_stopping() && !p->is_leaving) {
		struct peer *origin;
		e = ask(p, list, &origin, had);
		if (!e || *had || e == ERR_STOPPED || !origin)
			return e;
		if (p->refusal.why && e != ERR_REDIRECT && p->state == PUSH_TRYING)
			return e; /* the first origin's word is what the encoder hears */
		if (!p->facts.loss.rounds)
			log_info("%s: %s does not take the stream: %s", p->source->key,
				 origin->name, err_trail(e));
		upstreams_remove(list, origin);
	}
	return e;
}

err push_round(struct push *p, bool *had)
{
	struct upstreams list = {0};
	*had = false;
	upstreams_order(&list, p->cluster, p->vhost, link_sends(&p->vhost->cluster)->members,
			UPSTREAM_SENDS, p->source->key);
	err e = ask_each(p, &list, had);
	upstreams_fini(&list);
	return e;
}
