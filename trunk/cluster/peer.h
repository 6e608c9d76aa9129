/* peer - what is known of another server, by the "host:port" at which it is reached. Layer: cluster.
 *
 * One record for each address that this process has had to do with: origins over RTMP or HTTP-FLV,
 * coworkers at their APIs, and addresses that were found to be this server itself. A record is made at
 * first sight and lives as long as the process; the names come from the configuration, from the resolver
 * and from servers that we trust. (By which id a server wants requests to be signed is kept where they
 * are signed, node/sign.h, and connections that may be used again in http/pool.h: both are below.) */
#pragma once
#include "base/err.h"
#include "base/map.h"
#include "net/addr.h"
#include <stdint.h>

struct peer {
	char *name;   /* "host:port" to connect to, see members.h */
	int priority; /* of an SRV target; lower ones are tried first */
	int weight;   /* likewise: its share among those of one priority */
	/* health */
	int failures;       /* in a row */
	int64_t retry_ms;   /* not before; monotonic */
	int64_t connect_ms; /* how long the last connect took */
	int64_t last_ok_ms, last_failure_ms;
	int64_t no_answer_ms; /* it last left a question about a client unanswered then, for which it is no worse at
				 anything else (cluster/token.h); 0 */
	uint64_t failures_total;
	char reason[160]; /* of the last failure */
	/* who it is */
	bool is_origin;          /* streams are asked of it */
	bool met;                /* it has accepted a connection of ours */
	char api[ADDR_TEXT_MAX]; /* "ip:port" of its API; "" when it has not said */
	int64_t own_until_ms;    /* it is this server itself, which is believed until then */
	int64_t local_until_ms;  /* .is_local was looked up, which is believed until then */
	bool is_local;           /* its address is one of this host's */
};

struct peers;
struct peers *peers_new(void);
/* NULL is fine; clears. */
void peers_free(struct peers **peers);
/* Made at first sight. */
struct peer *peer_get(struct peers *peers, const char *name);
/* The same, or NULL for a name that has not been seen. */
struct peer *peer_known(const struct peers *peers, const char *name);
/* All of them: map_next() with .value a struct peer. */
struct map_iter peers_begin(const struct peers *peers);

/* It has accepted a connection, after so long. Trust returns slowly: the next failure of one that had
 * several waits longer than a first one. */
void peer_ok(struct peer *peer, int64_t connect_ms);
/* It has answered a request: whatever was before is over. True when it had failed before. */
bool peer_answered(struct peer *peer);
/* It waits before it is tried again, longer each time. What we lack ourselves (ERR_LOCAL) is no failure of
 * the peer. */
void peer_failed(struct peer *peer, err e, const char *reason);
