#include "cluster/cluster.h"
#include "base/mem.h"
#include "cluster/coworker.h"
#include "cluster/elsewhere.h"
#include "cluster/inside.h"
#include "cluster/link.h"
#include "cluster/members.h"
#include "cluster/peer.h"
#include "cluster/pulls.h"
#include "cluster/rival.h"
#include "cluster/token.h"

#include <stdlib.h>

struct cluster *cluster_new(struct server *server)
{
	struct cluster *c = mem_new(struct cluster);
	c->server = server;
	c->peers = peers_new();
	c->members = members_new();
	c->coworker_queries = coworker_queries_new();
	c->elsewhere = elsewhere_new();
	c->tokens = tokens_new();
	c->rechecks.room = RIVAL_RECHECKS_MAX;
	c->pulls = map_new();
	c->pushes = map_new();
	unproven_init(&c->unproven_pulls, UNPROVEN_PULLS_MAX, UNPROVEN_PULLS_MAX / UNPROVEN_SHARE);
	unproven_init(&c->unproven_queries, UNPROVEN_QUERIES_MAX,
		      UNPROVEN_QUERIES_MAX / UNPROVEN_SHARE);
	c->observer.on_gap = pulls_on_gap;
	registry_observe(&server->registry, &c->observer);
	return c;
}

void cluster_free(struct cluster **cluster)
{
	struct cluster *c = *cluster;
	*cluster = NULL;
	if (!c)
		return;
	registry_unobserve(&c->server->registry, &c->observer);
	map_free(&c->pulls);
	map_free(&c->pushes);
	coworker_queries_free(&c->coworker_queries);
	elsewhere_free(&c->elsewhere);
	tokens_free(&c->tokens);
	members_free(&c->members);
	peers_free(&c->peers);
	unproven_fini(&c->unproven_queries);
	unproven_fini(&c->unproven_pulls);
	free(c);
}

struct peers *cluster_peers(const struct cluster *cluster)
{
	return cluster->peers;
}
