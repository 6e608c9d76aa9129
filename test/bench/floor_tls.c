/* Writes to each connection one block a period, as floor_write.c does, by SSL_write: what a stream that is
 * encrypted costs at least. The certificate is made at the start. */
#include "floor.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>

static struct clients clients;
static SSL *sessions[CLIENTS_MAX];
static uint32_t owed[CLIENTS_MAX]; /* of the last block, what did not fit */
static uint8_t block[BLOCK_MAX];
static uint32_t block_size;
static SSL_CTX *ctx;

static bool make_certificate(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 24 * 3600);
	X509_set_pubkey(x, key);
	bool done = X509_sign(x, key, EVP_sha256()) > 0 && SSL_CTX_use_certificate(ctx, x) == 1 &&
		    SSL_CTX_use_PrivateKey(ctx, key) == 1;
	X509_free(x);
	EVP_PKEY_free(key);
	return done;
}

static bool prepare(double kbps, double period_ms)
{
	memset(block, 0x55, sizeof(block));
	block_size = (uint32_t)(kbps * period_ms / 8);
	ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	return make_certificate() && block_size > 0 && block_size <= BLOCK_MAX / 4;
}

static void accepted(int listener, int fd)
{
	(void)listener;
	SSL *ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	SSL_set_accept_state(ssl);
	owed[clients.count] = 0;
	sessions[clients.count] = ssl;
	clients.fd[clients.count++] = fd;
}

static int count(void)
{
	return clients.count;
}

static void drop(int i)
{
	SSL_free(sessions[i]);
	clients_drop(&clients, i);
	owed[i] = owed[clients.count];
	sessions[i] = sessions[clients.count];
}

static bool is_broken(int i, int rc)
{
	int kind = SSL_get_error(sessions[i], rc);
	ERR_clear_error();
	return kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE;
}

static void serve(int i)
{
	uint32_t want = block_size + owed[i], done = 0;
	int rc = SSL_is_init_finished(sessions[i]) ? 1 : SSL_do_handshake(sessions[i]);
	while (rc == 1 && done < want) {
		size_t n = 0, part = want - done < 16384 ? want - done : 16384;
		rc = SSL_write_ex(sessions[i], block, part, &n);
		done += (uint32_t)n;
	}
	if (rc != 1 && is_broken(i, rc)) {
		drop(i);
		return;
	}
	if (!SSL_is_init_finished(sessions[i]))
		return;
	owed[i] = want - done;
	owed[i] = owed[i] > BLOCK_MAX / 2 ? BLOCK_MAX / 2 : owed[i];
}

const struct floor floor_tls = {.name = "tls",
				.listeners = 1,
				.prepare = prepare,
				.accepted = accepted,
				.count = count,
				.serve = serve};
