/* spawn - starts a program with descriptors that it inherits, as systemd does (LISTEN_FDS). Layer: main. */
#pragma once
#include <sys/types.h>

enum { SPAWN_FDS_MAX = 64 };

struct spawn {
	const char *path;
	char **argv;
	const char *folder;     /* to begin in; NULL: this one */
	int fds[SPAWN_FDS_MAX]; /* become 3, 4, …; the first `listening` are told as LISTEN_FDS */
	int count, listening;
	const char *
		variable; /* of the environment: the numbers of the others, with commas; a literal */
};

/* The process id, or -1 with errno: also when the file is no program that can be run. Nothing else is inherited.
 * Blocks for the moment that a program takes to be loaded, and does not wait for what it does. */
pid_t spawn_start(const struct spawn *spawn);
