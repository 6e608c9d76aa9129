/* The certificate signs itself: who it belongs to is said by the fingerprint in the answer, over a channel that
 * is trusted already (RFC 8827). */
#include "rtc/dtls_identity.h"
#include "base/mem.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	SERIAL_BITS = 127,
	DAY_S = 24 * 3600,
	VALID_DAYS = 365,
	SHA256_BYTES = 32,
	LEVEL_OF_OLD_PEERS = 1, /* devices with RSA keys of 1024 bits */
};

static const char ciphers[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
			      "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
			      "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-SHA:"
			      "ECDHE-RSA-AES128-SHA";
static const char profiles[] = "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80";

static err failed(const char *what)
{
	char text[128];
	ERR_error_string_n(ERR_get_error(), text, sizeof(text));
	return err_fail(ERR_SYSTEM, "DTLS: %s: %s", what, text);
}

/* ---- the certificate ---- */

static bool set_serial(X509 *cert)
{
	BIGNUM *n = BN_new();
	bool ok = n && BN_rand(n, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
		  BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
	BN_free(n);
	return ok;
}

static bool fill_in(X509 *cert, EVP_PKEY *key)
{
	X509_NAME *name = X509_get_subject_name(cert);
	return X509_set_version(cert, X509_VERSION_3) && set_serial(cert) &&
	       X509_gmtime_adj(X509_getm_notBefore(cert), -DAY_S) &&
	       X509_gmtime_adj(X509_getm_notAfter(cert), (long)VALID_DAYS * DAY_S) &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"webrtc",
					  -1, -1, 0) &&
	       X509_set_issuer_name(cert, name) && X509_set_pubkey(cert, key) &&
	       X509_sign(cert, key, EVP_sha256()) > 0;
}

static bool set_fingerprint(struct dtls_identity *id, const X509 *cert)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n;
	if (!X509_digest(cert, EVP_sha256(), digest, &n) || n != SHA256_BYTES)
		return false;
	struct buf text = {.max = sizeof(id->fingerprint) - 1};
	buf_printf(&text, "sha-256 ");
	for (unsigned i = 0; i < n; i++)
		buf_printf(&text, i ? ":%02X" : "%02X", digest[i]);
	bool ok = buf_ok(&text);
	snprintf(id->fingerprint, sizeof(id->fingerprint), "%s", buf_text(&text));
	buf_free(&text);
	return ok;
}

static err make_certificate(struct dtls_identity *id)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	bool ok = key && cert && fill_in(cert, key) && set_fingerprint(id, cert) &&
		  SSL_CTX_use_certificate(id->ctx, cert) == 1 &&
		  SSL_CTX_use_PrivateKey(id->ctx, key) == 1;
	X509_free(cert);
	EVP_PKEY_free(key);
	return ok ? OK : failed("no certificate could be made");
}

/* ---- what it is used with ---- */

/* Any certificate will do here: it is compared with the offer's fingerprint when the handshake is done. */
static int take_any(int ok, X509_STORE_CTX *store)
{
	(void)ok;
	(void)store;
	return 1;
}

static bool set_up(SSL_CTX *ctx)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET |
					 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_security_level(ctx, LEVEL_OF_OLD_PEERS);
	SSL_CTX_set_read_ahead(ctx, 1); /* a datagram is read as a whole */
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, take_any);
	return SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) &&
	       SSL_CTX_set_max_proto_version(ctx, DTLS1_2_VERSION) &&
	       SSL_CTX_set_cipher_list(ctx, ciphers) &&
	       SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") &&
	       SSL_CTX_set_tlsext_use_srtp(ctx, profiles) == 0; /* 0 is success there */
}

err dtls_identity_new(struct dtls_identity **out)
{
	struct dtls_identity *id = mem_new(struct dtls_identity);
	id->since_ms = clock_ms();
	id->ctx = SSL_CTX_new(DTLS_method());
	err e = id->ctx && set_up(id->ctx) ? make_certificate(id) : failed("it cannot be set up");
	if (e) {
		dtls_identity_free(&id);
		return e;
	}
	*out = id;
	return OK;
}

void dtls_identity_free(struct dtls_identity **id)
{
	if (*id)
		SSL_CTX_free((*id)->ctx);
	free(*id);
	*id = NULL;
}

const char *dtls_identity_fingerprint(const struct dtls_identity *id)
{
	return id->fingerprint;
}

bool dtls_identity_is_old(const struct dtls_identity *id)
{
	return clock_ms() - id->since_ms >= (int64_t)DTLS_RENEW_MS;
}
