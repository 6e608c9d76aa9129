/* Keys of session tickets. The ticket that a client brings back is encrypted with one of them: whoever
 * has the same keys can resume the session. */
#include "base/log.h"
#include "base/mem.h"
#include "net/tls_inside.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

enum {
	NAME = 16,
	SHORT_FILE = 48, /* name, key of the check sum, key of the cipher: 16 bytes each */
	LONG_FILE = 80,  /* 16, 32, 32 */
	KEYS_MAX = TLS_TICKET_FILES_MAX,
	ROTATE_MS = 12 * 3600 * 1000,
};

struct ticket_key {
	uint8_t name[NAME], mac[32], cipher[32];
	size_t size; /* of mac and cipher each: 16 or 32 */
};

/* The first one encrypts. */
static struct {
	struct ticket_key keys[KEYS_MAX];
	int count;
	bool random;
	int64_t made_ms;
} tickets;

static bool make_random(void)
{
	struct ticket_key fresh = {.size = 32};
	if (RAND_bytes(fresh.name, NAME) != 1 || RAND_priv_bytes(fresh.mac, 32) != 1 ||
	    RAND_priv_bytes(fresh.cipher, 32) != 1)
		return false;
	/* A ticket of before the last change is not asked for any more: it has expired. */
	tickets.keys[1] = tickets.keys[0];
	tickets.keys[0] = fresh;
	tickets.count = tickets.count ? 2 : 1;
	tickets.random = true;
	tickets.made_ms = clock_ms();
	return true;
}

static bool keys_ready(void)
{
	if (tickets.count == 0 || (tickets.random && clock_ms() - tickets.made_ms >= ROTATE_MS))
		return make_random();
	return true;
}

static const struct ticket_key *find_key(const uint8_t name[NAME])
{
	for (int i = 0; i < tickets.count; i++)
		if (memcmp(tickets.keys[i].name, name, NAME) == 0)
			return &tickets.keys[i];
	return NULL;
}

static bool set_mac(EVP_MAC_CTX *mac, const struct ticket_key *key)
{
	char digest[] = "SHA256";
	uint8_t secret[32];
	memcpy(secret, key->mac, sizeof(secret));
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secret, key->size),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	bool done = EVP_MAC_CTX_set_params(mac, params) == 1;
	OPENSSL_cleanse(secret, sizeof(secret));
	return done;
}

static const EVP_CIPHER *cipher_of(const struct ticket_key *key)
{
	return key->size == 16 ? EVP_aes_128_cbc() : EVP_aes_256_cbc();
}

/* 1: done; 2: done, and the client gets a new ticket (in TLS 1.3 it uses each one once); 0: no such
 * key; -1: it failed. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
		     EVP_MAC_CTX *mac, int encrypt)
{
	if (!keys_ready())
		return -1;
	const struct ticket_key *key = encrypt ? &tickets.keys[0] : find_key(name);
	if (!key)
		return 0;
	if (encrypt) {
		memcpy(name, key->name, NAME);
		if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(cipher_of(key))) != 1)
			return -1;
	}
	if (EVP_CipherInit_ex(cipher, cipher_of(key), NULL, key->cipher, iv, encrypt) != 1 ||
	    !set_mac(mac, key))
		return -1;
	bool renew = key != &tickets.keys[0] || SSL_version(ssl) == TLS1_3_VERSION;
	return encrypt || !renew ? 1 : 2;
}

void tls_tickets_use(SSL_CTX *ctx)
{
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
	SSL_CTX_set_timeout(ctx, ROTATE_MS / 1000);
}

/* ---- files ---- */

struct ticket_load {
	const char *const *files;
	int count;
	struct ticket_key keys[KEYS_MAX];
	const char *bad; /* the file that cannot be used */
};

static bool read_key(struct ticket_key *key, const char *path)
{
	uint8_t bytes[LONG_FILE + 1];
	FILE *file = fopen(path, "rbe");
	if (!file)
		return false;
	size_t n = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	if (n != SHORT_FILE && n != LONG_FILE)
		return false;
	*key = (struct ticket_key){.size = (n - NAME) / 2};
	memcpy(key->name, bytes, NAME);
	memcpy(key->mac, bytes + NAME, key->size);
	memcpy(key->cipher, bytes + NAME + key->size, key->size);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return true;
}

static void read_keys(void *arg)
{
	struct ticket_load *load = arg;
	for (int i = 0; i < load->count && !load->bad; i++)
		if (!read_key(&load->keys[i], load->files[i]))
			load->bad = load->files[i];
}

err tls_tickets_load(const char *const *files, int count)
{
	struct ticket_load load = {.files = files, .count = count};
	if (count > KEYS_MAX)
		return err_fail(ERR_CONFIG, "more than %d files of ticket keys", KEYS_MAX);
	if (count == 0) {
		if (!tickets.random)
			tickets.count = 0;
		return OK;
	}
	co_offload(read_keys, &load);
	if (load.bad)
		return err_fail(ERR_CONFIG, "%s is no ticket key: a file of 48 or 80 random bytes",
				load.bad);
	memcpy(tickets.keys, load.keys, sizeof(tickets.keys));
	tickets.count = count;
	tickets.random = false;
	OPENSSL_cleanse(&load, sizeof(load));
	return OK;
}
