/* walk - goes through what this server has in slices: with thousands of streams and players, others have turns in
 * between. Layer: topology. Clients have a cursor for that, see node/stat.h. */
#pragma once
#include "node/server.h"

/* What is done with one: it is looked at, a question is written, a node of a view is made. */
enum { WORK_LOOK = 1, WORK_ASK = 4, WORK_NODE = 16 };

/* Zeroed memory. */
struct slice {
	int work; /* since others had a turn */
};
void slice_worked(struct slice *slice, int work) BLOCKS;

/* All sources that there are as it begins. Those that come meanwhile are not among them; those that end are. */
struct source_walk {
	struct source **v; /* one reference each */
	size_t count, next;
};
void source_walk_begin(struct source_walk *walk, const struct registry *registry);
/* Borrowed until the next one, also while others have turns; NULL behind the last. */
struct source *source_walk_next(struct source_walk *walk);
void source_walk_end(struct source_walk *walk);
