#include "session/link_digest.h"
#include "session/link_formats.h"
#include "session/link_public.h"
#include "support/unit.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 2000, NOW = 1800000000 };

static EVP_PKEY *rsa, *small, *ec, *other_ec;
static char rsa_text[TEXT_MAX], small_text[TEXT_MAX], ec_text[TEXT_MAX];

/* ---- whoever makes the links ---- */

static void to_base64url(char *out, const unsigned char *p, size_t n)
{
	int length = EVP_EncodeBlock((unsigned char *)out, p, (int)n);
	while (length > 0 && out[length - 1] == '=')
		length--;
	out[length] = '\0';
	for (char *c = out; *c; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
}

static void public_text(char *out, EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	assert_true(n > 0 && n * 4 / 3 + 4 < TEXT_MAX);
	EVP_EncodeBlock((unsigned char *)out, der, n);
	OPENSSL_free(der);
}

static int make_keys(void **state)
{
	(void)state;
	rsa = EVP_RSA_gen(2048);
	small = EVP_RSA_gen(1024);
	ec = EVP_EC_gen("P-256");
	other_ec = EVP_EC_gen("P-384");
	if (!rsa || !small || !ec || !other_ec)
		return -1;
	public_text(rsa_text, rsa);
	public_text(small_text, small);
	public_text(ec_text, ec);
	return 0;
}

static int free_keys(void **state)
{
	(void)state;
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(small);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(other_ec);
	return 0;
}

static size_t raw_of(unsigned char raw[static 64], const unsigned char *der, size_t n)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
	assert_non_null(sig);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32), 32);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32), 32);
	ECDSA_SIG_free(sig);
	return 64;
}

static void sign(char *out, EVP_PKEY *key, const char *text)
{
	unsigned char sig[512], raw[64];
	size_t n = sizeof(sig);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &n, (const unsigned char *)text, strlen(text)),
			 1);
	EVP_MD_CTX_free(ctx);
	if (key == ec)
		to_base64url(out, raw, raw_of(raw, sig, n));
	else
		to_base64url(out, sig, n);
}

/* "HEADER.CLAIMS" of a link for /live/a. */
static void unsigned_token(char *out, const char *alg)
{
	char json[128], head[256], claims[256];
	snprintf(json, sizeof(json), "{\"alg\":\"%s\"}", alg);
	to_base64url(head, (const unsigned char *)json, strlen(json));
	snprintf(json, sizeof(json), "{\"path\":\"/live/a\",\"exp\":%d}", NOW + 10);
	to_base64url(claims, (const unsigned char *)json, strlen(json));
	snprintf(out, TEXT_MAX, "%s.%s", head, claims);
}

/* What the check says of a token; NULL when it is good. */
static const char *check_token(char *key, const char *token)
{
	char param[2 * TEXT_MAX], no_parameter[] = "";
	snprintf(param, sizeof(param), "?token=%s", token);
	struct conf_signed_links conf = {.format = LINK_FORMAT_JWT, .parameter = no_parameter};
	struct link_ask ask = {.action = LINK_PLAY,
			       .app = "live",
			       .stream = "a",
			       .path = "/live/a",
			       .param = param,
			       .proof = "",
			       .ip = "127.0.0.1",
			       .now_s = NOW};
	return link_check_jwt(&conf, &ask, &(struct link_key){.secret = key});
}

/* ---- cases ---- */

static void keys_are_told_from_secrets(void **state)
{
	char text[TEXT_MAX];
	struct link_public *key;
	(void)state;
	key = link_public_read(rsa_text);
	assert_string_equal(link_public_name(key), "RS256");
	link_public_free(&key);
	key = link_public_read(ec_text);
	assert_string_equal(link_public_name(key), "ES256");
	link_public_free(&key);
	assert_null(link_public_read(small_text)); /* too short to be trusted */
	public_text(text, other_ec);
	assert_null(link_public_read(text));
	assert_null(link_public_read("a common secret"));
	assert_null(link_public_read(""));
	ec_text[20] ^= 1;
	assert_null(link_public_read(ec_text));
	ec_text[20] ^= 1;
}

static void tokens_by_private_keys_are_good(void **state)
{
	static const struct {
		EVP_PKEY **key;
		char *text;
		const char *alg;
	} cases[] = {{&rsa, rsa_text, "RS256"}, {&ec, ec_text, "ES256"}};
	char token[TEXT_MAX], sig[TEXT_MAX], whole[2 * TEXT_MAX + 8];
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		unsigned_token(token, cases[i].alg);
		sign(sig, *cases[i].key, token);
		snprintf(whole, sizeof(whole), "%s.%s", token, sig);
		assert_null(check_token(cases[i].text, whole));
		assert_non_null(check_token(cases[1 - i].text, whole)); /* another key */
		sig[10] = sig[10] == 'A' ? 'B' : 'A';
		snprintf(whole, sizeof(whole), "%s.%s", token, sig);
		assert_non_null(check_token(cases[i].text, whole));
		snprintf(whole, sizeof(whole), "%s.%.20s", token, sig);
		assert_non_null(check_token(cases[i].text, whole));
		unsigned_token(token, "none");
		sign(sig, *cases[i].key, token);
		snprintf(whole, sizeof(whole), "%s.%s", token, sig);
		assert_non_null(check_token(cases[i].text, whole)); /* says another algorithm */
	}
}

/* Everybody may know a public key: taken for a common secret it would sign for everybody. */
static void a_public_key_is_no_secret(void **state)
{
	char token[TEXT_MAX], sig[LINK_B64_MAX], whole[2 * TEXT_MAX];
	(void)state;
	unsigned_token(token, "HS256");
	struct link_digest d = link_hmac(span_str(rsa_text), span_str(token));
	link_base64(sig, &d, false);
	snprintf(whole, sizeof(whole), "%s.%s", token, sig);
	assert_non_null(check_token(rsa_text, whole));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_told_from_secrets),
		cmocka_unit_test(tokens_by_private_keys_are_good),
		cmocka_unit_test(a_public_key_is_no_secret),
	};
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
