/* inside - what the files of this layer share. Not for other layers. Layer: cluster. */
#pragma once
#include "base/map.h"
#include "cluster/unproven.h"
#include "co/gate.h"
#include "node/server.h"

struct link_ops;

enum {
	UNPROVEN_PULLS_MAX = 512,
	UNPROVEN_QUERIES_MAX = 1024,
	UNPROVEN_SHARE = 2, /* one address may have so large a part of them */
};

struct cluster {
	struct server *server;   /* borrowed */
	struct peers *peers;     /* what is known of other servers, by "host:port" */
	struct members *members; /* who is behind the names of origins and coworkers */
	struct coworker_queries *coworker_queries; /* to coworkers, in flight, and answers kept */
	struct elsewhere *elsewhere;               /* coworkers that take our clients */
	struct tokens *tokens;                     /* what origins say about clients */
	struct gate rechecks;                      /* looks of rivals that are not urgent */
	struct map *pulls;                         /* source key -> struct pull */
	struct map *pushes; /* source key -> struct push, a list; the first is shown */
	struct unproven unproven_pulls, unproven_queries;
	const struct link_ops *instead; /* of every protocol of upstream links: for tests */
	struct source_observer observer;
};

/* The operations by which this cluster uses links of that protocol. */
static inline const struct link_ops *cluster_link(const struct cluster *cluster,
						  const struct link_ops *ops)
{
	return cluster->instead ? cluster->instead : ops;
}
