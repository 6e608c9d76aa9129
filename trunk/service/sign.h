/* sign - how servers of a cluster know each other: by a shared secret. Layer: service.
 *
 * What one server asks another carries the time, a nonce and an HMAC-SHA256 over method, target,
 * body, time and nonce. The time may be off by SIGN_SKEW_MS; a nonce is good once, and is
 * remembered for as long as its time is good. Off while no vhost has a secret.
 *
 * Secrets belong to vhosts, the API to the process: what is asked about a vhost is signed with its
 * secret, else with the first one there is, and a signature by any secret of the process is good. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "conf/conf.h"

enum { SIGN_SKEW_MS = 30000, SIGN_NONCES_MAX = 32768, SIGN_SECRET_MAX = 1024 };

enum sign_verdict {
	SIGN_GOOD,
	SIGN_MISSING,  /* not signed */
	SIGN_FORGED,   /* by none of our secrets, or not in a form that we know */
	SIGN_LATE,     /* its time is too far from ours */
	SIGN_REPLAYED, /* its nonce was here before */
	SIGN_VERDICTS,
};

/* What a signature consists of, as texts. */
struct sign_mark {
	char time[24];  /* milliseconds since 1970 */
	char nonce[33]; /* 16 bytes in hexadecimal */
	char mac[65];   /* 32 bytes likewise */
};

struct signer;
struct signer *signer_new(void);
void signer_free(struct signer **signer);
/* Takes the secrets of a configuration and reads their files. After an error those before stay. */
err signer_load(struct signer *signer, const struct conf *conf);
/* There is a secret. */
bool signer_on(const struct signer *signer);

/* Signs; false when there is no secret. `vhost` may be NULL. */
bool sign_make(const struct signer *signer, struct sign_mark *mark, const char *vhost,
	       const char *method, const char *target, struct span body, int64_t wall_ms);
/* Checks a signature whose parts may be NULL or anything, and counts what it was. */
enum sign_verdict sign_check(struct signer *signer, const char *time, const char *nonce,
			     const char *mac, const char *method, const char *target,
			     struct span body, int64_t wall_ms);
/* The header lines of a signed request (for http_request_opts.headers), behind `lines`; these
 * alone when there is no secret. malloc'ed. */
char *sign_lines(const struct signer *signer, const char *lines, const char *vhost,
		 const char *method, const char *target, struct span body);

/* How often there was each verdict. */
uint64_t sign_count(const struct signer *signer, enum sign_verdict verdict);
/* "it is not signed", "its signature is wrong", … */
const char *sign_why(enum sign_verdict verdict);
/* For tests. */
int sign_nonces(const struct signer *signer);
