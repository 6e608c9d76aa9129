/* coworker - which of the other origins has a stream. Layer: cluster.
 * The one that had it last is asked first (coworker_last.h), then all at once (coworker_query.h); the first one that
 * has it is the answer. One query per stream is in flight, and its answer is kept for a moment. */
#pragma once
#include "cluster/coworker_answer.h"
#include "codec/url.h"
#include "node/server.h"

enum {
	COWORKER_ANSWERS_MAX = 16,
	COWORKER_FRESH_MS = 200, /* so old may be an answer that counts as fresh */
};

/* COWORKER_FRESH for whoever has seen a kept answer to be wrong: asked anew, or a moment ago for another
 * one like that. COWORKER_EXACT: who has it by this very name, not without a known extension (codec/url.h). */
enum coworker_want { COWORKER_KEPT, COWORKER_FRESH, COWORKER_EXACT };

struct coworker_queries *coworker_queries_new(void);
void coworker_queries_free(struct coworker_queries **queries);
/* OK and the answer; ERR_NOTFOUND when nobody has it, and answer->absent_at; ERR_FULL when there is no memory to ask
 * them. `from` is the address of the client that wants to know, of which so many are asked at a time; NULL: none. */
err coworker_find(struct cluster *cluster, const struct conf_vhost *vhost,
		  const struct target *target, enum coworker_want want, const struct addr *from,
		  struct coworker_answer *answer) BLOCKS;
/* The answers of all coworkers. */
struct coworker_poll {
	int count;   /* of those who have it */
	int missing; /* of those who did not answer in time: they may have it */
	struct coworker_answer answers[COWORKER_ANSWERS_MAX];
};
/* Asked anew by a server that has it too (which of them was first, see rival.h). Into zeroed memory,
 * which is too large for a coroutine's stack. */
void coworker_find_all(struct cluster *cluster, const struct conf_vhost *vhost,
		       const struct target *target, struct coworker_poll *out) BLOCKS;
/* Forgets what is known of a stream: the answer was wrong. */
void coworker_forget(struct cluster *cluster, const char *key);
/* The same, for it is published here now: those who wait for an answer go on at once, with ERR_NOTFOUND. */
void coworker_begins_here(struct cluster *cluster, const char *key);
