/* Basic authentication. What the client sent is compared as digests of equal length, so that the
 * time taken says nothing about where two texts begin to differ, nor about their lengths. */
#include "base/mem.h"
#include "http/http.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <strings.h>

static bool digest(unsigned char out[static EVP_MAX_MD_SIZE], const void *p, size_t n)
{
	return EVP_Digest(p, n, out, NULL, EVP_sha256(), NULL) == 1;
}

static bool same(const char *a, const char *b)
{
	unsigned char da[EVP_MAX_MD_SIZE] = {0}, db[EVP_MAX_MD_SIZE] = {0};
	if (!digest(da, a, strlen(a)) || !digest(db, b, strlen(b)))
		return false;
	return CRYPTO_memcmp(da, db, sizeof(da)) == 0;
}

/* Base64 of "username:password", as the header carries it. */
static char *credentials(const char *username, const char *password)
{
	char *plain = mem_printf("%s:%s", username, password);
	size_t n = strlen(plain);
	char *text = mem_alloc((n + 2) / 3 * 4 + 1);
	EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)plain, (int)n);
	OPENSSL_cleanse(plain, n);
	free(plain);
	return text;
}

bool http_basic_ok(const struct http_message *request, const char *username, const char *password)
{
	const char *sent = http_header_get(request, "Authorization");
	if (!sent || strncasecmp(sent, "Basic ", 6) != 0)
		return false;
	sent += 6 + strspn(sent + 6, " ");
	char *expected = credentials(username, password);
	bool ok = same(sent, expected);
	OPENSSL_cleanse(expected, strlen(expected));
	free(expected);
	return ok;
}

bool http_bearer_ok(const struct http_message *request, const char *token)
{
	const char *sent = http_header_get(request, "Authorization");
	if (!sent || strncasecmp(sent, "Bearer ", 7) != 0)
		return false;
	sent += 7 + strspn(sent + 7, " ");
	return same(sent, token) && *token;
}
