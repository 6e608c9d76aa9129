/* places - how many connections there may be: in all, at one listener, from one address. Layer: node.
 * Every protocol takes a place for each of its connections and gives it back. */
#pragma once
#include "base/map.h"
#include "net/addr.h"

#include <stdint.h>

/* 0: no limit. */
struct place_limits {
	int all;
	int reserve; /* beyond that, for those who prove later that they may have one of these */
	int per_listener;        /* of `all` */
	int per_address;         /* of one IP address; the host's own are exempt */
	int reserve_per_address; /* of the reserve, likewise */
};

struct places {
	int count;          /* of all connections */
	struct map *counts; /* listener or address -> its connections */
	uint64_t refused;
};
void places_init(struct places *places);
void places_fini(struct places *places);

/* A connection's place. Zeroed: none. */
struct conn_place {
	struct places *places;
	bool is_reserved; /* there was only room in the reserve */
	struct place_count *listener, *address;
};
/* False, and counted: there is no room at all. `listener` names what is open, not who came. */
bool place_take(struct conn_place *place, struct places *places, const struct place_limits *limits,
		const char *listener, const struct addr *peer);
/* It is another server of the cluster that has proven it: its address's places are others' again. */
void place_prove(struct conn_place *place);
/* From now on it is that address's. False, and given back: that one has no room. */
bool place_hand_over(struct conn_place *place, const struct place_limits *limits,
		     const struct addr *peer);
/* Zeroed memory is fine; clears. */
void place_give(struct conn_place *place);
