/* child - a program that is kept running beside the server until it is told to end. Layer: child.
 *
 * It is started again when it ends, at growing distances while it fails; one that fails again and again is
 * given up. What it says is kept, the last lines of it, for people; it costs the server no file. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "child/spawn.h"
#include "co/co.h"

#include <sys/types.h>

enum { CHILD_LINES = 20, CHILD_LINE_MAX = 240 };

enum child_state {
	CHILD_STARTING,
	CHILD_RUNNING,
	CHILD_WAITING,  /* until it is started again */
	CHILD_GIVEN_UP, /* it has failed too often in a row */
	CHILD_ENDING,   /* it was told to end */
};
const char *child_state_name(enum child_state state);

struct child;

/* All of a process. Zeroed memory is an empty set. */
struct children {
	struct child *head;
	int count;
	struct co *waiter;         /* in children_end() */
	uint64_t starts, failures; /* of all that have ever been */
};

struct child_opts {
	const char *kind;       /* "ingest"; a literal */
	const char *name;       /* of what it is for: "/live/livestream hd" */
	struct spawn_opts run;  /* what is started: nothing is read out of its words */
	struct co_group *group; /* of the coroutine that cares for it */
	int64_t first_wait_ms;  /* before it is started; 0 */
};

struct child_facts {
	enum child_state state;
	const char *kind, *name, *command;
	pid_t pid;             /* 0: it does not run */
	int64_t since_wall_ms; /* in this state */
	int starts, failures;  /* failures: in a row */
	const char *last_end;  /* "status 1", or why it could not start; "": it has not ended yet */
	int line_count;
	const char *lines[CHILD_LINES]; /* the last ones, oldest first */
};

/* Starts it in the background; copies everything. Never NULL. */
struct child *child_start(struct children *set, const struct child_opts *opts);
/* It is to end: its group gets TERM, and KILL two seconds later, in the background. Clears; NULL is fine. */
void child_end(struct child **child);
/* Borrowed until the next wait. */
void child_facts(const struct child *child, struct child_facts *out);
/* The next one of a set, the first for NULL. */
const struct child *child_next(const struct children *set, const struct child *child);
/* Whether it was started with those words, and its output goes to those files. */
bool child_runs(const struct child *child, const struct spawn_opts *run);
/* All are to end; waits until they have. */
void children_end(struct children *set) BLOCKS;
