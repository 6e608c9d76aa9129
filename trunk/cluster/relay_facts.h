/* relay_facts - what a pull or push tells of itself, for the API. Layer: cluster. */
#pragma once
#include "live/source.h"
#include "node/server.h"

struct upstream_conn;

struct relay_facts {
	const char *kind;      /* "pull", "push" */
	char peer[300];        /* "host:port" */
	int64_t since_wall_ms; /* on this peer */
	uint64_t switches;
	char reason[256];            /* of the last switch; "" */
	char id[9];                  /* of the pull or push, as it tells the peer */
	char node[SIGN_ID_MAX];      /* the peer's process; "" when it does not say */
	char api[ADDR_TEXT_MAX];     /* "ip:port" of the peer's API; "" likewise */
	const struct cursor *cursor; /* of a push */
};

/* Of the push or else the pull of that source; NULL when it has neither. Borrowed until the next
 * wait. */
const struct relay_facts *relay_facts_get(const struct cluster *cluster,
					  const struct source *source);
/* For the pull or push whose coroutine this is: who its peer says that it is. */
void relay_facts_meet(struct relay_facts *facts, const struct upstream_conn *up);
