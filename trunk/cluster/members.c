/* One watch per text, with a coroutine that sleeps until the answer expires. Literals need none.
 * The resolver's cache holds on to an expired answer while its server is silent, so a failure
 * here means that the name has no addresses any more. */
#include "cluster/members.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/inside.h"
#include "net/dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

enum {
	LOOKUP_MS = 5000, /* for one answer; the question goes on */
	AGAIN_MS = 1000,  /* after a failure */
	SELF_MS = 60000,  /* an address may be another server's later */
	API_PORT = 1985,
	RTMP_PORT = 1935,
	HTTP_PORT = 80,
};

struct waiter {
	struct waiter *prev, *next;
	struct co *co;
};

struct members {
	struct map *watches; /* key -> struct watch */
	struct map *selves;  /* name -> struct self */
	struct waiter *waiters;
};

struct self {
	int64_t until_ms;
};

struct watch {
	struct server *server;
	char *text;
	enum member_kind kind;
	struct co *co;
	bool wanted;   /* by the configuration that is being read */
	bool gone;     /* not in the map any more: its coroutine frees it */
	bool resolved; /* the list says something */
	struct member_list list;
};

/* ---- lists ---- */

static struct member *find(struct member_list *list, const char *name)
{
	for (int i = 0; i < list->count; i++)
		if (strcmp(list->v[i].name, name) == 0)
			return &list->v[i];
	return NULL;
}

static void add(struct member_list *list, const char *name, struct member_rank rank)
{
	if (list->count == MEMBERS_MAX || find(list, name))
		return;
	struct member *m = &list->v[list->count++];
	*m = (struct member){.rank = rank, .health.alive = true};
	snprintf(m->name, sizeof(m->name), "%s", name);
}

static bool has_v4_loopback(const struct dns_answer *answer)
{
	struct addr home;
	addr_literal(&home, "127.0.0.1", answer->count ? addr_port(&answer->addrs[0]) : 0);
	for (int i = 0; i < answer->count; i++)
		if (addr_same(&answer->addrs[i], &home))
			return true;
	return false;
}

static bool is_v6_loopback(const struct addr *addr)
{
	struct addr home;
	addr_literal(&home, "::1", addr_port(addr));
	return addr_same(addr, &home);
}

void member_list_add(struct member_list *list, const char *host, int port, struct member_rank rank,
		     const struct dns_answer *answer)
{
	struct hostport hp = {.port = port};
	char name[MEMBER_NAME_MAX];
	/* "localhost" is one server, not two. */
	bool one_home = has_v4_loopback(answer);
	int count = answer->count;
	for (int i = 0; i < answer->count; i++)
		count -= one_home && is_v6_loopback(&answer->addrs[i]);
	snprintf(hp.host, sizeof(hp.host), "%s", host);
	hostport_text(name, &hp);
	if (count == 1)
		add(list, name, rank);
	for (int i = 0; i < answer->count && count > 1; i++) {
		if (one_home && is_v6_loopback(&answer->addrs[i]))
			continue;
		addr_text(name, &answer->addrs[i]);
		add(list, name, rank);
	}
}

int member_list_replace(struct member_list *was, const struct member_list *is, const char *text)
{
	struct member_list *next = mem_new(struct member_list);
	int changes = 0;
	*next = *is;
	for (int i = 0; i < next->count; i++) {
		const struct member *old = find(was, next->v[i].name);
		if (old)
			next->v[i].health = old->health;
		else
			log_info("%s: %s is a member now", text, next->v[i].name);
		changes += !old;
	}
	for (int i = 0; i < was->count; i++) {
		if (find(next, was->v[i].name))
			continue;
		log_info("%s: %s is no longer a member", text, was->v[i].name);
		changes++;
	}
	*was = *next;
	free(next);
	return changes;
}

/* ---- one's own addresses ---- */

/* Whether a socket of this host can have the address. */
static bool is_local(const struct addr *addr)
{
	struct addr any_port = *addr;
	addr_set_port(&any_port, 0);
	int fd = socket(addr->sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool local = fd >= 0 && bind(fd, (const struct sockaddr *)&any_port.sa, any_port.len) == 0;
	if (fd >= 0)
		close(fd);
	return local;
}

/* `listen` is "port" or "address:port". */
static bool listens_at(const char *listen, const struct addr *addr)
{
	struct hostport hp = {0};
	struct addr at;
	bool bare = strspn(listen, "0123456789") == strlen(listen);
	if (bare)
		hp.port = (int)strtol(listen, NULL, 10);
	else if (hostport_parse(&hp, listen, 0) != OK)
		err_clear();
	if (hp.port != addr_port(addr))
		return false;
	if (bare || !*hp.host || strcmp(hp.host, "0.0.0.0") == 0 || strcmp(hp.host, "::") == 0)
		return is_local(addr);
	return addr_literal(&at, hp.host, hp.port) && addr_same(&at, addr);
}

static bool is_own_address(const struct server *server, enum member_kind kind, const char *name)
{
	const struct conf *conf = server->conf;
	struct hostport hp;
	struct addr addr;
	if (hostport_parse(&hp, name, 0) != OK) {
		err_clear();
		return false;
	}
	if (!addr_literal(&addr, strcmp(hp.host, "localhost") ? hp.host : "127.0.0.1", hp.port))
		return false;
	if (kind == MEMBER_API)
		return conf->http_api.enabled && listens_at(conf->http_api.listen, &addr);
	for (int i = 0; i < conf->listen.count; i++)
		if (listens_at(conf->listen.v[i], &addr))
			return true;
	return false;
}

static bool is_self(struct server *server, enum member_kind kind, const char *name)
{
	const struct self *self = map_get(server->cluster->members->selves, name);
	return (self && clock_ms() < self->until_ms) || is_own_address(server, kind, name);
}

void members_is_self(struct server *server, const char *name)
{
	struct self *self = map_get(server->cluster->members->selves, name);
	if (!self) {
		self = mem_new(struct self);
		map_set(server->cluster->members->selves, name, self);
	}
	if (clock_ms() >= self->until_ms)
		log_info("%s is this server itself: it is not asked", name);
	self->until_ms = clock_after(SELF_MS);
}

/* ---- watches ---- */

struct members *members_new(void)
{
	struct members *m = mem_new(struct members);
	m->watches = map_new();
	m->selves = map_new();
	return m;
}

static void watch_free(struct watch *w)
{
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
	for (struct map_iter it = map_begin(m->selves); map_next(&it);)
		free(it.value);
	map_free(&m->watches);
	map_free(&m->selves);
	free(m);
}

static int default_port(enum member_kind kind)
{
	return kind == MEMBER_API ? API_PORT : kind == MEMBER_FLV ? HTTP_PORT : RTMP_PORT;
}

static bool is_srv(const char *text)
{
	return *text == '_';
}

/* The expiry of what was added. A name that cannot be resolved adds nothing. */
static int64_t add_host(struct member_list *list, const char *host, int port,
			struct member_rank rank)
{
	struct dns_answer *answer = mem_new(struct dns_answer);
	int64_t expires = clock_after(AGAIN_MS);
	if (dns_lookup(answer, host, port, clock_after(LOOKUP_MS)) == OK) {
		member_list_add(list, host, port, rank, answer);
		expires = answer->expires_ms;
	} else {
		err_clear();
	}
	free(answer);
	return expires;
}

static int64_t add_targets(struct member_list *list, const char *name)
{
	struct dns_srv_answer *answer = mem_new(struct dns_srv_answer);
	int64_t expires = clock_after(AGAIN_MS);
	if (dns_lookup_srv(answer, name, clock_after(LOOKUP_MS)) == OK)
		expires = answer->expires_ms;
	else
		err_clear();
	for (int i = 0; i < answer->count; i++) {
		const struct dns_srv *t = &answer->targets[i];
		int64_t until = add_host(list, t->host, t->port,
					 (struct member_rank){t->priority, t->weight});
		expires = until < expires ? until : expires;
	}
	free(answer);
	return expires;
}

/* When to look again. */
static int64_t resolve(const struct watch *w, struct member_list *list)
{
	struct hostport hp;
	if (is_srv(w->text))
		return add_targets(list, w->text);
	if (hostport_parse(&hp, w->text, default_port(w->kind)) == OK)
		return add_host(list, hp.host, hp.port, (struct member_rank){0});
	err_clear();
	return CLOCK_NEVER;
}

static void wake_all(struct members *m)
{
	struct waiter *waiter;
	DL_FOREACH (m->waiters, waiter)
		co_wake(waiter->co);
}

static void refresh(struct watch *w, const struct member_list *list)
{
	if (w->gone || co_stopping())
		return;
	member_list_replace(&w->list, list, w->text);
	w->resolved = true;
	wake_all(w->server->cluster->members);
}

static void watch_main(void *arg)
{
	struct watch *w = arg;
	struct member_list *list = mem_new(struct member_list);
	while (!co_stopping() && !w->gone) {
		list->count = 0;
		int64_t again = resolve(w, list);
		refresh(w, list);
		int64_t soonest = clock_after(AGAIN_MS / 4);
		while (!w->gone && co_wait(again > soonest ? again : soonest) == OK)
			;
	}
	free(list);
	w->co = NULL;
	if (w->gone)
		watch_free(w);
}

static bool is_literal(const struct watch *w)
{
	struct hostport hp;
	struct addr addr;
	bool parsed = !is_srv(w->text) && hostport_parse(&hp, w->text, default_port(w->kind)) == OK;
	err_clear();
	return parsed && addr_literal(&addr, hp.host, hp.port);
}

static void watch_begin(struct watch *w)
{
	if (is_literal(w)) {
		struct member_list *list = mem_new(struct member_list);
		(void)resolve(w, list);
		refresh(w, list);
		free(list);
		return;
	}
	w->co = co_start_in(&w->server->services, "members", watch_main, w);
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

static void want(struct server *server, enum member_kind kind, const struct text_list *texts)
{
	struct map *watches = server->cluster->members->watches;
	for (int i = 0; i < texts->count; i++) {
		char *key = key_of(kind, texts->v[i]);
		struct watch *w = map_get(watches, key);
		if (!w) {
			w = mem_new(struct watch);
			w->server = server;
			w->text = mem_strdup(texts->v[i]);
			w->kind = kind;
			map_set(watches, key, w);
			watch_begin(w);
		}
		w->wanted = true;
		free(key);
	}
}

void members_follow(struct server *server)
{
	struct members *m = server->cluster->members;
	for (struct map_iter it = map_begin(m->watches); map_next(&it);)
		((struct watch *)it.value)->wanted = false;
	for (int i = 0; i < server->conf->vhost_count; i++) {
		const struct conf_cluster *c = &server->conf->vhosts[i].cluster;
		want(server, MEMBER_API, &c->coworkers);
		want(server, MEMBER_RTMP, &c->origin);
		if (c->protocol != PROTOCOL_RTMP || c->follow_client)
			want(server, MEMBER_FLV, &c->origin);
	}
	for (struct map_iter it = map_begin(m->watches); map_next(&it);) {
		struct watch *w = it.value;
		if (w->wanted)
			continue;
		map_remove(m->watches, it.key);
		watch_end(w);
	}
	wake_all(m);
}

/* ---- answers ---- */

static struct watch *watch_of(struct server *server, enum member_kind kind, const char *text)
{
	char *key = key_of(kind, text);
	struct watch *w = map_get(server->cluster->members->watches, key);
	free(key);
	return w;
}

/* A watch may go while it is waited for: it is looked up again each time. */
static struct watch *resolved(struct server *server, enum member_kind kind, const char *text,
			      int64_t deadline)
{
	struct waiter self = {.co = co_self()};
	struct watch *w = watch_of(server, kind, text);
	DL_APPEND(server->cluster->members->waiters, &self);
	while (w && !w->resolved && co_wait(deadline) == OK)
		w = watch_of(server, kind, text);
	DL_DELETE(server->cluster->members->waiters, &self);
	return watch_of(server, kind, text);
}

static void take(struct member out[static MEMBERS_MAX], int *count, const struct member *m)
{
	for (int i = 0; i < *count; i++)
		if (strcmp(out[i].name, m->name) == 0)
			return;
	if (*count < MEMBERS_MAX)
		out[(*count)++] = *m;
}

static void take_by_name(struct member out[static MEMBERS_MAX], int *count, enum member_kind kind,
			 const char *text)
{
	struct member m = {.health.alive = true};
	struct hostport hp;
	if (is_srv(text) || hostport_parse(&hp, text, default_port(kind)) != OK)
		return;
	hostport_text(m.name, &hp);
	take(out, count, &m);
}

int members_list(struct server *server, enum member_kind kind, const struct text_list *texts,
		 struct member out[static MEMBERS_MAX], int64_t deadline)
{
	int count = 0, own = 0;
	for (int i = 0; i < texts->count; i++) {
		const struct watch *w = resolved(server, kind, texts->v[i], deadline);
		if (!w || w->list.count == 0)
			take_by_name(out, &count, kind, texts->v[i]);
		for (int n = 0; w && n < w->list.count; n++) {
			if (!is_self(server, kind, w->list.v[n].name))
				take(out, &count, &w->list.v[n]);
			else
				own++;
		}
	}
	/* An edge that has nobody but itself is told that this is a circle, not that it has no
	 * origin. */
	if (count == 0 && own && kind != MEMBER_API && !is_srv(texts->v[0]))
		take_by_name(out, &count, kind, texts->v[0]);
	return count;
}

static struct member_health *health_next(struct map_iter *it, const char *name)
{
	while (map_next(it)) {
		struct member *m = find(&((struct watch *)it->value)->list, name);
		if (m)
			return &m->health;
	}
	return NULL;
}

void members_answered(struct server *server, const char *name)
{
	struct map_iter it = map_begin(server->cluster->members->watches);
	bool said = false;
	for (struct member_health *h; (h = health_next(&it, name));) {
		if (!h->alive && !said)
			log_info("coworker %s answers again", name);
		said = true;
		h->alive = true;
	}
}

/* A coworker that is down is a line when it goes down, not a line for each player. */
void members_failed(struct server *server, const char *name, const char *reason)
{
	struct map_iter it = map_begin(server->cluster->members->watches);
	bool said = false;
	for (struct member_health *h; (h = health_next(&it, name));) {
		if ((h->alive || strcmp(h->reason, reason) != 0) && !said)
			log_warn("coworker %s: %s", name, reason);
		said = true;
		h->alive = false;
		h->failed++;
		h->failed_wall_ms = clock_wall_ms();
		snprintf(h->reason, sizeof(h->reason), "%s", reason);
	}
}
