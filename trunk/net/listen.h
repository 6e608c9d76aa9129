/* listen - a listening socket and its accept loop. Layer: net. */
#pragma once
#include "net/sock.h"

struct listener;

struct listen_opts {
	const char *
		text; /* "port", "host:port", "[v6]:port"; a bare port is every address, v4 and v6 */
	bool reuse_port;  /* share the port with other processes (SO_REUSEPORT) */
	const char *what; /* "RTMP", for messages */
	/* Takes the socket. Runs in the listener's coroutine: starts one of its own and returns. */
	void (*on_accept)(void *ctx, struct sock *sock);
	void *ctx;
};

/* Binds and listens; nothing is accepted yet. The words of ERR_SYSTEM name the address and say
 * what to do when it is taken. Without reuse_port, a port that another process shares by
 * SO_REUSEPORT counts as taken too. */
err listener_open(struct listener **out, const struct listen_opts *opts);
/* Starts accepting. When descriptors run out, it waits a little and says so once. */
void listener_start(struct listener *listener);
/* The port that was bound (useful with port 0). */
int listener_port(const struct listener *listener);
void listener_close(struct listener **listener) BLOCKS;
