/* ask - asks the APIs of several servers at once, with one deadline, each over a connection that is
 * kept for the next question. Layer: cluster.
 * Who is asked for what, and what an answer means, is the caller's business: inquiry.h (who has a
 * stream), api/view.h (what each of them knows). */
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
	json_t *answer; /* of a good status; NULL when it is not JSON */
	int64_t ms;     /* until the answer */
	char why[160];  /* there is no answer: a sentence */
	/* while asking */
	struct asks *asks;
	struct co *co;
};

/* Zeroed memory, apart from `server` and what is wanted of the rest. */
struct asks {
	struct server *server;
	const char *vhost;   /* whose secret signs; NULL: any */
	const char *headers; /* of each request, "K: v\r\n…"; NULL: none */
	size_t answer_max;   /* 0: ASK_ANSWER_MAX */
	/* One has answered or failed, at the latest by the deadline; those that are left behind earlier are
	 * not told of. True: this is what is
	 * looked for, and the others have late_ms to answer too, so that the connections to them can
	 * be kept. Called in a coroutine of its own; must not block. NULL: all are waited for. */
	bool (*on_answer)(struct ask *ask);
	int64_t late_ms;
	/* who is asked */
	struct ask *v;
	int count, room;
	/* while asking */
	const char *method;
	int64_t deadline, until; /* of the requests; of the wait for them */
	int running;
	struct co *lead;
};

/* One more; takes both texts. NULL when there are too many (the texts are freed). Not valid after
 * the next one was added. */
struct ask *asks_add(struct asks *asks, char *api, char *target);
/* All at once, signed if there is a secret, until all have answered, one was enough or the
 * deadline has passed. */
void asks_run(struct asks *asks, const char *method, int64_t deadline) BLOCKS;
void asks_fini(struct asks *asks);
