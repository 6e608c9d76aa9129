/* upstream - choosing one of several origins. Layer: cluster.
 *
 * Health is kept per process and origin: what failed waits (backoff with jitter) while others
 * serve. Among the healthy ones the order of a stream follows from rendezvous hashing of its
 * name, so that all edges ask the same origin first and the loss of one moves only its share. The
 * weights of SRV targets make the shares. */
#pragma once
#include "cluster/member_list.h"
#include "conf/conf.h"
#include "net/addr.h"
#include "node/server.h"

enum { UPSTREAMS_MAX = 64 };

struct upstream {
	char *name;         /* "host:port" to connect to, see members.h */
	int priority;       /* of an SRV target; lower ones are tried first */
	int weight;         /* likewise: its share among those of one priority */
	int failures;       /* in a row */
	int64_t retry_ms;   /* not before; monotonic */
	int64_t connect_ms; /* how long the last connect took */
	int64_t last_ok_ms, last_failure_ms;
	uint64_t failures_total;
	char reason[160];        /* of the last failure */
	bool met;                /* it has accepted a connection of ours */
	char api[ADDR_TEXT_MAX]; /* "ip:port" of its API; "" when it has not said */
};

struct upstreams *upstreams_new(void);
void upstreams_free(struct upstreams **upstreams);
/* Made at first sight; lives as long as the process. */
struct upstream *upstream_get(struct upstreams *upstreams, const char *name);
/* The same, or NULL for a name that has not been seen. */
struct upstream *upstream_known(struct upstreams *upstreams, const char *name);
/* All that this server has seen: map_next() with .value a struct upstream. */
struct map_iter upstreams_begin(const struct cluster *cluster);
void upstream_ok(struct upstream *up, int64_t connect_ms);
/* What we lack ourselves (ERR_LOCAL) is no failure of the origin. */
void upstream_failed(struct upstream *up, err e, const char *reason);
/* The same for the server in use, which may be one that a redirect named; it is counted, too. */
void upstream_lost(struct cluster *cluster, const char *name, err e);

/* The origins that the current configuration has for the vhost, in the order in which this stream
 * tries them: healthy ones by rendezvous, then the others by the time at which they may be tried.
 * `kind`: the protocol over which they are to be asked. Blocks only while a name has never been resolved. Returns
 * the count (at most UPSTREAMS_MAX). */
int upstream_order(struct cluster *cluster, const struct conf_vhost *vhost, enum member_kind kind,
		   const char *key, struct upstream *out[static UPSTREAMS_MAX]) BLOCKS;
/* The same for known ones: sorts them. */
void upstream_sort(struct upstream **list, int count, const char *key);
/* Moves one to the end of the list, if it is in it; the order of the others stays. */
void upstream_put_last(struct upstream **list, int count, const struct upstream *last);
/* Takes one out and returns the new count. */
int upstream_remove(struct upstream **list, int count, const struct upstream *gone);
/* When to ask again after a round without success, for what was lost at `since_ms`: the wait grows with
 * the age of the loss, and is spread out. */
int64_t upstream_retry_at(int64_t since_ms);
