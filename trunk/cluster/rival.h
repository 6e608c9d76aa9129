/* rival - one stream, one publisher in the whole cluster. Layer: cluster.
 *
 * Before a publish begins, the coworkers are asked (rival_find). Two publishers that arrive at the
 * same moment on two origins both find nobody; so each origin asks again a little later, and when
 * it is asked by one that has the stream too. All compare the same claims, and so come to the same
 * winner: a live publisher before a silent one, then who began first, then the smaller server id.
 * The others end their publishers.
 *
 * With coworkers that do not answer, the publish goes ahead, and is rechecked until they do: they are asked
 * about it again, more and more seldom, and soon when one answers again (members.h). So is everything that
 * is published when a new one joins. Rechecks are few at a time for all streams together. */
#pragma once
#include "cluster/coworker.h"

enum {
	RIVAL_PONG_MS = 700, /* a publisher that has not answered a ping for so long is not alive */
	RIVAL_RECHECKS_MAX = 16, /* rechecks at a time */
};

/* How strongly an origin claims a stream. */
struct claim {
	int64_t since_ms;      /* wall time; 0 (a server that does not say) is before everything */
	int64_t unanswered_ms; /* since the publisher was pinged, without a byte from it; else 0 */
	const char *server;    /* ids; "" when it does not say */
	const char *service;
};
/* The same at all origins that know the same claims. */
bool claim_beats(const struct claim *a, const struct claim *b);
struct claim claim_of(const struct coworker_answer *answer);

/* OK and who publishes it, or ERR_NOTFOUND. A publisher there that has gone silent is given a
 * moment to answer a ping; it does not count when it does not. */
err rival_find(struct cluster *cluster, const struct conf_vhost *vhost, const struct target *target,
	       struct coworker_answer *answer) BLOCKS;

/* The watch over a publish that has begun. `own` says what this server claims now; `lost` is
 * called, once, when another one is stronger. Both are called in a coroutine of the watch. */
struct rival;
struct rival_opts {
	struct cluster *cluster;
	const struct conf_vhost *vhost;
	const struct target *target; /* borrowed */
	struct claim (*own)(void *ctx);
	void (*lost)(void *ctx, const struct coworker_answer *to);
	void *ctx;
};
struct rival *rival_start(const struct rival_opts *opts);
/* Another origin says that it has the stream too: look again soon. NULL is fine. */
void rival_asked(struct rival *rival);
/* NULL is fine; clears. */
void rival_stop(struct rival **rival) BLOCKS;
