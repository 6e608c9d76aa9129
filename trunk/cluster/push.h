/* push - the stream of a local publisher goes on to an origin, whichever of them is there.
 * Layer: cluster. The publisher's session owns it and outlives it. */
#pragma once
#include "cluster/link.h"
#include "codec/url.h"
#include "node/server.h"

struct relay_facts;

struct push;
enum push_state {
	PUSH_TRYING,   /* asking origins for the first time */
	PUSH_ACCEPTED, /* an origin has taken it; another one is asked when that is lost */
	PUSH_REFUSED,  /* the first origin says no; over */
	PUSH_FAILED,   /* no origin could be had for too long; over */
	PUSH_SUPERSEDED, /* an origin that had taken it says that it was published elsewhere before; over */
	PUSH_ENDED, /* an origin that had taken it has ended it on purpose; over */
};

/* Asks origins. `co` is woken at changes: after PUSH_ACCEPTED the source may begin, and push_begin(). */
struct push *push_start(struct cluster *cluster, struct source *source,
			const struct conf_vhost *vhost, const struct target *target,
			const char *page_url, const char *swf_url, const char *path, struct co *co);
/* The id of the encoder where it was first; before the caller waits, else it is that of the caller. */
void push_set_trace(struct push *push, const char *trace);
/* The publisher has just begun to feed the source: what it publishes goes to the origin. NULL is fine. */
void push_begin(struct push *push);
enum push_state push_state(const struct push *push);
/* It is over, though the publisher has not left: push_refusal() says why. */
bool push_is_over(const struct push *push);
/* The origin's words, or why no origin could be had. */
const struct link_refusal *push_refusal(const struct push *push);
/* Borrowed as long as it lives. */
const struct relay_facts *push_facts(const struct push *push);
/* The publisher is leaving: a push by the next one waits until this one is over. NULL is fine. */
void push_leave(struct push *push);
/* Sends what is left, for a moment, and ends. NULL is fine; clears. */
void push_stop(struct push **push) BLOCKS;
