#include "cluster/upstream.h"
#include "base/mem.h"
#include "cluster/inside.h"
#include "cluster/members.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BACKOFF_MS = 200,
	BACKOFF_MAX_MS = 15000,
	ROUND_SHARE = 3, /* after a round without success: a third of how long it is lost */
	ROUND_MS = 100,
	ROUND_MAX_MS = 3000,
	NAMES_MS = 2000, /* for names that have never been resolved */
};

struct upstreams {
	struct map *by_name;
};

/* ---- health ---- */

struct upstreams *upstreams_new(void)
{
	struct upstreams *u = mem_new(struct upstreams);
	u->by_name = map_new();
	return u;
}

void upstreams_free(struct upstreams **upstreams)
{
	struct upstreams *u = *upstreams;
	*upstreams = NULL;
	if (!u)
		return;
	for (struct map_iter it = map_begin(u->by_name); map_next(&it);) {
		struct upstream *up = it.value;
		free(up->name);
		free(up);
	}
	map_free(&u->by_name);
	free(u);
}

struct upstream *upstream_known(struct upstreams *u, const char *name)
{
	return map_get(u->by_name, name);
}

struct upstream *upstream_get(struct upstreams *u, const char *name)
{
	struct upstream *up = map_get(u->by_name, name);
	if (!up) {
		up = mem_new(struct upstream);
		up->name = mem_strdup(name);
		map_set(u->by_name, name, up);
	}
	return up;
}

void upstream_ok(struct upstream *up, int64_t connect_ms)
{
	up->connect_ms = connect_ms;
	up->last_ok_ms = clock_ms();
	up->retry_ms = 0;
	up->failures /=
		2; /* trust returns slowly: the next failure waits longer than a first one */
}

void upstream_failed(struct upstream *up, err e, const char *reason)
{
	if (err_severity(e) == ERR_LOCAL)
		return;
	int shift = up->failures < 7 ? up->failures : 7;
	int64_t wait = BACKOFF_MS << shift;
	wait = wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS;
	up->failures++;
	up->failures_total++;
	up->last_failure_ms = clock_ms();
	/* Jitter: a thousand edges must not come back to a restarted origin in one moment. */
	up->retry_ms = clock_ms() + wait / 2 + random() % (wait / 2 + 1);
	snprintf(up->reason, sizeof(up->reason), "%s", reason);
}

void upstream_lost(struct cluster *cluster, const char *name, err e)
{
	struct upstream *up = upstream_known(cluster->upstreams, name);
	if (err_severity(e) == ERR_LOCAL)
		return;
	cluster->server->stat.upstream_failures++;
	if (up)
		upstream_failed(up, e, err_trail(e));
}

/* FNV-1a, finished so that similar names differ in all bits. */
static uint64_t hash(const char *name, const char *key)
{
	uint64_t h = 14695981039346656037ULL;
	for (const char *p = name; *p; p++)
		h = (h ^ (uint8_t)*p) * 1099511628211ULL;
	h = (h ^ '|') * 1099511628211ULL;
	for (const char *p = key; *p; p++)
		h = (h ^ (uint8_t)*p) * 1099511628211ULL;
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdULL;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53ULL;
	return h ^ h >> 33;
}

/* Weighted rendezvous: the highest score is first in a share of the keys that is proportional to
 * the weight. A weight of 0 is a very small one, as RFC 2782 wants it. */
static double score(uint64_t h, int weight)
{
	const double zero = 0.001;
	double u = ((double)(h >> 12) + 0.5) / 0x1p52; /* between 0 and 1, neither of them */
	return -(weight > 0 ? weight : zero) / log(u);
}

/* Equal weights need no logarithm, and are in the order of the hashes to the last bit. */
static bool is_preferred(const struct upstream *a, const struct upstream *b, const char *key)
{
	uint64_t of_a = hash(a->name, key), of_b = hash(b->name, key);
	return a->weight == b->weight ? of_a > of_b
				      : score(of_a, a->weight) > score(of_b, b->weight);
}

static bool is_before(const struct upstream *a, const struct upstream *b, const char *key)
{
	int64_t now = clock_ms();
	bool a_waits = a->retry_ms > now, b_waits = b->retry_ms > now;
	if (a_waits != b_waits)
		return b_waits;
	if (a_waits)
		return a->retry_ms < b->retry_ms;
	if (a->priority != b->priority)
		return a->priority < b->priority;
	return is_preferred(a, b, key);
}

void upstream_sort(struct upstream **list, int count, const char *key)
{
	for (int i = 1; i < count; i++) {
		struct upstream *up = list[i];
		int at = i;
		for (; at > 0 && is_before(up, list[at - 1], key); at--)
			list[at] = list[at - 1];
		list[at] = up;
	}
}

int upstream_remove(struct upstream **list, int count, const struct upstream *gone)
{
	int n = 0;
	for (int i = 0; i < count; i++)
		if (list[i] != gone)
			list[n++] = list[i];
	return n;
}

void upstream_put_last(struct upstream **list, int count, const struct upstream *last)
{
	for (int i = 0; i + 1 < count; i++) {
		if (list[i] != last)
			continue;
		struct upstream *up = list[i];
		list[i] = list[i + 1];
		list[i + 1] = up;
	}
}

/* A session outlives a reload, but it goes to the origins of today. */
static const struct conf_vhost *vhost_today(const struct conf *conf, const struct conf_vhost *vhost)
{
	const struct conf_vhost *today = conf_vhost_named(conf, vhost->name);
	return today && today->cluster.origin.count > 0 ? today : vhost;
}

int upstream_order(struct cluster *cluster, const struct conf_vhost *vhost, enum member_kind kind,
		   const char *key, struct upstream *out[static UPSTREAMS_MAX])
{
	struct conf *conf = conf_ref(cluster->server->conf);
	struct member *members = mem_zalloc(MEMBERS_MAX * sizeof(members[0]));
	int n = members_list(cluster, kind, &vhost_today(conf, vhost)->cluster.origin, members,
			     clock_after(NAMES_MS));
	for (int i = 0; i < n; i++) {
		out[i] = upstream_get(cluster->upstreams, members[i].name);
		out[i]->priority = members[i].rank.priority;
		out[i]->weight = members[i].rank.weight;
	}
	upstream_sort(out, n, key);
	free(members);
	conf_unref(&conf);
	return n;
}

struct map_iter upstreams_begin(const struct cluster *cluster)
{
	return map_begin(cluster->upstreams->by_name);
}

int64_t upstream_retry_at(int64_t since_ms)
{
	int64_t now = clock_ms(), wait = (now - since_ms) / ROUND_SHARE;
	wait = wait < ROUND_MS ? ROUND_MS : wait > ROUND_MAX_MS ? ROUND_MAX_MS : wait;
	return now + wait / 2 + random() % wait;
}
