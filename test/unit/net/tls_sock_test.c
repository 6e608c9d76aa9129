#include "base/mem.h"
#include "net/tls_inside.h"
#include "support/certs.h"
#include "support/pair.h"
#include "support/tls_peer.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGE = 3 << 20 };

/* ---- the way of the bytes ---- */

static uint8_t *pattern(void)
{
	uint8_t *p = mem_alloc(LARGE);
	uint32_t x = 1;
	for (int i = 0; i < LARGE; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = (uint8_t)(x >> 24);
	}
	return p;
}

struct taking {
	uint8_t *bytes;
	size_t n;
	err end;
};

static void takes_slowly(void *arg)
{
	struct taking *t = arg;
	size_t got;
	tls_peer.result = sock_begin(tcp.far);
	tls_peer.begun = true;
	co_wake(tcp.root);
	t->end = tls_peer.result;
	while (t->end == OK) {
		/* Pieces that end within records. */
		t->end = sock_recv(tcp.far, t->bytes + t->n, 9973, &got);
		t->n += got;
	}
	sock_close(&tcp.far); /* the other side's gentle end waits for this one */
}

static void await_room(struct sock *sock)
{
	sock_attach(sock);
	while (!sock_writable(sock))
		assert_int_equal(co_wait(clock_after(TCP_PATIENCE_MS)), OK);
}

/* The kernel takes parts of records; between two tries the sender changes its mind about what comes
 * next. What it was told is sent arrives, once. */
static void records_that_the_kernel_took_in_parts_arrive_whole(void **state)
{
	(void)state;
	uint8_t *bytes = pattern();
	struct taking t = {.bytes = mem_alloc(LARGE)};
	size_t at = 0;
	tls_peer_load_one(CERT_ECDSA, "DNS:a.example");
	struct sock *sock = tls_peer_dial(NULL, false);
	tls_peer.co = co_start("far", takes_slowly, &t);
	assert_int_equal(tls_connect(sock, tls_peer.client, "a.example", NULL), OK);
	int small = 8192;
	setsockopt(sock->rfd.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	for (int i = 0; at < LARGE; i++) {
		size_t n, size = (size_t)(i * 7919 % 60000 + 1);
		size = size < LARGE - at ? size : LARGE - at;
		size_t first = size / 3, second = size / 5;
		struct iovec iov[] = {{bytes + at, first},
				      {bytes + at + first, second},
				      {bytes + at + first + second, 0},
				      {bytes + at + first + second, size - first - second}};
		err e = sock_try_sendv(sock, iov, 4, &n);
		at += n;
		if (e == ERR_AGAIN)
			await_room(sock);
		else
			assert_int_equal(e, OK);
	}
	assert_int_equal(sock_send_bytes(sock), LARGE);
	sock_close_gently(&sock, TCP_PATIENCE_MS); /* with a record that waits */
	co_join(&tls_peer.co);
	assert_int_equal(t.end, ERR_CLOSED);
	assert_int_equal(t.n, LARGE);
	assert_memory_equal(t.bytes, bytes, LARGE);
	free(bytes);
	free(t.bytes);
}

static void a_blocking_send_of_a_lot_arrives_and_is_counted(void **state)
{
	(void)state;
	uint8_t *bytes = pattern();
	struct taking t = {.bytes = mem_alloc(LARGE)};
	tls_peer_load_one(CERT_RSA, "DNS:a.example");
	struct sock *sock = tls_peer_dial(NULL, false);
	tls_peer.co = co_start("far", takes_slowly, &t);
	assert_int_equal(tls_connect(sock, tls_peer.client, "a.example", NULL), OK);
	assert_int_equal(sock_send(sock, bytes, LARGE), OK);
	assert_int_equal(sock_send_bytes(sock), LARGE);
	while (sock_unsent(sock) > 0 || ((struct tls *)sock->state)->held)
		co_yield ();
	/* Some hundred records, each a little more than what it carries. */
	assert_in_range(sock_wire_acked(sock), LARGE + 200 * 22, LARGE + 300 * 22);
	sock_close_gently(&sock, TCP_PATIENCE_MS);
	co_join(&tls_peer.co);
	assert_int_equal(t.n, LARGE);
	assert_memory_equal(t.bytes, bytes, LARGE);
	free(bytes);
	free(t.bytes);
}

static void decrypted_bytes_count_as_readable(void **state)
{
	(void)state;
	uint8_t byte;
	size_t n;
	struct sock *sock;
	tls_peer_load_one(CERT_ECDSA, "DNS:a.example");
	assert_int_equal(tls_peer_connect(&sock, tls_peer.client, "a.example", tls_peer_begin), OK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(sock_send(sock, "abc", 3), OK);
	for (int i = 0; i < 9; i++) {
		assert_int_equal(sock_recv(tcp.far, &byte, 1, &n), OK);
		assert_int_equal(byte, "abc"[i % 3]);
		if (i % 3 != 2) {
			assert_true(sock_readable(tcp.far));
			assert_true(sock_unread(tcp.far) > 0);
		}
	}
	assert_int_equal(sock_try_recv(tcp.far, &byte, 1, &n), ERR_AGAIN);
	assert_false(sock_readable(tcp.far));
	sock_close(&sock);
}

static void new_keys_in_the_middle_are_no_matter(void **state)
{
	(void)state;
	char text[8];
	size_t n;
	struct sock *sock;
	tls_peer_load_one(CERT_ECDSA, "DNS:a.example");
	assert_int_equal(tls_peer_connect(&sock, tls_peer.client, "a.example", tls_peer_echo), OK);
	for (int i = 0; i < 5; i++) {
		SSL *ssl = ((struct tls *)sock->state)->ssl;
		assert_int_equal(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		assert_int_equal(sock_send(sock, "hello", 5), OK);
		assert_int_equal(sock_recv_all(sock, text, 5), OK);
		assert_memory_equal(text, "hello", 5);
	}
	assert_int_equal(sock_try_recv(sock, text, 1, &n), ERR_AGAIN);
	sock_close(&sock);
}

/* As many as the socket takes: within one read the library would follow them all. */
static void a_row_of_new_keys_without_an_end_is_not_followed(void **state)
{
	(void)state;
	struct sock *sock;
	tls_peer_load_one(CERT_ECDSA, "DNS:a.example");
	assert_int_equal(tls_peer_connect(&sock, tls_peer.client, "a.example", tls_peer_echo), OK);
	SSL *ssl = ((struct tls *)sock->state)->ssl;
	int sent = 0;
	for (; sent < 5000; sent++)
		if (SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 ||
		    SSL_do_handshake(ssl) != 1)
			break;
	assert_true(sent > 100);
	co_join(&tls_peer.co);
	assert_int_equal(tls_peer.result, ERR_PROTOCOL);
	sock_close(&sock);
}

static void a_corrupt_record_ends_the_connection(void **state)
{
	(void)state;
	struct sock *sock;
	tls_peer_load_one(CERT_ECDSA, "DNS:a.example");
	assert_int_equal(tls_peer_connect(&sock, tls_peer.client, "a.example", tls_peer_echo), OK);
	assert_int_equal(send(sock->rfd.fd, "\x17\3\3\0\x14zzzzzzzzzzzzzzzzzzzz", 25, 0), 25);
	co_join(&tls_peer.co);
	assert_int_equal(tls_peer.result, ERR_PROTOCOL);
	sock_close(&sock);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, tls_peer_setup, tls_peer_teardown)
	const struct CMUnitTest tests[] = {
		T(records_that_the_kernel_took_in_parts_arrive_whole),
		T(a_blocking_send_of_a_lot_arrives_and_is_counted),
		T(decrypted_bytes_count_as_readable),
		T(new_keys_in_the_middle_are_no_matter),
		T(a_row_of_new_keys_without_an_end_is_not_followed),
		T(a_corrupt_record_ends_the_connection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
