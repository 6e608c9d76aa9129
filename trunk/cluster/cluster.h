/* cluster - what this layer keeps for a process, made and freed in one place. Layer: cluster.
 * `struct server` has it as a pointer that only this layer follows (cluster/inside.h). */
#pragma once

struct cluster;
struct peers;
struct server;
/* Keeps the server, borrowed: its configuration, statistics and coroutines are the cluster's too. */
struct cluster *cluster_new(struct server *server);
/* The records of other servers; see peer.h. */
struct peers *cluster_peers(const struct cluster *cluster);
/* When all coroutines of sessions and services have ended. NULL is fine; clears. */
void cluster_free(struct cluster **cluster);
