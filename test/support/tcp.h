/* tcp - both ends of a connection over loopback, for tests of what the real kernel does. Layer: test. */
#pragma once
#include "net/listen.h"
#include "net/sock.h"

enum { TCP_PATIENCE_MS = 10000 };

/* The last connection that was accepted is the far end. */
extern struct tcp {
	struct listener *listener;
	struct sock *far;
	struct co *root;
} tcp;

/* Around a test: coroutines and a listener; teardown closes what is left and ends a fake time. */
int tcp_setup(void **state);
int tcp_teardown(void **state);
/* Where the listener is. */
struct addr tcp_address(void);
/* Dials, and waits for the far end. The near one is the caller's. */
err tcp_connect(struct sock **near) BLOCKS;
