#include "rtc/dtls_tail.h"
#include "base/cur.h"
#include "base/mem.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/ssl.h>
#include <stdlib.h>

enum {
	KEY_MAX = 32,
	SALT = 4,   /* of the nonce; the other eight bytes stand in the record */
	NUMBER = 8, /* epoch and number of a record */
	HEAD = 13,
	TAG = 16,
	ALERT = 21,
	ALERT_BYTES = 2,
	FATAL = 2,
	CLOSE_NOTIFY = 0,
	RANDOM = 32,
	MASTER_MAX = 48,
};

/* Of records of epoch 1 none has had a number as high as this. */
static const uint8_t our_number[NUMBER] = {0, 1, 0, 1, 0, 0, 0, 0};

struct tail_side {
	uint8_t key[KEY_MAX], salt[SALT];
};

struct dtls_tail {
	size_t key_size;
	struct tail_side ours, theirs;
};

/* ---- keys ---- */

static const EVP_CIPHER *cipher_of(const struct dtls_tail *t)
{
	return t->key_size == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
}

static size_t key_size_of(const SSL_CIPHER *cipher)
{
	int id = cipher ? SSL_CIPHER_get_cipher_nid(cipher) : NID_undef;
	return id == NID_aes_128_gcm ? 16 : id == NID_aes_256_gcm ? 32 : 0;
}

/* RFC 5246, 6.3: of the master secret, and the server's random in front of the client's. */
static bool expand(uint8_t *out, size_t n, const SSL *ssl)
{
	uint8_t master[MASTER_MAX], server[RANDOM], client[RANDOM];
	static char label[] = "key expansion";
	const EVP_MD *md = SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(ssl));
	size_t size = SSL_SESSION_get_master_key(SSL_get_session(ssl), master, sizeof(master));
	bool whole = SSL_get_server_random(ssl, server, RANDOM) == RANDOM &&
		     SSL_get_client_random(ssl, client, RANDOM) == RANDOM && md && size > 0;
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(
			OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)(md ? EVP_MD_get0_name(md) : ""),
			0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master, size),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, label, sizeof(label) - 1),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, server, RANDOM),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, client, RANDOM),
		OSSL_PARAM_construct_end(),
	};
	bool ok = whole && ctx && EVP_KDF_derive(ctx, out, n, params) == 1;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	OPENSSL_cleanse(master, sizeof(master));
	return ok;
}

struct dtls_tail *dtls_tail_new(SSL *ssl, bool is_client)
{
	uint8_t block[2 * (KEY_MAX + SALT)], *p = block;
	size_t n = key_size_of(SSL_get_current_cipher(ssl));
	if (!n || !expand(block, 2 * (n + SALT), ssl))
		return NULL;
	struct dtls_tail *t = mem_new(struct dtls_tail);
	struct tail_side *client = is_client ? &t->ours : &t->theirs;
	struct tail_side *server = is_client ? &t->theirs : &t->ours;
	t->key_size = n;
	memcpy(client->key, p, n);
	memcpy(server->key, p + n, n);
	memcpy(client->salt, p + 2 * n, SALT);
	memcpy(server->salt, p + 2 * n + SALT, SALT);
	OPENSSL_cleanse(block, sizeof(block));
	return t;
}

void dtls_tail_free(struct dtls_tail **tail)
{
	if (*tail)
		OPENSSL_cleanse(*tail, sizeof(**tail));
	free(*tail);
	*tail = NULL;
}

/* ---- records ---- */

/* Encrypts or decrypts an alert in place; `tag` is written or checked. */
static bool crypt(const struct dtls_tail *t, const struct tail_side *side, bool encrypts,
		  const uint8_t *number, const uint8_t *nonce, uint8_t *alert, uint8_t *tag)
{
	uint8_t iv[SALT + NUMBER], extra[HEAD];
	int n;
	memcpy(iv, side->salt, SALT);
	memcpy(iv + SALT, nonce, NUMBER);
	memcpy(extra, number, NUMBER);
	memcpy(extra + NUMBER, (const uint8_t[]){ALERT, 0xFE, 0xFD, 0, ALERT_BYTES}, 5);
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	bool ok = c && EVP_CipherInit_ex(c, cipher_of(t), NULL, side->key, iv, encrypts) == 1 &&
		  (encrypts || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1) &&
		  EVP_CipherUpdate(c, NULL, &n, extra, sizeof(extra)) == 1 &&
		  EVP_CipherUpdate(c, alert, &n, alert, ALERT_BYTES) == 1 &&
		  EVP_CipherFinal_ex(c, alert + ALERT_BYTES, &n) == 1 &&
		  (!encrypts || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG, tag) == 1);
	EVP_CIPHER_CTX_free(c);
	return ok;
}

bool dtls_tail_say(const struct dtls_tail *t, uint8_t out[static DTLS_GOODBYE])
{
	const uint16_t n = NUMBER + ALERT_BYTES + TAG;
	uint8_t *nonce = out + HEAD, *alert = nonce + NUMBER;
	memcpy(out, (const uint8_t[]){ALERT, 0xFE, 0xFD}, 3);
	memcpy(out + 3, our_number, NUMBER);
	out[11] = 0;
	out[12] = (uint8_t)n;
	memcpy(nonce, our_number, NUMBER);
	memcpy(alert, (const uint8_t[]){1, CLOSE_NOTIFY}, ALERT_BYTES);
	return crypt(t, &t->ours, true, our_number, nonce, alert, alert + ALERT_BYTES);
}

bool dtls_tail_hears(const struct dtls_tail *t, struct span datagram)
{
	struct cur c = cur_of(datagram.p, datagram.n);
	while (cur_left(&c) >= HEAD) {
		struct span head = cur_bytes(&c, HEAD);
		struct span body = cur_bytes(&c, (size_t)head.p[11] << 8 | head.p[12]);
		uint8_t alert[ALERT_BYTES + TAG];
		if (!cur_ok(&c))
			return false;
		if (head.p[0] != ALERT || head.p[4] != 1 || body.n != NUMBER + sizeof(alert))
			continue;
		memcpy(alert, body.p + NUMBER, sizeof(alert));
		if (crypt(t, &t->theirs, false, head.p + 3, body.p, alert, alert + ALERT_BYTES))
			return alert[0] == FATAL || alert[1] == CLOSE_NOTIFY;
	}
	return false;
}
