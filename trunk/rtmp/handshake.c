/* Specification 5.2 gives the plain handshake: C1 and S1 are time, zero and random bytes, C2 and S2
 * echo the other side's. Flash Player and its servers hide a digest in the random bytes:
 *
 *   C1, S1:  time(4) version(4) block(764) block(764)
 *   schema 0: key block, digest block        schema 1: digest block, key block
 *   digest block: offset(4), noise with the digest of 32 bytes at (sum of the offset bytes) % 728
 *   digest: HMAC-SHA256 of the other 1504 bytes, keyed with a text that names the side
 *   C2, S2: 1504 random bytes, then their HMAC keyed with an HMAC of the other side's digest
 *
 * The key block only matters to encrypted RTMP; it stays random. C2 and S2 of the peer are read and
 * not verified: what they would prove, that the peer knows a published key, is worth nothing.
 *
 * Nothing is allocated before the first byte has come, so a silent connection costs nothing here. */
#include "rtmp/handshake.h"
#include "base/log.h"
#include "base/mem.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>

enum {
	VERSION = 3,
	BLOCK = 1536, /* C1, C2, S1, S2 */
	DIGEST = 32,
	SIGNED = BLOCK - DIGEST,
	PROXY = 0xF3, /* a proxy's prefix: this byte, length(2), that many bytes */
	PROXY_MAX = 1024,
};

/* Versions in C1 and S1. ffmpeg insists on a digest when the first byte of S1's is 3 or more. */
static const uint32_t client_version = 0x80000702, server_version = 0x01000504;

enum { SECRET = 32, CLIENT_NAME = 30, SERVER_NAME_N = 36 };
/* The names of the two sides, each with the same secret behind it: the name alone keys C1 and S1,
 * the whole keys C2 and S2. */
static const uint8_t client_key[CLIENT_NAME + SECRET] =
	"Genuine Adobe Flash Player 001"
	"\xf0\xee\xc2\x4a\x80\x68\xbe\xe8\x2e\x00\xd0\xd1\x02\x9e\x7e\x57"
	"\x6e\xec\x5d\x2d\x29\x80\x6f\xab\x93\xb8\xe6\x36\xcf\xeb\x31\xae";
static const uint8_t server_key[SERVER_NAME_N + SECRET] =
	"Genuine Adobe Flash Media Server 001"
	"\xf0\xee\xc2\x4a\x80\x68\xbe\xe8\x2e\x00\xd0\xd1\x02\x9e\x7e\x57"
	"\x6e\xec\x5d\x2d\x29\x80\x6f\xab\x93\xb8\xe6\x36\xcf\xeb\x31\xae";

static err read_c0(struct sock *sock);
static uint8_t *make_answer(const uint8_t *c1);
static const uint8_t *find_digest(const uint8_t *block, const uint8_t *key, int key_n, int *schema);
static void make_signed(uint8_t *block, int schema, uint32_t version, const uint8_t *key,
			int key_n);
static void make_echo(uint8_t *block, const uint8_t *key, int key_n, const uint8_t *peer_digest);

err handshake_server(struct sock *sock)
{
	err e = read_c0(sock);
	if (e)
		return err_add(e, "handshake");
	uint8_t *peer = mem_alloc(BLOCK); /* C1, then C2 */
	e = sock_recv_all(sock, peer, BLOCK);
	if (!e) {
		uint8_t *answer = make_answer(peer);
		e = sock_send(sock, answer, 1 + 2 * BLOCK);
		free(answer);
	}
	if (!e)
		e = sock_recv_all(sock, peer, BLOCK);
	free(peer);
	return e ? err_add(e, "handshake") : OK;
}

static err skip_proxy(struct sock *sock)
{
	uint8_t head[2];
	TRY(sock_recv_all(sock, head, sizeof(head)));
	size_t n = (size_t)head[0] << 8 | head[1];
	if (n > PROXY_MAX)
		return err_fail(ERR_LIMIT, "a proxy's prefix of %zu bytes", n);
	uint8_t *p = mem_alloc(n);
	err e = n ? sock_recv_all(sock, p, n) : OK;
	if (!e && n >= 4)
		log_info("proxied for %u.%u.%u.%u", p[0], p[1], p[2], p[3]);
	free(p);
	return e;
}

static err read_c0(struct sock *sock)
{
	uint8_t c0;
	TRY(sock_recv_all(sock, &c0, 1));
	if (c0 == PROXY) {
		TRY(skip_proxy(sock));
		TRY(sock_recv_all(sock, &c0, 1));
	}
	if (c0 != VERSION)
		return err_fail(ERR_PROTOCOL, "this is not RTMP: it begins with 0x%02x", c0);
	return OK;
}

/* S0 S1 S2 in one piece, so that they leave in one send. */
static uint8_t *make_answer(const uint8_t *c1)
{
	uint8_t *answer = mem_zalloc(1 + 2 * BLOCK);
	uint8_t *s1 = answer + 1, *s2 = s1 + BLOCK;
	int schema;
	const uint8_t *digest = find_digest(c1, client_key, CLIENT_NAME, &schema);
	answer[0] = VERSION;
	if (digest) {
		make_signed(s1, schema, server_version, server_key, SERVER_NAME_N);
		make_echo(s2, server_key, sizeof(server_key), digest);
	} else {
		/* Time and version stay zero: see server_version above. */
		(void)RAND_bytes(s1 + 8, BLOCK - 8);
		memcpy(s2, c1, BLOCK);
	}
	return answer;
}

err handshake_client(struct sock *sock, struct buf *out)
{
	enum { ANSWER = 1 + 2 * BLOCK };
	uint8_t *b = mem_zalloc(ANSWER); /* C0 C1, then S0 S1 S2 */
	b[0] = VERSION;
	make_signed(b + 1, 1, client_version, client_key, CLIENT_NAME);
	err e = sock_send(sock, b, 1 + BLOCK);
	if (!e)
		e = sock_recv_all(sock, b, ANSWER);
	if (!e && b[0] != VERSION)
		e = err_fail(ERR_PROTOCOL, "this is no RTMP server: it begins with 0x%02x", b[0]);
	if (!e) {
		int schema;
		const uint8_t *digest = find_digest(b + 1, server_key, SERVER_NAME_N, &schema);
		uint8_t *c2 = b + 1 + BLOCK;
		if (digest)
			make_echo(c2, client_key, sizeof(client_key), digest);
		else
			memcpy(c2, b + 1, BLOCK);
		buf_put(out, c2, BLOCK);
	}
	free(b);
	return e ? err_add(e, "handshake") : OK;
}

/* Where the digest stands in a block, by its own offset bytes. */
static size_t digest_at(const uint8_t *block, int schema)
{
	size_t at = schema == 0 ? 8 + 764 : 8;
	return at + 4 + (size_t)(block[at] + block[at + 1] + block[at + 2] + block[at + 3]) % 728;
}

static void hmac(uint8_t out[static DIGEST], const uint8_t *key, int key_n, const uint8_t *p,
		 size_t n)
{
	unsigned size = 0;
	if (!HMAC(EVP_sha256(), key, key_n, p, n, out, &size) || size != DIGEST)
		memset(out, 0, DIGEST);
}

static void sign(uint8_t out[static DIGEST], const uint8_t *block, size_t at, const uint8_t *key,
		 int key_n)
{
	uint8_t *rest = mem_alloc(SIGNED);
	memcpy(rest, block, at);
	memcpy(rest + at, block + at + DIGEST, SIGNED - at);
	hmac(out, key, key_n, rest, SIGNED);
	free(rest);
}

/* The digest within the block when it is a true one, in the schema that it is true for. */
static const uint8_t *find_digest(const uint8_t *block, const uint8_t *key, int key_n, int *schema)
{
	for (int i = 0; i < 2; i++) {
		uint8_t digest[DIGEST];
		size_t at = digest_at(block, i);
		sign(digest, block, at, key, key_n);
		if (CRYPTO_memcmp(digest, block + at, DIGEST) == 0) {
			*schema = i;
			return block + at;
		}
	}
	return NULL;
}

/* A C1 or S1 with a digest. The random bytes also choose where it stands. */
static void make_signed(uint8_t *block, int schema, uint32_t version, const uint8_t *key, int key_n)
{
	(void)RAND_bytes(block, BLOCK);
	memset(block, 0, 4);
	for (int i = 0; i < 4; i++)
		block[4 + i] = (uint8_t)(version >> (24 - 8 * i));
	size_t at = digest_at(block, schema);
	sign(block + at, block, at, key, key_n);
}

/* A C2 or S2 that answers the peer's digest. */
static void make_echo(uint8_t *block, const uint8_t *key, int key_n, const uint8_t *peer_digest)
{
	uint8_t temp[DIGEST];
	hmac(temp, key, key_n, peer_digest, DIGEST);
	(void)RAND_bytes(block, SIGNED);
	hmac(block + SIGNED, temp, DIGEST, block, SIGNED);
}
