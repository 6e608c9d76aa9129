/* tls_peer - both ends of an encrypted connection over loopback. The near one is the client's and the
 * test's own coroutine, the far one (tcp.far) is served by another. Layer: test. */
#pragma once
#include "net/tls.h"
#include "support/certs.h"
#include "support/tcp.h"

extern struct tls_peer {
	struct tls_server *server;
	struct tls_client *client; /* trusts anybody */
	struct co *co;             /* of the far end */
	err result;                /* of its handshake, or what it ended with */
	bool begun;                /* it is through with its handshake */
} tls_peer;

/* Around a test. */
int tls_peer_setup(void **state);
int tls_peer_teardown(void **state);
/* Loads pairs that certs_make() has made. */
err tls_peer_load(enum tls_profile profile, int count, const char *const *names) BLOCKS;
/* Makes one, serial 0x11, and loads it. */
void tls_peer_load_one(enum cert_kind kind, const char *names) BLOCKS;
/* Dials; the far end expects TLS and is served by `far`, if there is one. */
struct sock *tls_peer_dial(void (*far)(void *arg), bool mixed) BLOCKS;
/* The same with the client's handshake, and the far end's. */
err tls_peer_connect(struct sock **sock, struct tls_client *client, const char *name,
		     void (*far)(void *arg)) BLOCKS;
/* Waits until the far end is through with its handshake. */
void tls_peer_await(void) BLOCKS;
/* To serve the far end: the handshake alone; also giving back what comes. */
void tls_peer_begin(void *arg);
void tls_peer_echo(void *arg);
