#include "support/tls_peer.h"
#include "base/check.h"

#include <stdio.h>

enum { PAIRS_MAX = 4 };

struct tls_peer tls_peer;

int tls_peer_setup(void **state)
{
	certs_init();
	if (tcp_setup(state) != 0)
		return -1;
	tls_peer = (struct tls_peer){.server = tls_server_new("RTMPS")};
	return tls_client_new(&tls_peer.client, &(struct tls_client_opts){0}) == OK ? 0 : -1;
}

int tls_peer_teardown(void **state)
{
	co_stop(tls_peer.co);
	co_join(&tls_peer.co);
	tls_client_unref(&tls_peer.client);
	tls_server_free(&tls_peer.server);
	check(tls_tickets_load(NULL, 0) == OK);
	check(tls_counts()->open == 0);
	certs_fini();
	return tcp_teardown(state);
}

err tls_peer_load(enum tls_profile profile, int count, const char *const *names)
{
	struct tls_pair pairs[PAIRS_MAX] = {0};
	char file[64];
	for (int i = 0; i < count; i++) {
		snprintf(file, sizeof(file), "%s.crt", names[i]);
		pairs[i].cert = certs_path(file);
		snprintf(file, sizeof(file), "%s.key", names[i]);
		pairs[i].key = certs_path(file);
	}
	return tls_server_load(
		tls_peer.server,
		&(struct tls_server_opts){.pairs = pairs, .count = count, .profile = profile});
}

void tls_peer_load_one(enum cert_kind kind, const char *names)
{
	certs_make("one", &(struct cert_opts){.kind = kind, .names = names, .serial = 0x11});
	check(tls_peer_load(TLS_INTERMEDIATE, 1, (const char *[]){"one"}) == OK);
}

void tls_peer_begin(void *arg)
{
	(void)arg;
	tls_peer.result = sock_begin(tcp.far);
	tls_peer.begun = true;
	co_wake(tcp.root);
}

void tls_peer_echo(void *arg)
{
	static char block[100000];
	size_t n;
	tls_peer_begin(arg);
	while (tls_peer.result == OK) {
		tls_peer.result = sock_recv(tcp.far, block, sizeof(block), &n);
		if (tls_peer.result == OK)
			tls_peer.result = sock_send(tcp.far, block, n);
	}
}

struct sock *tls_peer_dial(void (*far)(void *arg), bool mixed)
{
	struct sock *sock = NULL;
	co_stop(tls_peer.co);
	co_join(&tls_peer.co);
	sock_close(&tcp.far);
	tls_peer.begun = false;
	check(tcp_connect(&sock) == OK);
	sock_set_deadline(sock, clock_after(TCP_PATIENCE_MS));
	sock_set_deadline(tcp.far, clock_after(TCP_PATIENCE_MS));
	tls_expect(tcp.far, tls_peer.server, mixed);
	if (far)
		tls_peer.co = co_start("far", far, NULL);
	return sock;
}

void tls_peer_await(void)
{
	while (!tls_peer.begun)
		check(co_wait(clock_after(TCP_PATIENCE_MS)) == OK);
}

err tls_peer_connect(struct sock **sock, struct tls_client *client, const char *name,
		     void (*far)(void *arg))
{
	*sock = tls_peer_dial(far, false);
	TRY(tls_connect(*sock, client, name, "http/1.1"));
	tls_peer_await();
	return OK;
}
