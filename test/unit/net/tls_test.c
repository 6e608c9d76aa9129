#include "base/mem.h"
#include "net/tls_inside.h"
#include "support/certs.h"
#include "support/pair.h"
#include "support/tls_peer.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void an_encrypted_connection_carries_bytes_like_any_other(void **state)
{
	(void)state;
	static const char *const versions[] = {"TLSv1.3", "TLSv1.2"};
	tls_peer_load_one(CERT_ECDSA, "DNS:a.example");
	for (int i = 0; i < 2; i++) {
		char text[16];
		size_t n;
		struct tls_facts facts;
		struct tls_client *client;
		assert_int_equal(tls_client_new(&client, &(struct tls_client_opts){0}), OK);
		struct sock *sock = tls_peer_dial(tls_peer_echo, false);
		assert_false(tls_facts(&facts, sock));
		if (i == 1) /* the client speaks no more than 1.2 */
			SSL_CTX_set_max_proto_version(tls_client_context(client), TLS1_2_VERSION);
		assert_int_equal(tls_connect(sock, client, "a.example", NULL), OK);
		tls_peer_await();
		assert_true(tls_facts(&facts, tcp.far));
		assert_string_equal(facts.version, versions[i]);
		assert_string_equal(facts.name, "a.example");
		assert_false(facts.resumed);
		assert_int_equal(sock_send(sock, "hello", 5), OK);
		assert_int_equal(sock_send_bytes(sock), 5);
		assert_true(sock_wire_sent(sock) > 5 + 20);
		assert_int_equal(sock_recv(sock, text, sizeof(text), &n), OK);
		assert_int_equal(n, 5);
		assert_memory_equal(text, "hello", 5);
		assert_int_equal(sock_recv_bytes(sock), 5);
		assert_int_equal(sock_try_recv(sock, text, sizeof(text), &n), ERR_AGAIN);
		assert_false(sock_readable(sock));
		sock_close_gently(&sock, 100);
		co_join(&tls_peer.co);
		assert_int_equal(tls_peer.result, ERR_CLOSED);
		tls_client_unref(&client);
	}
}

static void a_client_trusts_whom_it_was_told_to_trust(void **state)
{
	(void)state;
	const struct {
		const char *ca, *name, *words;
	} cases[] = {
		{"one.crt", "a.example", NULL},
		{"one.crt", "127.0.0.1", NULL},
		{"one.crt", "b.example", "certificate of b.example is not trusted: hostname mis"},
		{"one.crt", "127.0.0.2", "is not trusted: IP address mismatch"},
		{"two.crt", "a.example", "is not trusted: self-signed certificate"},
		{NULL, "a.example", "is not trusted: self-signed certificate"},
	};
	certs_make("two", &(struct cert_opts){.kind = CERT_ECDSA, .names = "DNS:a.example"});
	tls_peer_load_one(CERT_ECDSA, "DNS:a.example,IP:127.0.0.1");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tls_client *client;
		struct sock *sock;
		struct tls_client_opts opts = {
			.verify = true, .ca_file = cases[i].ca ? certs_path(cases[i].ca) : NULL};
		assert_int_equal(tls_client_new(&client, &opts), OK);
		err e = tls_peer_connect(&sock, client, cases[i].name, tls_peer_begin);
		assert_int_equal(e, cases[i].words ? ERR_CONNECT : OK);
		if (e && !strstr(err_trail(e), cases[i].words))
			fail_msg("%s", err_trail(e));
		sock_close(&sock);
		tls_client_unref(&client);
	}
	struct tls_client *client;
	struct tls_client_opts opts = {.verify = true, .ca_file = certs_path("none.crt")};
	assert_int_equal(tls_client_new(&client, &opts), ERR_CONFIG);
}

static void a_mixed_port_lets_plain_peers_pass(void **state)
{
	(void)state;
	char text[8];
	size_t n;
	struct tls_facts facts;
	tls_peer_load_one(CERT_ECDSA, "DNS:a.example");
	struct sock *sock = tls_peer_dial(tls_peer_echo, true);
	assert_int_equal(sock_send(sock, "\x03plain", 6), OK);
	tls_peer_await();
	assert_int_equal(sock_recv(sock, text, sizeof(text), &n), OK);
	assert_memory_equal(text, "\x03plain", 6);
	assert_false(tls_facts(&facts, tcp.far));
	sock_close(&sock);
	sock = tls_peer_dial(tls_peer_echo, true);
	assert_int_equal(tls_connect(sock, tls_peer.client, "a.example", NULL), OK);
	tls_peer_await();
	assert_true(tls_facts(&facts, tcp.far));
	sock_close(&sock);
}

static void what_is_no_tls_is_refused_before_it_costs_anything(void **state)
{
	(void)state;
	const struct {
		const char *bytes;
		unsigned n;
		err e;
		const char *answer;
	} cases[] = {
		{"GET / HTTP/1.1\r\n", 16, ERR_PROTOCOL, "HTTP/1.1 400 Bad Request"},
		{"\x03\0\0\0\0\0", 6, ERR_PROTOCOL, NULL},
		{"\x16\x02\x01\0\x10", 5, ERR_PROTOCOL, NULL},              /* SSL 2 */
		{"\x16\x03\x01\xff\xff", 5, ERR_PROTOCOL, NULL},            /* no such length */
		{"\x16\x03\x01\0\x08\1\0\0\4zzzz", 13, ERR_PROTOCOL, NULL}, /* no such hello */
		{"\x16\x03\x01\0\x10zz", 7, ERR_CLOSED, NULL}, /* ends within the record */
		{"\x16", 1, ERR_CLOSED, NULL},
		{"", 0, ERR_CLOSED, NULL},
	};
	tls_peer_load_one(CERT_ECDSA, "DNS:a.example");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256] = "";
		size_t n;
		struct sock *sock = tls_peer_dial(tls_peer_begin, false);
		int64_t before = tls_counts()->refused;
		assert_int_equal(sock_send(sock, cases[i].bytes, cases[i].n), OK);
		shutdown(sock->rfd.fd, SHUT_WR);
		tls_peer_await();
		if (tls_peer.result != cases[i].e)
			fail_msg("case %zu: %s", i, err_slug(tls_peer.result));
		assert_int_equal(tls_counts()->refused, before + 1);
		if (cases[i].answer) {
			assert_int_equal(sock_recv(sock, text, sizeof(text) - 1, &n), OK);
			assert_memory_equal(text, cases[i].answer, strlen(cases[i].answer));
		}
		sock_close(&sock);
	}
}

/* A client's first record, for those who send it in their own way. */
static int hello_bytes(uint8_t *out, int cap)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	BIO *in = BIO_new(BIO_s_mem()), *wire = BIO_new(BIO_s_mem());
	SSL_set_bio(ssl, in, wire);
	assert_int_equal(SSL_connect(ssl), -1);
	int n = BIO_read(wire, out, cap);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return n;
}

static void a_hello_in_single_bytes_makes_no_object_before_it_is_whole(void **state)
{
	(void)state;
	uint8_t hello[1024], answer[64];
	size_t got;
	int n = hello_bytes(hello, sizeof(hello));
	tls_peer_load_one(CERT_ECDSA, "DNS:a.example");
	struct sock *sock = tls_peer_dial(tls_peer_begin, false);
	for (int i = 0; i < n; i++) {
		assert_int_equal(tls_counts()->open, 0);
		assert_int_equal(sock_send(sock, hello + i, 1), OK);
		co_yield ();
	}
	assert_int_equal(sock_recv(sock, answer, sizeof(answer), &got), OK);
	assert_int_equal(answer[0], 22);
	assert_int_equal(tls_counts()->open, 1);
	sock_close(&sock);
	co_join(&tls_peer.co);
	assert_int_equal(tls_peer.result, ERR_CLOSED);
}

static void a_handshake_has_a_time(void **state)
{
	(void)state;
	tls_peer_load_one(CERT_ECDSA, "DNS:a.example");
	struct sock *sock = tls_peer_dial(tls_peer_begin, false);
	int64_t before = tls_counts()->timed_out;
	sock_set_deadline(tcp.far, clock_after(40));
	assert_int_equal(sock_send(sock, "\x16\x03", 2), OK);
	tls_peer_await();
	assert_int_equal(tls_peer.result, ERR_TIMEOUT);
	assert_string_equal(err_text(ERR_TIMEOUT), "the peer was silent for too long");
	assert_int_equal(tls_counts()->timed_out, before + 1);
	sock_close(&sock);
}

static void begin_pair(void *arg)
{
	struct pair *pair = arg;
	if (sock_begin(pair->far) != OK)
		sock_close(&pair->far);
}

/* ---- places ---- */

enum { PLACES = 512 };
static struct pair pairs[PLACES];
static struct co *stallers[PLACES];

/* All places are taken by clients that say hello and nothing more. */
static void stall(void)
{
	uint8_t hello[1024];
	int n = hello_bytes(hello, sizeof(hello));
	tls_peer_load_one(CERT_ECDSA, "DNS:a.example");
	for (int i = 0; i < PLACES; i++) {
		assert_int_equal(pair_open(&pairs[i], 1, 2), OK);
		sock_set_deadline(pairs[i].far, clock_after(TCP_PATIENCE_MS));
		tls_expect(pairs[i].far, tls_peer.server, false);
		assert_int_equal(sock_send(pairs[i].near, hello, (size_t)n), OK);
		stallers[i] = co_start("stalled", begin_pair, &pairs[i]);
	}
	while (tls_counts()->open < PLACES)
		co_yield ();
}

/* So many have lost theirs. */
static int end_stall(void)
{
	int left = 0;
	for (int i = 0; i < PLACES; i++) {
		left += !pairs[i].far;
		co_stop(stallers[i]);
		co_join(&stallers[i]);
		pair_close(&pairs[i]);
	}
	return left;
}

static void one_that_comes_gets_the_place_of_the_one_that_was_silent_the_longest(void **state)
{
	(void)state;
	struct sock *sock;
	stall();
	int64_t began = clock_ms();
	assert_int_equal(tls_peer_connect(&sock, tls_peer.client, "a.example", tls_peer_begin), OK);
	assert_true(clock_ms() - began < 5000);
	assert_null(pairs[0].far);
	assert_int_equal(end_stall(), 1);
	sock_close(&sock);
}

/* A client took 900 ms for its answer a moment ago: none that is waited for less than twice as long is at fault. */
static void where_clients_are_slow_none_loses_its_place_for_that(void **state)
{
	enum { SLOW_MS = 900 };
	(void)state;
	struct pair slow;
	struct sock *sock;
	uint8_t hello[1024];
	int n = hello_bytes(hello, sizeof(hello));
	tls_peer_load_one(CERT_ECDSA, "DNS:a.example");
	assert_int_equal(pair_open(&slow, 1, 2), OK);
	sock_set_deadline(slow.far, clock_after(TCP_PATIENCE_MS));
	tls_expect(slow.far, tls_peer.server, false);
	assert_int_equal(sock_send(slow.near, hello, (size_t)n), OK);
	struct co *co = co_start("slow", begin_pair, &slow);
	while (tls_counts()->open < 1)
		co_yield ();
	assert_int_equal(co_sleep(SLOW_MS), OK);
	assert_int_equal(sock_send(slow.near, hello, (size_t)n),
			 OK); /* an answer, of whatever kind */
	co_join(&co);
	pair_close(&slow);
	stall();
	int64_t began = clock_ms();
	assert_int_equal(tls_peer_connect(&sock, tls_peer.client, "a.example", tls_peer_begin), OK);
	assert_true(clock_ms() - began > SLOW_MS);
	(void)end_stall();
	sock_close(&sock);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, tls_peer_setup, tls_peer_teardown)
	const struct CMUnitTest tests[] = {
		T(an_encrypted_connection_carries_bytes_like_any_other),
		T(a_client_trusts_whom_it_was_told_to_trust),
		T(a_mixed_port_lets_plain_peers_pass),
		T(what_is_no_tls_is_refused_before_it_costs_anything),
		T(a_hello_in_single_bytes_makes_no_object_before_it_is_whole),
		T(a_handshake_has_a_time),
		T(one_that_comes_gets_the_place_of_the_one_that_was_silent_the_longest),
		T(where_clients_are_slow_none_loses_its_place_for_that),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
