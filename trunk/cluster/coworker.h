/* coworker - which of the other origins has a stream. Layer: cluster.
 * All are asked at once (inquiry.h), with one short deadline; the first "here" wins. One question per
 * stream is in flight, and its answer is kept for a moment. */
#pragma once
#include "cluster/coworker_answer.h"
#include "codec/url.h"
#include "node/server.h"

enum {
	COWORKER_ANSWERS_MAX = 16,
	COWORKER_FRESH_MS = 200, /* so old may be what is told to those who doubt */
};

struct coworker_queries *coworker_queries_new(void);
void coworker_queries_free(struct coworker_queries **mesh);
/* OK and the answer, or ERR_NOTFOUND when nobody has it. */
err coworker_find(struct cluster *cluster, const struct conf_vhost *vhost,
		  const struct target *target, struct coworker_answer *answer) BLOCKS;
/* The same for whoever has reason to doubt kept answers: asked anew, or a moment ago by another one who
 * doubted. */
err coworker_find_fresh(struct cluster *cluster, const struct conf_vhost *vhost,
			const struct target *target, struct coworker_answer *answer) BLOCKS;
/* What all have said. */
struct coworker_poll {
	int count;   /* of those who have it */
	int missing; /* of those who did not answer in time: they may have it */
	struct coworker_answer answers[COWORKER_ANSWERS_MAX];
};
/* Asked anew by somebody who has it too (they look who was first, see rival.h). Into zeroed memory, which
 * is too large for a coroutine's stack. */
void coworker_find_all(struct cluster *cluster, const struct conf_vhost *vhost,
		       const struct target *target, struct coworker_poll *out) BLOCKS;
/* Forgets what is known of a stream: it is published here now, or the answer was wrong. */
void coworker_forget(struct cluster *cluster, const char *key);
