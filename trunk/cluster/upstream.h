/* upstream - choosing one of several origins. Layer: cluster.
 *
 * Health is kept per process and origin: what failed waits (backoff with jitter) while others
 * serve. Among the healthy ones the order of a stream follows from rendezvous hashing of its
 * name, so that all edges ask the same origin first and the loss of one moves only its share. The
 * weights of SRV targets make the shares. */
#pragma once
#include "cluster/member_list.h"
#include "cluster/peer.h"
#include "conf/conf.h"
#include "net/addr.h"
#include "node/server.h"

/* Origins in the order in which a stream tries them. Begins as zeroed memory. */
struct upstreams {
	int count, room;
	struct peer **v; /* the peers are borrowed */
};
void upstreams_fini(struct upstreams *list);

/* Notes and counts the loss of a server in use, which may be one that a redirect named. */
void upstream_lost(struct cluster *cluster, const char *name, err e);

/* What for: streams are sent to servers of their own where vhost.cluster.push_origin names some. */
enum upstream_use { UPSTREAM_FETCHES, UPSTREAM_SENDS };

/* Fills an empty list with the origins that the current configuration has for the vhost, in the order in which this
 * stream tries them: healthy ones by rendezvous, then the others by the time at which they may be tried. `kind`: the
 * protocol over which they are to be asked. Blocks only while a name has never been resolved. */
void upstreams_order(struct upstreams *list, struct cluster *cluster,
		     const struct conf_vhost *vhost, enum member_kind kind, enum upstream_use use,
		     const char *key) BLOCKS;
void upstreams_add(struct upstreams *list, struct peer *peer);
/* The same order for those that are in the list. */
void upstreams_sort(struct upstreams *list, const char *key);
/* Moves one to the end of the list, if it is in it; the order of the others stays. */
void upstreams_put_last(struct upstreams *list, const struct peer *last);
/* NULL is fine. */
void upstreams_remove(struct upstreams *list, const struct peer *gone);
enum { UPSTREAM_ROUND_MS = 100 };
/* When to ask again after a round without success, for what was lost at `since_ms`: the wait grows with
 * the age of the loss, and is spread out; it is never shorter than half of UPSTREAM_ROUND_MS. */
int64_t upstream_retry_at(int64_t since_ms);
/* Of the origins that were asked so far each has failed, and waits before it is tried again. */
bool upstreams_are_down(const struct cluster *cluster);
