#include "session/link_public.h"
#include "base/mem.h"
#include "session/link_digest.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = 1024, SIGNATURE_MAX = 1024, RSA_BITS_MIN = 2048, P256_BYTES = 32 };

struct link_public {
	EVP_PKEY *key;
	bool is_rsa;
};

static bool is_p256(EVP_PKEY *key)
{
	char curve[64];
	size_t n = 0;
	return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
	       EVP_PKEY_get_group_name(key, curve, sizeof(curve), &n) == 1 &&
	       strcmp(curve, "prime256v1") == 0;
}

struct link_public *link_public_read(const char *text)
{
	unsigned char der[KEY_MAX];
	const unsigned char *p = der;
	size_t n;
	if (!link_base64_read(der, sizeof(der), &n, span_str(text)))
		return NULL;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)n);
	bool is_rsa = key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
		      EVP_PKEY_get_bits(key) >= RSA_BITS_MIN;
	if (!key || (!is_rsa && !is_p256(key))) {
		EVP_PKEY_free(key);
		return NULL;
	}
	struct link_public *out = mem_new(struct link_public);
	out->key = key;
	out->is_rsa = is_rsa;
	return out;
}

void link_public_free(struct link_public **key)
{
	if (!*key)
		return;
	EVP_PKEY_free((*key)->key);
	free(*key);
	*key = NULL;
}

const char *link_public_name(const struct link_public *key)
{
	return key->is_rsa ? "RS256" : "ES256";
}

/* A token has the two numbers of the signature side by side; OpenSSL wants them as ASN.1. malloc'ed by
 * OpenSSL; NULL when they are no such thing. */
static unsigned char *asn1_of(const unsigned char *raw, size_t n, int *length)
{
	unsigned char *der = NULL;
	if (n != 2 * (size_t)P256_BYTES)
		return NULL;
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw, P256_BYTES, NULL);
	BIGNUM *s = BN_bin2bn(raw + P256_BYTES, P256_BYTES, NULL);
	if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
		*length = i2d_ECDSA_SIG(sig, &der);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(sig);
	return der;
}

static bool verify(EVP_PKEY *key, struct span text, const unsigned char *sig, size_t n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
		    EVP_DigestVerify(ctx, sig, n, text.p, text.n) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

bool link_public_verify(const struct link_public *key, struct span text, const char *signature)
{
	unsigned char raw[SIGNATURE_MAX];
	size_t n;
	if (!link_base64_read(raw, sizeof(raw), &n, span_str(signature)))
		return false;
	if (key->is_rsa)
		return verify(key->key, text, raw, n);
	int length = 0;
	unsigned char *der = asn1_of(raw, n, &length);
	bool good = der && length > 0 && verify(key->key, text, der, (size_t)length);
	OPENSSL_free(der);
	return good;
}
