/* inside - what the files of this layer share. Not for other layers. Layer: cluster. */
#pragma once
#include "base/map.h"
#include "node/server.h"

struct cluster {
	struct upstreams *upstreams; /* health of the origins we use: upstream.h */
	struct members *members; /* who is behind the names of origins and coworkers: members.h */
	struct mesh *mesh;       /* questions to coworkers and answers kept: coworker.h */
	struct map *pulls;       /* source key -> struct pull */
};
