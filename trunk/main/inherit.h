/* inherit - listening sockets that whoever started this process has opened for it: systemd's socket
 * activation (sd_listen_fds(3): LISTEN_PID, LISTEN_FDS, descriptors from 3 on). Layer: main. */
#pragma once
#include "main/endpoints.h"

enum { INHERIT_FIRST_FD = 3, INHERIT_MAX = 64 };

struct inherit {
	int count;
	int fds[INHERIT_MAX]; /* -1: was taken */
	int shared; /* one of these, which the process before this one reads still; 0: none */
};

/* Reads the environment and removes these variables from it, so that no child takes them for its
 * own. Before the first fork, since LISTEN_PID is this process. */
void inherit_read(struct inherit *inherit);
/* Adds one that the process before this one has, too, and reads still. */
void inherit_share(struct inherit *inherit, int fd);
/* The descriptor that is bound where the endpoint is, now the caller's; 0 when there is none. */
int inherit_take(struct inherit *inherit, const struct endpoint *endpoint);
/* Closes what nobody took, with a warning that names the address. */
void inherit_close(struct inherit *inherit);
