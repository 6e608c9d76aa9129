/* unproven - how much may be under way of what strangers have started and nothing has come of yet.
 * Layer: cluster.
 *
 * Anybody can ask for names that nobody publishes, and each makes a pull, or a query to all coworkers:
 * so many at a time in all, and so many for one address. A pull counts until media comes, a query
 * until it is answered. */
#pragma once
#include "base/map.h"
#include "net/addr.h"
#include <stdint.h>

struct unproven {
	int max, per_address; /* the limits */
	int count;
	struct map *by_address; /* ip -> struct unproven_address */
	uint64_t refused;
};
void unproven_init(struct unproven *u, int max, int per_address);
void unproven_fini(struct unproven *u);

/* What one of them has taken. Zeroed memory is fine. */
struct unproven_pass {
	struct unproven *from;
	struct unproven_address *address;
};
/* `from` is the address of the client that has asked; NULL when that was nobody in particular. False:
 * there are too many, which is counted. */
bool unproven_enter(struct unproven *u, struct unproven_pass *pass, const struct addr *from);
/* A second time does nothing. */
void unproven_leave(struct unproven_pass *pass);
