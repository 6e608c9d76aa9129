/* successor - the process that takes over from this one: how it is started, and what it inherits. Layer: main. */
#pragma once
#include "main/serve.h"

#include <sys/types.h>

/* Ours, of one that was started. */
struct successor {
	pid_t pid;
	int channel; /* one end, the caller's */
	int crossing; /* likewise, of the local socket for what comes to the WebRTC port; -1: there is none */
};

/* A successor's own; -1: there is none. */
struct successor_fds {
	int channel, crossing;
	int port; /* the socket of WebRTC that the process before this one reads still */
};

/* First thing in the program: where its binary is, and the arguments to start it with again. */
void successor_remember(char **argv);
/* Starts it. */
err successor_start(struct successor *out, const struct serve *serve);
/* Whether this process was started by such a one. Reads the environment once. */
bool successor_is_one(void);
const struct successor_fds *successor_fds(void);
/* Adds what it has beside its listening sockets. */
void successor_inherit(struct inherit *inherit);
/* At the end of the process. */
void successor_forget(void);
