/* lives - the run of a load generator with a coroutine for each client: they start one after the other; when all run (or
 * have failed) and have warmed up, the measuring begins; at its end the figures stand. */
#pragma once
#include "bench.h"
#include "co/co.h"

/* What every client has in front. */
struct life {
	int index;
	bool runs, is_full;          /* is_full: of the sample that looks at everything */
	int64_t bytes, window_bytes; /* of media; what they were when the measuring began */
	int64_t worst_gap_us;
};

struct lives {
	struct life *(*at)(int index);
	void (*main)(void *life); /* of its coroutine; lives as long as the client does */
	int workers;              /* coroutines, the first so many clients; mostly opt.count */
	int64_t patience_ms;      /* for those that do not start */
	bool until_ended;         /* the measuring is from the first to the last one's end */
};

/* Returns when the measuring is over, or at a signal; the clients go on until the group is stopped. */
void lives_run(const struct lives *lives, struct co_group *group, struct result *result) BLOCKS;
/* It does what it is there for. */
void life_begins(struct life *life);
/* It has ended, before it began or after; the error says why, ERR_STOPPED is none. */
void life_ends(struct life *life, err e);
/* Of those that run still; the longest gaps go to the figures. */
struct rates lives_rates(const struct lives *lives, const struct result *result);
