/* inquiry - asks all coworkers of a vhost at once who has a stream, in the words of SRS.
 * Layer: cluster. What each says is also noted as its health; this server itself, should it be among
 * them, gives no answer. coworker.c says when to ask and keeps what was said. */
#pragma once
#include "cluster/ask.h"
#include "cluster/coworker_answer.h"
#include "codec/url.h"

struct inquiry {
	struct cluster *cluster;
	const char *vhost; /* its name */
	const struct text_list *coworkers;
	char *query; /* from inquiry_query() */
	int64_t deadline;
	/* One of them has it. True: the others are left after late_ms. Called in a coroutine of its own;
	 * must not block. */
	bool (*on_here)(struct inquiry *inquiry, const struct coworker_answer *answer);
	int64_t late_ms;
	int missing;      /* afterwards: so many have given no answer, for whatever reason */
	struct asks asks; /* its own */
};

/* The query about that stream, without whom it is asked of. With `rival` the asker says that it has
 * the stream itself, and under which service id. malloc'ed. */
char *inquiry_query(const char *vhost, const struct target *target, const char *rival);
/* Until all have answered, on_here() has had enough, or the deadline has passed. The memory of the
 * caller's texts must stay. */
void inquiry_run(struct inquiry *inquiry) BLOCKS;
