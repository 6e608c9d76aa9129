/* link_public - signatures by a private key of somebody else: what checks them is a public key. Layer: session, for
 * link_tokens.c only. */
#pragma once
#include "base/span.h"

struct link_public;

/* The key that a text of the configuration is: a SubjectPublicKeyInfo (RFC 5280) in base64, as stands between the
 * lines of a PEM file; RSA from 2048 bits on, or EC on P-256. NULL: it is none, but a common secret. */
struct link_public *link_public_read(const char *text);
void link_public_free(struct link_public **key);
/* "RS256" or "ES256" (RFC 7518): what the key is for, whatever a token says. */
const char *link_public_name(const struct link_public *key);
/* `signature` as a token has it, in base64url. */
bool link_public_verify(const struct link_public *key, struct span text, const char *signature);
