/* self - which members are this server itself: a list of coworkers may be the same for all of them.
 * Layer: cluster. */
#pragma once
#include "cluster/member_list.h"
#include "node/server.h"

/* Whether we listen at that address for what such members are asked for, or have met ourselves there
 * not long ago. `name` is a member's. */
bool self_is(const struct cluster *cluster, enum member_kind kind, const char *name);
/* This server itself has answered at that address, which is believed for a while. */
void own_address_add(struct cluster *cluster, const char *name);
