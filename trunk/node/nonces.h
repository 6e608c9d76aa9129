/* nonces - which signed requests were here before. Layer: node; for sign.c. */
#pragma once
#include "node/sign.h"

enum {
	NONCE_BYTES = 16,
	NONCE_TAG_BYTES = NONCE_BYTES / 2, /* of them name the sender */
};

struct nonces;
struct nonces *nonces_new(void);
void nonces_free(struct nonces **nonces);
/* Of a request with a known secret: `text` is its nonce in hexadecimal, `time` its wall time, which is
 * within SIGN_SKEW_MS of now. SIGN_GOOD, SIGN_REPLAYED, or SIGN_LATE for what may have been forgotten. */
enum sign_verdict nonces_take(struct nonces *nonces, const char *text, int64_t time, int64_t now);
int nonces_count(const struct nonces *nonces);
