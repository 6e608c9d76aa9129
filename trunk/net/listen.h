/* listen - a listening socket and its accept loop. Layer: net. */
#pragma once
#include "net/sock.h"

struct listener;
struct tls_server;

struct listen_opts {
	struct hostport at;         /* see hostport_listen() */
	bool reuse_port;            /* share the port with other processes (SO_REUSEPORT) */
	int fd;                     /* a listening descriptor that was inherited; 0: bind one */
	struct listener *displaces; /* about to be closed, and in the way of `at`; NULL: none */
	const char *what;           /* "RTMP", for messages */
	struct tls_server *tls;     /* connections are encrypted (sock_begin() then); NULL: plain */
	bool mixed;                 /* with tls: plain ones are welcome, too */
	/* Takes the socket: starts a coroutine for it and returns. */
	void (*on_accept)(void *ctx, struct sock *sock);
	void *ctx;
};

/* Binds and listens; nothing is accepted yet. An inherited descriptor is taken, also on failure. The
 * words of ERR_SYSTEM name the address and say
 * what to do when it is taken. Without reuse_port, a port that another process shares by
 * SO_REUSEPORT counts as taken too. */
err listener_open(struct listener **out, const struct listen_opts *opts);
/* Starts accepting. When descriptors run out, it waits a little and says so once. */
void listener_start(struct listener *listener);
/* Other handlers for the connections that come from now on: what, tls, mixed, on_accept and ctx. */
void listener_update(struct listener *listener, const struct listen_opts *opts);
/* Its descriptor, borrowed. */
int listener_fd(const struct listener *listener);
/* The port that was bound (useful with port 0). */
int listener_port(const struct listener *listener);
/* Accepts what waits already, then closes: no connection that the kernel has taken for us is lost. Of a crowd some at a
 * time, so that others have turns; on_accept() is called until it returns. */
void listener_close(struct listener **listener) BLOCKS;
