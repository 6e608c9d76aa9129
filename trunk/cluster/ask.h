/* ask - asks the APIs of several servers at once. Layer: cluster. */
#pragma once
#include "node/json.h"
#include "node/server.h"

enum { ASKS_MAX = 256, ASK_ANSWER_MAX = 2 * 1024 * 1024 };

struct ask {
	/* asked */
	char *api;    /* "host:port"; owned */
	char *target; /* owned */
	int tag;      /* the caller's */
	/* answered */
	err result; /* OK: it answered, whatever it said */
	int status;
	json_t *answer; /* of status 200; NULL when it is not JSON */
	int64_t ms;     /* until the answer */
	char why[160];  /* it did not: a sentence */
	/* while asking */
	struct asks *asks;
	const char *method;
	int64_t deadline;
	struct co *co;
};

struct asks {
	struct server *server;
	struct ask *v;
	int count, room;
	int running;
	bool enough; /* an answer was what is looked for: the others are not waited for */
	bool (*is_enough)(const struct ask *ask);
	struct co *lead;
};

/* One more; takes both texts. NULL when there are too many (the texts are freed). Not valid after
 * the next one was added. */
struct ask *asks_add(struct asks *asks, char *api, char *target);
/* All at once, signed if there is a secret, until all have answered, one was enough or the
 * deadline has passed. */
void asks_run(struct asks *asks, const char *method, int64_t deadline) BLOCKS;
void asks_fini(struct asks *asks);
