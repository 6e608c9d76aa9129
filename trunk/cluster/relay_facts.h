/* relay_facts - what a pull or push tells of itself, for the API. Layer: cluster. */
#pragma once
#include "net/addr.h"
#include "node/sign.h"

struct cursor;
struct link;

/* The stream has no media, or no origin that takes it. */
struct relay_loss {
	int64_t since_ms; /* monotonic; 0: it has */
	int rounds;       /* so often all origins were asked since then, in vain */
};

struct relay_facts {
	const char *kind;      /* "pull", "push" */
	char peer[300];        /* "host:port" */
	int64_t since_wall_ms; /* on this peer */
	uint64_t switches;
	char reason[256];        /* of the last switch; "" */
	char id[9];              /* of the pull or push, as it tells the peer */
	char node[SIGN_ID_MAX];  /* the peer's process; "" when it does not say */
	char api[ADDR_TEXT_MAX]; /* "ip:port" of the peer's API; "" likewise */
	struct relay_loss loss;
	const struct cursor *cursor; /* of a push */
};

/* For the pull or push whose coroutine this is: it goes on with the peer of that link, which is its
 * first one, the one before, or another one. */
enum relay_meeting { MEET_FIRST, MEET_SAME, MEET_OTHER };
enum relay_meeting relay_facts_meet(struct relay_facts *facts, const struct link *link);
