/* script_peer - the other end of a conversation that is fuzzed: it sends a script, and reads until the end. Layer: test. */
#pragma once
#include "support/pair.h"
#include "support/rtmp_script.h"

#include <sys/socket.h>

struct peer {
	struct sock *sock;
	struct cur script;
	struct span hello; /* what comes first; empty: nothing */
};

static inline err peer_send(struct peer *peer)
{
	static const uint8_t chunk_size[] = "\x02\0\0\0\0\0\x04\x01\0\0\0\0\0\x02\0\0";
	struct script_step step;
	if (peer->hello.n)
		TRY(sock_send(peer->sock, peer->hello.p, peer->hello.n));
	TRY(sock_send(peer->sock, chunk_size, sizeof(chunk_size) - 1));
	while (script_next(&peer->script, &step)) {
		err e = sock_send(peer->sock, step.bytes.p, step.bytes.n);
		script_step_fini(&step);
		TRY(e);
		if (step.who)
			co_yield ();
	}
	return OK;
}

static inline void peer_main(void *arg)
{
	struct peer *peer = arg;
	uint8_t part[4096];
	size_t n;
	sock_set_deadline(peer->sock, clock_after(1000));
	if (peer_send(peer) == OK)
		shutdown(peer->sock->rfd.fd, SHUT_WR);
	while (sock_recv(peer->sock, part, sizeof(part), &n) == OK)
		continue;
	sock_close(&peer->sock);
}
