/* ask - asks the APIs of several servers at once, with one deadline, each over a connection that is
 * kept for the next question. Layer: cluster.
 * Who is asked for what, and what an answer means, is the caller's business: inquiry.h (who has a
 * stream), api/view.h (what each of them knows). */
#pragma once
#include "base/budget.h"
#include "base/map.h"
#include "node/json.h"
#include "node/server.h"

enum {
	ASKS_MAX = 2048,
	ASKS_AT_ONCE = 256,   /* connections of one round of questions */
	ASKS_PER_HOST = 32,   /* strangers at one address */
	ASK_VALUE_BYTES = 8,  /* an answer with a value in fewer bytes is rubbish … */
	ASK_VALUES_FREE = 64, /* … unless it is as small as that */
	ASK_ANSWER_MAX = 8 * 1024 * 1024,
	ASK_UNTRUSTED_MAX = 256 * 1024,
	ASK_SHORT_MAX = 8192, /* of what is answered in a few words */
};

struct ask {
	/* asked */
	char *api;      /* "host:port"; owned */
	char *target;   /* owned */
	int tag;        /* the caller's */
	bool untrusted; /* anybody may have said that there is this API: its answer is a small one */
	/* answered */
	err result; /* OK: it answered, whatever it said */
	int status;
	json_t *answer; /* of a good status; NULL when it is not JSON */
	int64_t ms;     /* until the answer */
	char why[160];  /* there is no answer: a sentence */
	/* while asking */
	struct asks *asks;
	struct co *co;
	bool in_turn;       /* its answer is long, and the one that is looked at now */
	struct quota quota; /* what its answer takes until on_answer() has seen it */
};

/* Zeroed memory, apart from `server` and what is wanted of the rest. */
struct asks {
	struct server *server;
	const char *vhost;     /* whose secret signs; NULL: any */
	const char *headers;   /* of each request, "K: v\r\n…"; NULL: none */
	size_t answer_max;     /* 0: ASK_ANSWER_MAX */
	struct budget *budget; /* for answers that were not looked at yet; NULL: none */
	/* One has answered or failed, at the latest by the deadline; those that are left behind earlier
	 * are not told of. True: this is what is looked for, and the others have late_ms to answer too, so
	 * that the connections to them can be kept. Called in a coroutine of its own; may yield, no
	 * more. NULL: all are waited for. It may put something smaller in the place of the answer. */
	bool (*on_answer)(struct ask *ask);
	int64_t late_ms;
	/* who is asked */
	struct ask *v;
	int count, room;
	struct map *index; /* "tag api" */
	struct map *hosts; /* of strangers, to how many of them there are */
	/* while asking */
	int started;
	const char *method;
	int64_t deadline, until; /* of the requests; of the wait for them */
	int running;
	struct co *lead;
};

enum ask_whom { ASK_TRUSTED, ASK_UNTRUSTED };
/* One more; takes both texts. NULL when there are too many, or too many strangers at that address
 * (the texts are freed). Not valid after the next one was added. */
struct ask *asks_add(struct asks *asks, int tag, enum ask_whom whom, char *api, char *target);
/* NULL when it is not asked. */
struct ask *asks_find(const struct asks *asks, int tag, const char *api);
/* All at once, signed if there is a secret, until all have answered, one was enough or the
 * deadline has passed. */
void asks_run(struct asks *asks, const char *method, int64_t deadline) BLOCKS;
void asks_fini(struct asks *asks);
