#include "cluster/relay_facts.h"
#include "cluster/inside.h"
#include "cluster/pull.h"
#include "cluster/push.h"
#include "cluster/upstream_connect.h"

#include <stdio.h>

/* While there is a push, a publisher of this server feeds the source, and a pull rests. */
const struct relay_facts *relay_facts_get(const struct cluster *cluster,
					  const struct source *source)
{
	const struct push *push = map_get(cluster->pushes, source->key);
	const struct pull *pull = map_get(cluster->pulls, source->key);
	return push ? push_facts(push) : pull ? &pull->facts : NULL;
}

void relay_facts_meet(struct relay_facts *facts, const struct upstream_conn *up)
{
	snprintf(facts->id, sizeof(facts->id), "%s", co_id());
	snprintf(facts->node, sizeof(facts->node), "%s", up->peer.node);
	snprintf(facts->api, sizeof(facts->api), "%s", up->api);
}
