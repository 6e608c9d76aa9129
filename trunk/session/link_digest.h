/* link_digest - hashes and texts that the formats of signed links are made of. Layer: session, for
 * link_formats.c only. */
#pragma once
#include "base/buf.h"

enum link_hash { LINK_MD5, LINK_SHA256 };
enum { LINK_DIGEST_MAX = 32, LINK_HEX_MAX = 2 * LINK_DIGEST_MAX + 1, LINK_B64_MAX = 48 };

struct link_digest {
	unsigned char p[LINK_DIGEST_MAX];
	size_t n; /* 0: it could not be computed */
};

/* The digest of the text that the format describes, as printf(). */
struct link_digest link_hash(enum link_hash hash, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
struct link_digest link_hmac(struct span key, struct span text);
void link_hex(char out[static LINK_HEX_MAX], const struct link_digest *d);
/* base64url, with or without padding. */
void link_base64(char out[static LINK_B64_MAX], const struct link_digest *d, bool padding);
/* base64url, padded or not, into bytes; false when it is none or too long. */
bool link_base64_read(unsigned char *out, size_t cap, size_t *n, struct span text);
bool link_hex_read(unsigned char *out, size_t cap, size_t *n, const char *text);
/* Takes as long whatever the texts are; of their lengths only. */
bool link_same(const char *a, const char *b);
/* A parameter that is there once and no more: of two it would not be clear which was signed. */
bool link_param(char *out, size_t cap, const char *param, const char *name);
/* A number to that base and nothing behind it. */
bool link_number(int64_t *out, const char *text, int base);
