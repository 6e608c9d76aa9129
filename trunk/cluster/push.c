/* The story of one push: the stream of a publisher on this server goes on to an origin. The push is
 * a consumer of the local source, so the encoder never feels what becomes of an origin: when one is
 * lost, the next one gets the stream from a key frame on that the lost one is known to have read. An
 * origin that ends the stream on purpose is no loss: that ends the publisher. */
#include "cluster/push.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/push_parts.h"
#include "cluster/upstream.h"

#include <stdio.h>
#include <stdlib.h>

/* Why it is over, where no origin has said so. */
static void say_why(struct push *p, err e, int64_t limit)
{
	p->refusal = (struct link_refusal){0};
	snprintf(p->refusal.description, sizeof(p->refusal.description),
		 "no origin could be had for %lld s: %.200s", (long long)(limit / 1000),
		 err_trail(e));
}

static bool give_up(struct push *p, err e)
{
	const struct conf_cluster *conf = &p->vhost->cluster;
	bool starting = p->state == PUSH_TRYING;
	int64_t limit = starting ? conf->upstream_start_timeout_ms : conf->upstream_timeout_ms;
	bool refused = starting && p->refusal.why;
	if (!refused && clock_ms() - p->facts.loss.since_ms < limit)
		return false;
	if (!refused)
		say_why(p, e, limit);
	push_set_state(p, refused ? PUSH_REFUSED : PUSH_FAILED);
	return true;
}

/* An origin that had the stream has ended it, with words of its own. */
static bool is_ended(struct push *p, err e)
{
	if (e == ERR_BUSY)
		push_set_state(p, PUSH_SUPERSEDED);
	else if (e == ERR_KICKED)
		push_set_state(p, PUSH_ENDED);
	return e == ERR_BUSY || e == ERR_KICKED;
}

static void note_dry_round(struct push *p, err e)
{
	p->cluster->server->stat.upstream_failures += err_severity(e) != ERR_LOCAL;
	if (p->facts.loss.rounds++ == 0)
		log_warn("%s: no origin takes the stream now: %s", p->source->key, err_trail(e));
}

static void push_run(struct push *p)
{
	while (!co_stopping() && !p->is_leaving) {
		bool had;
		err e = push_round(p, &had);
		if (!e || e == ERR_STOPPED || p->is_leaving || (had && is_ended(p, e)))
			return;
		if (had)
			continue; /* lost: the next origin at once */
		note_dry_round(p, e);
		if (give_up(p, e))
			return;
		int64_t until = upstream_retry_at(p->facts.loss.since_ms);
		while (clock_ms() < until && !p->is_leaving && co_wait(until) == OK)
			;
	}
}

static void push_main(void *arg)
{
	struct push *p = arg;
	if (push_wait_for_former(p) != OK)
		return;
	p->facts.loss.since_ms = clock_ms();
	push_run(p);
}

struct push *push_start(struct cluster *cluster, struct source *source,
			const struct conf_vhost *vhost, const struct target *target,
			const char *page_url, const char *swf_url, const char *path, struct co *co)
{
	struct push *p = mem_new(struct push);
	p->cluster = cluster;
	p->conf = conf_ref(cluster->server->conf);
	p->vhost = vhost;
	p->source = source_ref(source);
	p->target = target;
	p->page_url = page_url;
	p->swf_url = swf_url;
	p->path = path;
	p->session = co;
	p->facts.kind = "push";
	p->facts.cursor = &p->cursor;
	p->co = co_start("push", push_main, p);
	if (!p->co)
		p->state = PUSH_FAILED;
	push_show(p);
	return p;
}

void push_set_trace(struct push *p, const char *trace)
{
	snprintf(p->trace, sizeof(p->trace), "%s", trace);
}

void push_begin(struct push *p)
{
	if (!p)
		return;
	push_join(p);
	co_wake(p->co);
}

enum push_state push_state(const struct push *push)
{
	return push->state;
}

bool push_is_over(const struct push *push)
{
	return push->state >= PUSH_REFUSED;
}

const struct link_refusal *push_refusal(const struct push *push)
{
	return &push->refusal;
}

const struct relay_facts *push_facts(const struct push *push)
{
	return &push->facts;
}

void push_leave(struct push *p)
{
	if (!p)
		return;
	p->is_leaving = true;
	if (p->co)
		co_wake(p->co);
}

/* The last media of the publisher goes out, as far as that is possible soon. */
void push_stop(struct push **push)
{
	struct push *p = *push;
	*push = NULL;
	if (!p)
		return;
	push_leave(p);
	co_join_within(&p->co, PUSH_FINISH_MS);
	push_hide(p);
	source_keep_from(p->source, 0);
	source_unref(&p->source);
	conf_unref(&p->conf);
	free(p);
}
