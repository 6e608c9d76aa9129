/* arrivals - how fast connections may come: from one address, and all together. Layer: node.
 * Buckets that fill up again: a burst at once, and a rate in the long run. IPv6 addresses count by their
 * /64, which is what one person has. */
#pragma once
#include "base/addr.h"

#include <stdint.h>

/* Connections per second and at once; 0 per second: no limit. */
struct arrival_rate {
	int per_s, burst;
};

struct arrivals;
struct arrivals *arrivals_new(void);
void arrivals_free(struct arrivals **arrivals);
/* True, and taken: one more of that address may come now. Else it is counted. Memory is bounded: of very many
 * addresses those that come least often are forgotten first. */
bool arrivals_of_address(struct arrivals *arrivals, const struct addr *addr,
			 struct arrival_rate rate);
/* The same for a listener, by its name, of which there are few. */
bool arrivals_at_listener(struct arrivals *arrivals, const char *name, struct arrival_rate rate);
/* Those that were too many so far. */
uint64_t arrivals_refused(const struct arrivals *arrivals);
