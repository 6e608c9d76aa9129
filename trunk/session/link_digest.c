#include "session/link_digest.h"
#include "base/mem.h"
#include "codec/url.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 2 * URL_MAX + 2048 };

static const EVP_MD *md_of(enum link_hash hash)
{
	return hash == LINK_MD5 ? EVP_md5() : EVP_sha256();
}

struct link_digest link_hash(enum link_hash hash, const char *fmt, ...)
{
	struct link_digest d = {0};
	unsigned size = 0;
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0 || n > TEXT_MAX)
		return d;
	char *text = mem_alloc((size_t)n + 1);
	va_start(args, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, args);
	va_end(args);
	if (EVP_Digest(text, (size_t)n, d.p, &size, md_of(hash), NULL) == 1)
		d.n = size;
	OPENSSL_cleanse(text, (size_t)n);
	free(text);
	return d;
}

struct link_digest link_hmac(struct span key, struct span text)
{
	struct link_digest d = {0};
	unsigned size = 0;
	if (HMAC(EVP_sha256(), key.p, (int)key.n, text.p, text.n, d.p, &size))
		d.n = size;
	return d;
}

void link_hex(char out[static LINK_HEX_MAX], const struct link_digest *d)
{
	out[0] = '\0';
	for (size_t i = 0; i < d->n; i++)
		snprintf(out + 2 * i, 3, "%02x", d->p[i]);
}

void link_base64(char out[static LINK_B64_MAX], const struct link_digest *d, bool padding)
{
	int n = EVP_EncodeBlock((unsigned char *)out, d->p, (int)d->n);
	for (int i = 0; i < n; i++)
		out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
	while (!padding && n > 0 && out[n - 1] == '=')
		out[--n] = '\0';
}

bool link_base64_read(unsigned char *out, size_t cap, size_t *n, struct span text)
{
	while (text.n && text.p[text.n - 1] == '=')
		text.n--;
	size_t padded = (text.n + 3) / 4 * 4;
	if (text.n % 4 == 1 || padded / 4 * 3 > cap)
		return false;
	char *plain = mem_alloc(padded + 1);
	for (size_t i = 0; i < padded; i++) {
		char c = i < text.n ? (char)text.p[i] : '=';
		plain[i] = c == '-' ? '+' : c == '_' ? '/' : c;
	}
	int got = EVP_DecodeBlock(out, (const unsigned char *)plain, (int)padded);
	free(plain);
	if (got < 0)
		return false;
	*n = (size_t)got - (padded - text.n);
	return true;
}

static int hex_value(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

bool link_hex_read(unsigned char *out, size_t cap, size_t *n, const char *text)
{
	size_t length = strlen(text);
	if (length % 2 || length / 2 > cap)
		return false;
	for (size_t i = 0; i < length; i += 2) {
		int high = hex_value(text[i]), low = hex_value(text[i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i / 2] = (unsigned char)(high << 4 | low);
	}
	*n = length / 2;
	return true;
}

bool link_same(const char *a, const char *b)
{
	size_t n = strlen(a);
	return n > 0 && n == strlen(b) && CRYPTO_memcmp(a, b, n) == 0;
}

static int count_param(const char *param, const char *name)
{
	int count = 0;
	size_t n = strlen(name);
	for (const char *p = param; *p;) {
		p += *p == '?' || *p == '&';
		count += strncmp(p, name, n) == 0 && (p[n] == '=' || !p[n] || p[n] == '&');
		p += strcspn(p, "&");
	}
	return count;
}

bool link_param(char *out, size_t cap, const char *param, const char *name)
{
	return count_param(param, name) == 1 && param_get(out, cap, param, name) && *out;
}

bool link_number(int64_t *out, const char *text, int base)
{
	char *end;
	if (hex_value(*text) < 0)
		return false;
	errno = 0;
	long long value = strtoll(text, &end, base);
	*out = value;
	return !errno && !*end && value >= 0;
}
