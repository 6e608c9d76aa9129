/* spawn - starts a program: without a shell, in a process group of its own, with nothing of ours open. Layer: child.
 *
 * Of our environment it has all but what is ours alone (SRS_…, and what systemd tells a service); its signals
 * are as at the start of a program, and it is killed when this process dies. */
#pragma once
#include "base/err.h"
#include <sys/types.h>

struct spawn_opts {
	char *const *argv; /* NULL behind the last; a name without '/' is looked up in PATH */
	const char *out_file, *err_file; /* gets its output, at the end; NULL: `pipe` does */
};

struct spawned {
	pid_t pid; /* and of its group */
	int pidfd; /* readable when it has ended */
	int out; /* readable, does not block: what it says, on both outputs; the caller's, as pidfd */
};

/* Blocks for the moment that a program takes to be loaded. ERR_NOTFOUND when there is no such program. */
err spawn(struct spawned *out, const struct spawn_opts *opts);
/* Ends all of its group: `number` is a signal. */
void spawn_kill(pid_t pid, int number);
/* Of one that has ended: what is left of its group is killed, and its status taken. */
int spawn_reap(pid_t pid);
