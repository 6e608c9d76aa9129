#include "net/tls_inside.h"
#include "support/certs.h"
#include "support/pair.h"
#include "support/tls_peer.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void all_the_names_of_the_client_find_their_certificate(void **state)
{
	(void)state;
	const struct {
		const char *name;
		long serial;
	} cases[] = {
		{"one.example", 1},   {"ONE.example", 1},     {"two.example", 2},
		{"x.two.example", 3}, {"y.x.two.example", 1}, {"other.example", 1},
		{"127.0.0.1", 1},     {"vhost.example", 4},   {"a.three.example", 4},
		{"three.example", 1},
	};
	certs_make("one", &(struct cert_opts){.names = "DNS:one.example", .serial = 1});
	certs_make("two", &(struct cert_opts){.kind = CERT_ECDSA,
					      .names = "DNS:two.example,DNS:vhost.example",
					      .serial = 2});
	certs_make("wild", &(struct cert_opts){.names = "DNS:*.two.example", .serial = 3});
	certs_make("host", &(struct cert_opts){.names = "DNS:*.three.example", .serial = 4});
	struct tls_pair pairs[] = {
		{certs_path("one.crt"), certs_path("one.key"), NULL},
		{certs_path("two.crt"), certs_path("two.key"), NULL},
		{certs_path("wild.crt"), certs_path("wild.key"), NULL},
		{certs_path("host.crt"), certs_path("host.key"), "vhost.example"},
	};
	assert_int_equal(tls_server_load(tls_peer.server,
					 &(struct tls_server_opts){.pairs = pairs, .count = 4}),
			 OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sock *sock;
		assert_int_equal(
			tls_peer_connect(&sock, tls_peer.client, cases[i].name, tls_peer_begin),
			OK);
		X509 *leaf = SSL_get0_peer_certificate(((struct tls *)sock->state)->ssl);
		assert_int_equal(ASN1_INTEGER_get(X509_get0_serialNumber(leaf)), cases[i].serial);
		sock_close(&sock);
	}
}

static void two_kinds_of_keys_serve_one_name(void **state)
{
	(void)state;
	static const char *const suites[] = {"ECDHE-RSA-AES128-GCM-SHA256",
					     "ECDHE-ECDSA-AES128-GCM-SHA256"};
	certs_make("rsa", &(struct cert_opts){.kind = CERT_RSA, .names = "DNS:a,DNS:b"});
	certs_make("ec", &(struct cert_opts){.kind = CERT_ECDSA, .names = "DNS:b,DNS:a"});
	assert_int_equal(tls_peer_load(TLS_INTERMEDIATE, 2, (const char *[]){"rsa", "ec"}), OK);
	for (int i = 0; i < 2; i++) {
		struct tls_facts facts;
		struct tls_client *client;
		assert_int_equal(tls_client_new(&client, &(struct tls_client_opts){0}), OK);
		SSL_CTX *ctx = tls_client_context(client);
		SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
		SSL_CTX_set_cipher_list(ctx, suites[i]);
		struct sock *sock;
		assert_int_equal(tls_peer_connect(&sock, client, "a", tls_peer_begin), OK);
		assert_true(tls_facts(&facts, sock));
		assert_string_equal(facts.cipher, suites[i]);
		sock_close(&sock);
		tls_client_unref(&client);
	}
}

static void take_serial(void *ctx, const struct tls_cert_facts *facts)
{
	snprintf(ctx, 64, "%s %s %d", facts->kind, facts->serial, facts->name_count);
}

static void a_pair_that_cannot_be_used_is_refused_with_its_reason(void **state)
{
	(void)state;
	const struct {
		const char *cert, *key, *words;
	} cases[] = {
		{"none.crt", "one.key", "none.crt cannot be read: No such file or directory"},
		{"one.crt", "none.key", "none.key cannot be read: No such file"},
		{"text", "one.key", "text has no certificate (PEM) in it"},
		{"one.crt", "text", "text has no private key (PEM, without a password) in it"},
		{"one.crt", "secret.key", "has no private key (PEM, without a password) in it"},
		{"one.crt", "secret2.key", "is not the key of the certificate beside it"},
		{"late.crt", "late.key", "late.crt has expired"},
		{"early.crt", "early.key", "early.crt is not valid yet"},
	};
	char facts[64];
	tls_peer_load_one(CERT_ECDSA, "DNS:a.example");
	certs_write("text", "hello\n", 6);
	certs_make("secret", &(struct cert_opts){.kind = CERT_ECDSA, .password = "x"});
	certs_make("secret2", &(struct cert_opts){.kind = CERT_ECDSA});
	certs_make("late", &(struct cert_opts){.begins_s = -7200, .ends_s = -3600});
	certs_make("early", &(struct cert_opts){.begins_s = 3600, .ends_s = 7200});
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tls_pair pair = {certs_path(cases[i].cert), certs_path(cases[i].key), NULL};
		struct tls_server_opts opts = {.pairs = &pair, .count = 1};
		assert_int_equal(tls_server_load(tls_peer.server, &opts), ERR_CONFIG);
		if (!strstr(err_trail(ERR_CONFIG), cases[i].words))
			fail_msg("%s", err_trail(ERR_CONFIG));
		tls_server_each(tls_peer.server, take_serial, facts);
		assert_string_equal(facts, "ECDSA 11 1"); /* the old one stays */
		assert_true(tls_server_ready(tls_peer.server));
	}
	/* Where there is none, one whose time is over is better. */
	tls_server_free(&tls_peer.server);
	tls_peer.server = tls_server_new("RTMPS");
	assert_int_equal(tls_peer_load(TLS_INTERMEDIATE, 1, (const char *[]){"late"}), OK);
}

static void a_change_of_files_is_noticed_also_after_a_refusal(void **state)
{
	(void)state;
	tls_peer_load_one(CERT_ECDSA, "DNS:a.example");
	assert_false(tls_server_changed(tls_peer.server));
	certs_write("one.key", "garbage", 7);
	assert_true(tls_server_changed(tls_peer.server));
	assert_int_equal(tls_peer_load(TLS_INTERMEDIATE, 1, (const char *[]){"one"}), ERR_CONFIG);
	assert_false(tls_server_changed(tls_peer.server));
	certs_make("one", &(struct cert_opts){.kind = CERT_ECDSA});
	assert_true(tls_server_changed(tls_peer.server));
	assert_int_equal(tls_peer_load(TLS_INTERMEDIATE, 1, (const char *[]){"one"}), OK);
	assert_false(tls_server_changed(tls_peer.server));
}

static void a_swap_disturbs_no_connection_and_is_seen_by_new_ones(void **state)
{
	(void)state;
	char text[8], facts[64];
	size_t n;
	struct sock *old;
	tls_peer_load_one(CERT_ECDSA, "DNS:a.example");
	assert_int_equal(tls_peer_connect(&old, tls_peer.client, "a.example", tls_peer_echo), OK);
	certs_make("two", &(struct cert_opts){.names = "DNS:a.example", .serial = 0x22});
	assert_int_equal(tls_peer_load(TLS_INTERMEDIATE, 1, (const char *[]){"two"}), OK);
	tls_server_each(tls_peer.server, take_serial, facts);
	assert_string_equal(facts, "RSA 22 1");
	assert_int_equal(sock_send(old, "still", 5), OK);
	assert_int_equal(sock_recv(old, text, sizeof(text), &n), OK);
	assert_memory_equal(text, "still", 5);
	sock_close(&old);
}

static void a_session_is_resumed_with_the_same_ticket_keys_only(void **state)
{
	(void)state;
	const struct {
		const char *keys[2];
		bool resumed;
	} cases[] = {
		{{"a"}, false}, {{"a"}, true}, {{"b", "a"}, true}, {{"b"}, true}, {{"c"}, false},
	};
	uint8_t bytes[80] = {1};
	certs_write("a", bytes, 48);
	bytes[0] = 2;
	certs_write("b", bytes, 80);
	bytes[0] = 3;
	certs_write("c", bytes, 80);
	certs_write("short", bytes, 47);
	tls_peer_load_one(CERT_ECDSA, "DNS:a.example");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *files[2] = {certs_path(cases[i].keys[0])};
		int count = cases[i].keys[1] ? 2 : 1;
		char text[4];
		size_t n;
		struct sock *sock;
		struct tls_facts facts;
		if (count == 2)
			files[1] = certs_path(cases[i].keys[1]);
		assert_int_equal(tls_tickets_load(files, count), OK);
		assert_int_equal(
			tls_peer_connect(&sock, tls_peer.client, "a.example", tls_peer_echo), OK);
		assert_true(tls_facts(&facts, tcp.far));
		if (facts.resumed != cases[i].resumed)
			fail_msg("case %zu", i);
		assert_int_equal(sock_send(sock, "x", 1),
				 OK); /* its tickets come before the echo */
		assert_int_equal(sock_recv(sock, text, 1, &n), OK);
		sock_close(&sock);
	}
	assert_int_equal(tls_tickets_load((const char *[]){certs_path("short")}, 1), ERR_CONFIG);
	assert_non_null(strstr(err_trail(ERR_CONFIG), "short is no ticket key"));
}

static void modern_takes_no_older_version_and_old_takes_the_oldest(void **state)
{
	(void)state;
	const struct {
		enum tls_profile profile;
		int version;
		err e;
	} cases[] = {
		{TLS_MODERN, TLS1_3_VERSION, OK},
		{TLS_MODERN, TLS1_2_VERSION, ERR_CONNECT},
		{TLS_INTERMEDIATE, TLS1_2_VERSION, OK},
		{TLS_OLD, TLS1_VERSION, OK},
		{TLS_INTERMEDIATE, TLS1_1_VERSION, ERR_CONNECT},
	};
	certs_make("one", &(struct cert_opts){.kind = CERT_RSA});
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tls_client *client;
		struct sock *sock;
		struct tls_client_opts opts = {.profile = TLS_OLD};
		assert_int_equal(tls_peer_load(cases[i].profile, 1, (const char *[]){"one"}), OK);
		assert_int_equal(tls_client_new(&client, &opts), OK);
		SSL_CTX_set_max_proto_version(tls_client_context(client), cases[i].version);
		assert_int_equal(tls_peer_connect(&sock, client, "a.example", tls_peer_begin),
				 cases[i].e);
		sock_close(&sock);
		tls_peer_await();
		assert_int_equal(tls_peer.result, cases[i].e ? ERR_PROTOCOL : OK);
		tls_client_unref(&client);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, tls_peer_setup, tls_peer_teardown)
	const struct CMUnitTest tests[] = {
		T(all_the_names_of_the_client_find_their_certificate),
		T(two_kinds_of_keys_serve_one_name),
		T(a_pair_that_cannot_be_used_is_refused_with_its_reason),
		T(a_change_of_files_is_noticed_also_after_a_refusal),
		T(a_swap_disturbs_no_connection_and_is_seen_by_new_ones),
		T(a_session_is_resumed_with_the_same_ticket_keys_only),
		T(modern_takes_no_older_version_and_old_takes_the_oldest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
