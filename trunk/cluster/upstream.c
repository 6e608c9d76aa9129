#include "cluster/upstream.h"
#include "base/mem.h"
#include "base/vec.h"
#include "cluster/inside.h"
#include "cluster/link.h"
#include "cluster/members.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ROUND_SHARE = 3, /* after a round without success: a third of how long it is lost */
	ROUND_MAX_MS = 3000,
	NAMES_MS = 2000, /* for names that have never been resolved */
};

void upstream_lost(struct cluster *cluster, const char *name, err e)
{
	struct peer *up = peer_known(cluster->peers, name);
	if (err_severity(e) == ERR_LOCAL)
		return;
	cluster->server->stat.upstream_failures++;
	if (up)
		peer_failed(up, e, err_trail(e));
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

/* What the order of one origin follows from, found once for each. */
struct rank {
	struct peer *peer;
	int64_t retry_ms; /* 0: it may be tried */
	uint64_t hash;
};

static int compare(double a, double b)
{
	return (a > b) - (a < b);
}

/* Equal weights need no logarithm, and are in the order of the hashes to the last bit. */
static int by_preference(const struct rank *a, const struct rank *b)
{
	int weight = a->peer->weight;
	if (weight == b->peer->weight)
		return (a->hash < b->hash) - (a->hash > b->hash);
	return compare(score(b->hash, b->peer->weight), score(a->hash, weight));
}

static int by_rank(const void *x, const void *y)
{
	const struct rank *a = x, *b = y;
	if (a->retry_ms || b->retry_ms)
		return (a->retry_ms > b->retry_ms) - (a->retry_ms < b->retry_ms);
	if (a->peer->priority != b->peer->priority)
		return a->peer->priority < b->peer->priority ? -1 : 1;
	return by_preference(a, b);
}

void upstreams_fini(struct upstreams *list)
{
	free(list->v);
	*list = (struct upstreams){0};
}

void upstreams_add(struct upstreams *list, struct peer *peer)
{
	vec_reserve(list->v, list->room, list->count + 1);
	list->v[list->count++] = peer;
}

void upstreams_sort(struct upstreams *list, const char *key)
{
	int64_t now = clock_ms();
	struct rank *ranks = mem_alloc((size_t)list->count * sizeof(ranks[0]) + 1);
	for (int i = 0; i < list->count; i++) {
		struct peer *peer = list->v[i];
		ranks[i] = (struct rank){.peer = peer,
					 .retry_ms = peer->retry_ms > now ? peer->retry_ms : 0,
					 .hash = hash(peer->name, key)};
	}
	qsort(ranks, (size_t)list->count, sizeof(ranks[0]), by_rank);
	for (int i = 0; i < list->count; i++)
		list->v[i] = ranks[i].peer;
	free(ranks);
}

void upstreams_remove(struct upstreams *list, const struct peer *gone)
{
	int n = 0;
	for (int i = 0; i < list->count; i++)
		if (list->v[i] != gone)
			list->v[n++] = list->v[i];
	list->count = n;
}

void upstreams_put_last(struct upstreams *list, const struct peer *last)
{
	for (int i = 0; i + 1 < list->count; i++) {
		if (list->v[i] != last)
			continue;
		struct peer *up = list->v[i];
		list->v[i] = list->v[i + 1];
		list->v[i + 1] = up;
	}
}

/* A session outlives a reload, but it goes to the origins of today. */
static const struct conf_vhost *vhost_today(const struct conf *conf, const struct conf_vhost *vhost)
{
	const struct conf_vhost *today = conf_vhost_named(conf, vhost->name);
	return today && today->cluster.origin.count > 0 ? today : vhost;
}

void upstreams_order(struct upstreams *list, struct cluster *cluster,
		     const struct conf_vhost *vhost, enum member_kind kind, enum upstream_use use,
		     const char *key)
{
	struct conf *conf = conf_ref(cluster->server->conf);
	struct member_list members = {0};
	const struct conf_cluster *today = &vhost_today(conf, vhost)->cluster;
	members_list(cluster, kind,
		     use == UPSTREAM_SENDS ? link_send_origins(today) : &today->origin, &members,
		     clock_after(NAMES_MS));
	for (int i = 0; i < members.count; i++) {
		struct peer *peer = peer_get(cluster->peers, members.v[i].name);
		peer->is_origin = true;
		peer->priority = members.v[i].rank.priority;
		peer->weight = members.v[i].rank.weight;
		upstreams_add(list, peer);
	}
	upstreams_sort(list, key);
	member_list_fini(&members);
	conf_unref(&conf);
}

int64_t upstream_retry_at(int64_t since_ms)
{
	int64_t now = clock_ms(), wait = (now - since_ms) / ROUND_SHARE;
	wait = wait < UPSTREAM_ROUND_MS ? UPSTREAM_ROUND_MS
	       : wait > ROUND_MAX_MS    ? ROUND_MAX_MS
					: wait;
	return now + wait / 2 + random() % wait;
}

bool upstreams_are_down(const struct cluster *cluster)
{
	int origins = 0, down = 0;
	for (struct map_iter it = peers_begin(cluster->peers); map_next(&it);) {
		const struct peer *up = it.value;
		origins += up->is_origin;
		down += up->is_origin && up->retry_ms > clock_ms();
	}
	return origins > 0 && down == origins;
}
