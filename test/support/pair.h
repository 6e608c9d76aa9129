/* pair - two connected sockets without a network, for protocols run against a scripted peer. Layer: test.
 * Call co_init() before. Bytes stay in the process's kernel buffers, so that a test needs neither a
 * listener nor a port; both ends say that they are 127.0.0.1. */
#pragma once
#include "net/sock.h"

struct pair {
	struct sock *near, *far; /* a test may close either with sock_close() */
};

/* The ports are what sock_peer() of near and far say. */
err pair_open(struct pair *pair, int near_port, int far_port);
void pair_close(struct pair *pair);
