/* One watch per text, with a coroutine that sleeps until the answer expires. Literals need none. */
#include "cluster/members.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/inside.h"
#include "cluster/link.h"
#include "cluster/member_resolve.h"
#include "cluster/peer.h"
#include "cluster/self.h"
#include "codec/url.h"
#include "node/notice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { SOONEST_MS = 250 }; /* however soon an answer expires */

struct members {
	struct map *watches;            /* key -> struct watch */
	struct members_hearer *waiters; /* for a first answer */
	struct members_hearer *hearers; /* of news */
	struct members_news news;
};

struct watch {
	struct cluster *cluster;
	char *text;
	enum member_kind kind;
	struct co *co;
	bool wanted;   /* by the configuration that is being read */
	bool gone;     /* not in the map any more: its coroutine frees it */
	bool resolved; /* the list says something */
	struct member_list list;
};

/* ---- watches ---- */

struct members *members_new(void)
{
	struct members *m = mem_new(struct members);
	m->watches = map_new();
	return m;
}

static void watch_free(struct watch *w)
{
	member_list_fini(&w->list);
	free(w->text);
	free(w);
}

void members_free(struct members **members)
{
	struct members *m = *members;
	*members = NULL;
	if (!m)
		return;
	for (struct map_iter it = map_begin(m->watches); map_next(&it);)
		watch_free(it.value);
	map_free(&m->watches);
	free(m);
}

static int default_port(enum member_kind kind)
{
	static const int ports[] = {[MEMBER_API] = PORT_API,
				    [MEMBER_RTMP] = PORT_RTMP,
				    [MEMBER_RTMPS] = PORT_HTTPS,
				    [MEMBER_FLV] = PORT_HTTP,
				    [MEMBER_FLVS] = PORT_HTTPS};
	return ports[kind];
}

static void wake_all(const struct members_hearer *list)
{
	const struct members_hearer *subscriber;
	DL_FOREACH (list, subscriber)
		co_wake(subscriber->co);
}

static void tell(struct members *m, uint64_t *news, uint64_t count)
{
	*news += count;
	if (count)
		wake_all(m->hearers);
}

static uint64_t count_new(struct member_list *was, const struct member_list *is)
{
	uint64_t n = 0;
	for (int i = 0; i < is->count; i++)
		n += !member_list_find(was, is->v[i].name);
	return n;
}

/* Takes what is in the list. */
static void refresh(struct watch *w, struct member_list *list)
{
	struct members *m = w->cluster->members;
	if (w->gone || co_stopping())
		return;
	uint64_t joined = w->kind == MEMBER_API ? count_new(&w->list, list) : 0;
	member_list_replace(&w->list, list, w->text);
	w->resolved = true;
	wake_all(m->waiters);
	tell(m, &m->news.joined, joined);
}

static void watch_main(void *arg)
{
	struct watch *w = arg;
	struct member_list list = {0};
	while (!co_stopping() && !w->gone) {
		list.count = 0;
		int64_t again = member_resolve(&list, w->text, default_port(w->kind));
		refresh(w, &list);
		int64_t soonest = clock_after(SOONEST_MS);
		while (!w->gone && co_wait(again > soonest ? again : soonest) == OK)
			;
	}
	member_list_fini(&list);
	w->co = NULL;
	if (w->gone)
		watch_free(w);
}

static void watch_begin(struct watch *w)
{
	if (member_is_literal(w->text, default_port(w->kind))) {
		struct member_list list = {0};
		(void)member_resolve(&list, w->text, default_port(w->kind));
		refresh(w, &list);
		member_list_fini(&list);
		return;
	}
	w->co = co_start_in(&w->cluster->server->services, "members", watch_main, w);
}

static void watch_end(struct watch *w)
{
	for (int i = 0; i < w->list.count; i++)
		log_info("%s: %s is no longer a member", w->text, w->list.v[i].name);
	w->gone = true;
	if (w->co)
		co_stop(w->co);
	else
		watch_free(w);
}

static char *key_of(enum member_kind kind, const char *text)
{
	return mem_printf("%d %s", (int)kind, text);
}

static void want(struct cluster *cluster, enum member_kind kind, const struct text_list *texts)
{
	struct map *watches = cluster->members->watches;
	for (int i = 0; i < texts->count; i++) {
		char *key = key_of(kind, texts->v[i]);
		struct watch *w = map_get(watches, key);
		if (!w) {
			w = mem_new(struct watch);
			w->cluster = cluster;
			w->text = mem_strdup(texts->v[i]);
			w->kind = kind;
			map_set(watches, key, w);
			watch_begin(w);
		}
		w->wanted = true;
		free(key);
	}
}

void members_follow(struct cluster *cluster)
{
	struct members *m = cluster->members;
	for (struct map_iter it = map_begin(m->watches); map_next(&it);)
		((struct watch *)it.value)->wanted = false;
	for (int i = 0; i < cluster->server->conf->vhost_count; i++) {
		const struct conf_cluster *c = &cluster->server->conf->vhosts[i].cluster;
		want(cluster, MEMBER_API, &c->coworkers);
		want(cluster, link_sends(c)->members, link_send_origins(c));
		want(cluster, link_fetches(c, false)->members, &c->origin);
		want(cluster, link_sends(c)->tls ? MEMBER_FLVS : MEMBER_FLV,
		     &cluster->server->conf->vhosts[i].hls.origin);
		if (c->follow_client)
			want(cluster, link_fetches(c, true)->members, &c->origin);
	}
	for (struct map_iter it = map_begin(m->watches); map_next(&it);) {
		struct watch *w = it.value;
		if (w->wanted)
			continue;
		map_remove(m->watches, it.key);
		watch_end(w);
	}
	wake_all(m->waiters);
}

/* ---- answers ---- */

static struct watch *watch_of(struct cluster *cluster, enum member_kind kind, const char *text)
{
	char *key = key_of(kind, text);
	struct watch *w = map_get(cluster->members->watches, key);
	free(key);
	return w;
}

/* A watch may go while it is waited for: it is looked up again each time. */
static struct watch *resolved(struct cluster *cluster, enum member_kind kind, const char *text,
			      int64_t deadline)
{
	struct members_hearer self = {.co = co_self()};
	struct watch *w = watch_of(cluster, kind, text);
	DL_APPEND(cluster->members->waiters, &self);
	while (w && !w->resolved && co_wait(deadline) == OK)
		w = watch_of(cluster, kind, text);
	DL_DELETE(cluster->members->waiters, &self);
	return watch_of(cluster, kind, text);
}

static void take(struct cluster *cluster, struct member_list *out, const struct member *m)
{
	if (!member_list_take(out, m) &&
	    notice_is_due(cluster->server->notices, "too many members"))
		log_warn("more than %d servers behind `coworkers` or `origin`: %s is left out",
			 MEMBERS_MAX, m->name);
}

static void take_by_name(struct cluster *cluster, struct member_list *out, enum member_kind kind,
			 const char *text)
{
	struct member m = {0};
	struct hostport hp;
	if (member_is_srv(text) || hostport_parse(&hp, text, default_port(kind)) != OK)
		return;
	hostport_text(m.name, &hp);
	take(cluster, out, &m);
}

int members_list(struct cluster *cluster, enum member_kind kind, const struct text_list *texts,
		 struct member_list *out, int64_t deadline)
{
	int own = 0, unknown = 0;
	for (int i = 0; i < texts->count; i++) {
		const struct watch *w = resolved(cluster, kind, texts->v[i], deadline);
		unknown += w && !w->resolved;
		if (!w || w->list.count == 0)
			take_by_name(cluster, out, kind, texts->v[i]);
		for (int n = 0; w && n < w->list.count; n++) {
			if (!self_is(cluster, kind, w->list.v[n].name))
				take(cluster, out, &w->list.v[n]);
			else
				own++;
		}
	}
	/* An edge that has nobody but itself is told that this is a circle, not that it has no
	 * origin. */
	if (out->count == 0 && own && kind != MEMBER_API && !member_is_srv(texts->v[0]))
		take_by_name(cluster, out, kind, texts->v[0]);
	return unknown;
}

void members_answered(struct cluster *cluster, const char *name)
{
	struct members *m = cluster->members;
	bool again = peer_answered(peer_get(cluster->peers, name));
	if (again)
		log_info("coworker %s answers again", name);
	tell(m, &m->news.returned, again);
}

/* A coworker that is down is a line when it goes down, not a line for each player. */
void members_failed(struct cluster *cluster, const char *name, err e, const char *reason)
{
	struct peer *p = peer_get(cluster->peers, name);
	if (err_severity(e) == ERR_LOCAL)
		return;
	if (!p->failures || strcmp(p->reason, reason) != 0)
		log_warn("coworker %s: %s", name, reason);
	peer_failed(p, e, reason);
}

struct members_news members_news(const struct cluster *cluster)
{
	return cluster->members->news;
}

void members_subscribe(struct cluster *cluster, struct members_hearer *subscriber)
{
	subscriber->co = co_self();
	DL_APPEND(cluster->members->hearers, subscriber);
}

void members_unhear(struct cluster *cluster, struct members_hearer *subscriber)
{
	DL_DELETE(cluster->members->hearers, subscriber);
}
