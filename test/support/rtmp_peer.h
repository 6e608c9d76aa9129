/* rtmp_peer - the other end of an RTMP conversation that is scripted beforehand. Layer: test.
 * A child coroutine says all its bytes, whole or in pieces, and keeps what it hears until the
 * other end closes. It asserts nothing: the root looks at `heard`, after peer_join(). */
#pragma once
#include "rtmp/conn.h"

enum feed { WHOLE, BYTEWISE, RANDOM, FEEDS };

struct peer {
	struct rtmp_conn say; /* only its `out`: filled with rtmp_put…() before peer_start() */
	enum feed feed;
	bool hang_up; /* closes its direction when all is said */
	struct buf heard;
	struct sock *sock;
	struct co *co;
};

/* Two sockets that are connected with each other. */
void peer_pair(struct sock **a, struct sock **b);
struct peer *peer_new(enum feed feed);
/* Returns the other end. */
struct sock *peer_start(struct peer *peer);
/* Waits until it has seen the end, which must have been closed. */
void peer_join(struct peer *peer) BLOCKS;
void peer_free(struct peer **peer);

/* A plain C0 C1 C2 or S0 S1 S2, all of it. */
enum { HANDSHAKE_SIZE = 1 + 2 * 1536 };
void peer_say_handshake(struct peer *peer);

/* The messages in `bytes` as text, a line each: "type@stream_id values". The caller's to free. */
char *peer_text(struct span bytes);

/* Runs co_init() and co_fini() around a group of tests, and seeds rand(). */
int peer_setup(void **state);
int peer_teardown(void **state);
