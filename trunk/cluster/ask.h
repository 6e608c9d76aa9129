/* ask - asks the APIs of several servers at once, with one deadline, each over a connection that is
 * kept for the next question. Layer: cluster.
 * The caller says which servers are asked for what, and what their answers mean: coworker_query.h (who has a
 * stream), api/view.h (what each of them knows). */
#pragma once
#include "base/budget.h"
#include "base/map.h"
#include "node/json.h"
#include "node/server.h"

enum {
	ASKS_MAX = 2048,
	ASKS_AT_ONCE = 256,   /* connections at a time */
	ASKS_PER_HOST = 32,   /* untrusted ones at one address */
	ASK_VALUE_BYTES = 8,  /* an answer with a value in fewer bytes is nonsense … */
	ASK_VALUES_FREE = 64, /* … unless it is as small as that */
	ASK_ANSWER_MAX = 8 * 1024 * 1024,
	ASK_UNTRUSTED_MAX = 256 * 1024,
	ASK_SHORT_MAX = 8192, /* of what is answered in a few words */
};

/* All that is told of an untrusted one that gave no answer: what was found at its port is not for those
 * who may have chosen it. */
#define ASK_NO_ANSWER "it gave no answer"

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
	struct ask *prev, *next; /* of those that have answered and were not handed out */
	struct asks *asks;
	struct co *co;
	struct buf body;    /* of the answer, until it is handed out */
	struct quota quota; /* what the answer takes until it was looked at */
	bool in_turn;       /* it is long, and the one that is looked at now */
};

/* Zeroed memory, apart from `server` and what is wanted of the rest. */
struct asks {
	struct server *server;
	const char *method;
	const char *vhost;     /* whose secret signs; NULL: any */
	const char *headers;   /* of each request, "K: v\r\n…"; NULL: none */
	int64_t deadline;      /* of the requests: each fails at the latest then */
	size_t answer_max;     /* 0: ASK_ANSWER_MAX */
	struct budget *budget; /* for answers that were not looked at yet; NULL: none */
	/* who is asked */
	struct ask *v;
	int count, room;
	struct map *index; /* "tag api" */
	struct map *hosts; /* of untrusted ones, to how many of them there are */
	/* while asking */
	int started, running;
	struct ask *short_answers, *long_answers;
	struct ask *current; /* handed out last */
	struct co *asker;
};

enum ask_whom { ASK_TRUSTED, ASK_UNTRUSTED };
/* One more; takes both texts. NULL when there are too many, or too many untrusted ones at that address
 * (the texts are freed). Not valid after the next one was added. */
struct ask *asks_add(struct asks *asks, int tag, enum ask_whom whom, char *api, char *target);
/* NULL when it is not asked. */
struct ask *asks_find(const struct asks *asks, int tag, const char *api);
/* The next one that has answered or failed: all are asked at once, signed if there is a secret. What it
 * holds may be changed, and stays until asks_fini(). ERR_TIMEOUT when none has by the deadline,
 * ERR_ENDED when all were handed out. The first call begins; whoever has heard enough calls it no more. */
err asks_next(struct asks *asks, struct ask **reply, int64_t deadline) BLOCKS;
/* Those that have not answered are left; zeroed memory is fine. */
void asks_fini(struct asks *asks) BLOCKS;
