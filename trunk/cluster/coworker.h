/* coworker - asks the other origins who has a stream. Layer: cluster.
 * All are asked at once over their HTTP APIs, with one short deadline; the first "here" wins. One
 * question per stream is in flight, and its answer is kept for a moment. */
#pragma once
#include "codec/url.h"
#include "net/addr.h"
#include "node/server.h"

enum { COWORKER_ANSWERS_MAX = 16 };

struct coworker_answer {
	char rtmp[HOST_MAX + 8];     /* "host:port" to redirect to */
	char http[HOST_MAX + 8];     /* "host:port" of its HTTP server; "" when it did not say */
	char coworker[HOST_MAX + 8]; /* who said so: the member that was asked */
	char server[64];             /* its server id; "" when it did not say, as SRS */
	char service[16];            /* the id of its start; "" likewise */
	int64_t since_ms;            /* wall time at which the publish began there; 0 likewise */
	int64_t silent_ms;           /* how long its publisher has sent nothing */
	int64_t unanswered_ms;       /* how long a ping to it has not been answered */
};

struct mesh *mesh_new(void);
void mesh_free(struct mesh **mesh);
/* OK and the answer, or ERR_NOTFOUND when nobody has it. */
err coworker_find(struct server *server, const struct conf_vhost *vhost,
		  const struct target *target, struct coworker_answer *answer) BLOCKS;
/* The same without a look at kept answers: for whoever has reason to doubt them. */
err coworker_find_fresh(struct server *server, const struct conf_vhost *vhost,
			const struct target *target, struct coworker_answer *answer) BLOCKS;
/* All who have it, asked anew by somebody who has it too (they look who was first, see rival.h).
 * Returns the count; those who do not answer in time do not count. */
int coworker_find_all(struct server *server, const struct conf_vhost *vhost,
		      const struct target *target,
		      struct coworker_answer out[static COWORKER_ANSWERS_MAX]) BLOCKS;
/* Forgets what is known of a stream: it is published here now, or the answer was wrong. */
void coworker_forget(struct server *server, const char *key);
