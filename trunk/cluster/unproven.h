/* unproven - how much may be under way of what anybody can start and nothing has come of yet.
 * Layer: cluster.
 *
 * Anybody can ask for names that nobody publishes, and each makes a pull, or a query to all coworkers: so
 * many at a time in all, and so many for one address; the others wait for their turn, so that an edge that
 * is asked for a thousand streams at once gets them all. A pull counts until media comes, a query until it
 * is answered. How many wait is bounded by the clients that do: what they began ends with them. */
#pragma once
#include "base/map.h"
#include "co/co.h"
#include "net/addr.h"

struct unproven {
	int max, per_address; /* the limits */
	int count;
	struct map *by_address; /* ip -> struct unproven_address */
	struct unproven_waiter *waiters;
};
void unproven_init(struct unproven *u, int max, int per_address);
/* When nobody has a pass any more. */
void unproven_fini(struct unproven *u);

/* The place of one of them, or its wait for one. Zeroed memory is fine. */
struct unproven_pass {
	struct unproven *from;
	struct unproven_address *address;
	bool counts;
};
/* Begins one for a client at that address; NULL: for nobody in particular. */
void unproven_begin(struct unproven *u, struct unproven_pass *pass, const struct addr *from);
/* Waits until there is room for it. An error only when the caller is stopped. */
err unproven_wait(struct unproven_pass *pass) BLOCKS;
/* It is over, or proven. A second time does nothing. */
void unproven_end(struct unproven_pass *pass);
