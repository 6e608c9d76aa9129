/* coworker_query - asks all coworkers of a vhost at once, or one of them, who has a stream, in the words of SRS, and
 * hands out those that have it as they answer. Layer: cluster. What each says is also noted as its
 * health; this server itself, should it be among them, gives no answer. coworker.c says when to ask and
 * keeps what was said. */
#pragma once
#include "cluster/ask.h"
#include "cluster/coworker_answer.h"
#include "codec/url.h"

struct cluster;

/* Zeroed memory, apart from `whoever`, `exact`, `only` and `failed_since`. */
struct coworker_query {
	struct cluster *cluster;
	struct asks asks;
	int missing;      /* so many have given no answer yet */
	int absent;       /* so many have said that they do not have it */
	int late;         /* so many have not answered in time that had answered a moment before */
	int64_t began_ms; /* monotonic */
	bool exact; /* set before it begins: not the stream whose name is this one without a known extension */
	const char *only;     /* set before it begins: this member alone; NULL: all */
	int64_t failed_since; /* set before it begins: those alone that have (monotonic); 0: all */
	bool whoever; /* set before it begins: those are handed out, too, that do not have the stream */
};

/* With `rival` the asker says that it has the stream itself, and under which service id; NULL: it has
 * not. `vhost` is asked about until coworker_query_end(). */
void coworker_query_begin(struct coworker_query *query, struct cluster *cluster,
			  const struct conf_vhost *vhost, const struct target *target,
			  const char *rival) BLOCKS;
/* The next one that has the stream. ERR_TIMEOUT when none has said so by the deadline; ERR_ENDED when all
 * have answered, or failed to in the vhost's query_timeout. */
err coworker_query_next(struct coworker_query *query, struct coworker_answer *answer,
			int64_t deadline) BLOCKS;
void coworker_query_end(struct coworker_query *query) BLOCKS;
