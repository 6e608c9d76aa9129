/* The handshake from both sides. The peers' halves are made here by a second hand, so that an
 * error in one place does not hide behind the same error in the other. */
#include "base/mem.h"
#include "rtmp/handshake.h"
#include "support/rtmp_peer.h"
#include "support/unit.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

enum { B = 1536, PLAIN = -1 };

static const char fp[] = "Genuine Adobe Flash Player 001",
		  fms[] = "Genuine Adobe Flash Media Server 001";
static const uint8_t secret[32] = {
	0xf0, 0xee, 0xc2, 0x4a, 0x80, 0x68, 0xbe, 0xe8, 0x2e, 0x00, 0xd0,
	0xd1, 0x02, 0x9e, 0x7e, 0x57, 0x6e, 0xec, 0x5d, 0x2d, 0x29, 0x80,
	0x6f, 0xab, 0x93, 0xb8, 0xe6, 0x36, 0xcf, 0xeb, 0x31, 0xae,
};

static void hmac_of(uint8_t out[32], const void *key, size_t key_n, const void *p, size_t n)
{
	assert_non_null(HMAC(EVP_sha256(), key, (int)key_n, p, n, out, NULL));
}

static size_t where(const uint8_t *b, int schema)
{
	const uint8_t *o = b + (schema ? 8 : 772);
	return (schema ? 12u : 776u) + (o[0] + o[1] + o[2] + o[3]) % 728u;
}

static void digest_of(uint8_t out[32], const uint8_t *b, int schema, const char *name)
{
	uint8_t rest[B - 32];
	size_t at = where(b, schema), n = 0;
	for (size_t i = 0; i < B; i++)
		if (i < at || i >= at + 32)
			rest[n++] = b[i];
	hmac_of(out, name, strlen(name), rest, n);
}

/* C1 or S1. */
static void make_block(uint8_t *b, int schema, const char *name, uint8_t seed)
{
	for (size_t i = 0; i < B; i++)
		b[i] = (uint8_t)(rand() + seed);
	if (schema == PLAIN)
		return;
	uint8_t digest[32];
	digest_of(digest, b, schema, name);
	memcpy(b + where(b, schema), digest, 32);
}

static bool has_digest(const uint8_t *b, int schema, const char *name)
{
	uint8_t digest[32];
	digest_of(digest, b, schema, name);
	return memcmp(digest, b + where(b, schema), 32) == 0;
}

/* C2 or S2 by `name` for the digest in the other's block. */
static bool is_echo(const uint8_t *b, const char *name, const uint8_t *digest)
{
	uint8_t key[128], temp[32], want[32];
	size_t n = strlen(name);
	memcpy(key, name, n);
	memcpy(key + n, secret, 32);
	hmac_of(temp, key, n + 32, digest, 32);
	hmac_of(want, temp, 32, b, B - 32);
	return memcmp(want, b + B - 32, 32) == 0;
}

/* C0 C1 C2 and a few bytes behind. */
static void serve_client(int schema, enum feed feed, bool proxied)
{
	static const uint8_t prefix[] = {0xF3, 0, 6, 192, 0, 2, 1, 9, 9};
	struct peer *client = peer_new(feed);
	struct buf *say = &client->say.out;
	if (proxied)
		buf_put(say, prefix, sizeof(prefix));
	buf_u8(say, 3);
	uint8_t c1[B], rest[5];
	make_block(c1, schema, fp, 0);
	buf_put(say, c1, B);
	buf_put(say, c1, B); /* some C2 */
	buf_put(say, "hello", 5);
	struct sock *sock = peer_start(client);
	assert_int_equal(handshake_server(sock), OK);
	assert_int_equal(sock_recv_all(sock, rest, sizeof(rest)), OK);
	assert_memory_equal(rest, "hello", 5);
	sock_close(&sock);
	peer_join(client);

	assert_int_equal(client->heard.n, 1 + 2 * B);
	const uint8_t *s1 = client->heard.p + 1, *s2 = s1 + B;
	assert_int_equal(client->heard.p[0], 3);
	assert_true(s1[4] < 3); /* else ffmpeg would look for a digest */
	if (schema == PLAIN) {
		assert_memory_equal(s2, c1, B);
	} else {
		assert_true(has_digest(s1, schema, fms));
		assert_true(is_echo(s2, fms, c1 + where(c1, schema)));
	}
	peer_free(&client);
}

static void server_answers_each_kind_of_client_in_its_schema(void **state)
{
	(void)state;
	for (int schema = PLAIN; schema <= 1; schema++)
		for (int feed = 0; feed < FEEDS; feed++)
			for (int i = 0; i < 3; i++)
				serve_client(schema, (enum feed)feed, i == 2);
}

static void ask_server(int schema, enum feed feed)
{
	struct peer *server = peer_new(feed);
	struct buf c2 = {.max = 8192};
	uint8_t s1[B];
	make_block(s1, schema, fms, 1);
	buf_u8(&server->say.out, 3);
	buf_put(&server->say.out, s1, B);
	buf_put(&server->say.out, s1, B); /* some S2 */
	struct sock *sock = peer_start(server);
	assert_int_equal(handshake_client(sock, &c2), OK);
	sock_close(&sock);
	peer_join(server);

	assert_int_equal(server->heard.n, 1 + B);
	assert_int_equal(server->heard.p[0], 3);
	assert_true(has_digest(server->heard.p + 1, 1, fp));
	assert_memory_equal(server->heard.p + 5, "\x80\x00\x07\x02", 4);
	assert_int_equal(c2.n, B);
	if (schema == PLAIN)
		assert_memory_equal(c2.p, s1, B);
	else
		assert_true(is_echo(c2.p, fp, s1 + where(s1, schema)));
	buf_free(&c2);
	peer_free(&server);
}

static void client_accepts_each_kind_of_server(void **state)
{
	(void)state;
	for (int schema = PLAIN; schema <= 1; schema++)
		for (int feed = 0; feed < FEEDS; feed++)
			ask_server(schema, (enum feed)feed);
}

struct served {
	struct sock *sock;
	err e;
};

static void serve_main(void *arg)
{
	struct served *s = arg;
	s->e = handshake_server(s->sock);
}

static void our_client_and_our_server_agree(void **state)
{
	(void)state;
	struct sock *client = NULL;
	struct served s = {0};
	struct buf c2 = {.max = 8192};
	peer_pair(&client, &s.sock);
	struct co *co = co_start("server", serve_main, &s);
	assert_int_equal(handshake_client(client, &c2), OK);
	assert_int_equal(sock_send(client, c2.p, c2.n), OK);
	co_join(&co);
	assert_int_equal(s.e, OK);
	sock_close(&client);
	sock_close(&s.sock);
	buf_free(&c2);
}

static const struct {
	const char *what;
	const char *bytes;
	size_t n;
	bool hang_up;
	err e;
} bad[] = {
	{"an HTTP request", "GET / HTTP/1.1\r\n\r\n", 18, false, ERR_PROTOCOL},
	{"an encrypted client", "\x06", 1, false, ERR_PROTOCOL},
	{"a proxy prefix that is too long", "\xF3\x04\x01", 3, false, ERR_LIMIT},
	{"garbage behind a proxy prefix", "\xF3\x00\x01x\x09", 5, false, ERR_PROTOCOL},
	{"nothing at all", "", 0, true, ERR_CLOSED},
	{"an end in the middle of C1", "\x03zzzz", 5, true, ERR_CLOSED},
	{"silence", "", 0, false, ERR_TIMEOUT},
	{"silence in the middle of C1", "\x03zzzz", 5, false, ERR_TIMEOUT},
};

static void nonsense_and_silence_end_with_a_clear_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct peer *client = peer_new(WHOLE);
		client->hang_up = bad[i].hang_up;
		buf_put(&client->say.out, bad[i].bytes, bad[i].n);
		struct sock *sock = peer_start(client);
		sock_set_deadline(sock, clock_after(bad[i].e == ERR_TIMEOUT ? 30 : 10000));
		err e = handshake_server(sock);
		if (e != bad[i].e)
			fail_msg("%s: %s (%s)", bad[i].what, err_slug(e), err_trail(e));
		sock_close(&sock);
		peer_join(client);
		assert_int_equal(client->heard.n, 0);
		peer_free(&client);
	}
}

static void a_slow_client_does_not_outlive_the_deadline(void **state)
{
	(void)state;
	struct peer *client = peer_new(BYTEWISE);
	buf_u8(&client->say.out, 3);
	for (int i = 0; i < 1000; i++) /* C1 never becomes whole */
		buf_u8(&client->say.out, 'z');
	struct sock *sock = peer_start(client);
	sock_set_deadline(sock, clock_after(50));
	assert_int_equal(handshake_server(sock), ERR_TIMEOUT);
	sock_close(&sock);
	peer_join(client);
	peer_free(&client);
}

static void client_refuses_what_is_no_server(void **state)
{
	(void)state;
	struct peer *server = peer_new(WHOLE);
	struct buf c2 = {.max = 8192};
	for (int i = 0; i < 1 + 2 * B; i++)
		buf_u8(&server->say.out, 'H');
	struct sock *sock = peer_start(server);
	assert_int_equal(handshake_client(sock, &c2), ERR_PROTOCOL);
	assert_int_equal(c2.n, 0);
	sock_close(&sock);
	peer_join(server);
	peer_free(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_answers_each_kind_of_client_in_its_schema),
		cmocka_unit_test(client_accepts_each_kind_of_server),
		cmocka_unit_test(our_client_and_our_server_agree),
		cmocka_unit_test(nonsense_and_silence_end_with_a_clear_error),
		cmocka_unit_test(a_slow_client_does_not_outlive_the_deadline),
		cmocka_unit_test(client_refuses_what_is_no_server),
	};
	return cmocka_run_group_tests(tests, peer_setup, peer_teardown);
}
