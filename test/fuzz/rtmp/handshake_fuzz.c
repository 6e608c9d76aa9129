/* Any bytes from a client, and from a server, until they hang up. */
#include "base/check.h"
#include "rtmp/handshake.h"
#include "support/fake_time.h"
#include "support/pair.h"

#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct peer {
	struct sock *sock;
	struct span bytes;
};

static void peer_main(void *arg)
{
	struct peer *peer = arg;
	uint8_t part[4096];
	size_t n;
	if (sock_send(peer->sock, peer->bytes.p, peer->bytes.n) == OK)
		while (sock_recv(peer->sock, part, sizeof(part), &n) == OK)
			continue;
	sock_close(&peer->sock);
}

static void shake(struct span bytes, bool server)
{
	struct pair pair;
	struct buf out = {.max = 4096};
	check(pair_open(&pair, 1935, 50000) == OK);
	struct peer peer = {pair.far, bytes};
	struct co *co = co_start("peer", peer_main, &peer);
	check(co);
	sock_set_deadline(pair.near, clock_after(1000));
	(void)!(server ? handshake_server(pair.near) : handshake_client(pair.near, &out));
	buf_free(&out);
	sock_close(&pair.near);
	co_join(&co);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static bool ready;
	if (!ready) {
		check(co_init() == OK);
		fake_time_begin();
		ready = true;
	}
	shake(span_of(data, n), true);
	shake(span_of(data, n), false);
	return 0;
}
