/* sign - how servers of a cluster know each other: by a shared secret. Layer: node.
 *
 * A request from one server to another carries the receiver's service id, the time, a nonce and an
 * HMAC-SHA256 over all of them, method, target and body. A service id is new at each start of a
 * process, so a signature is of no use to anybody else and after a restart. The time may be off by
 * SIGN_SKEW_MS; a nonce is good once, and is remembered for as long as its time is good; half of it
 * names the sender, so that one server cannot use up the memory for the others. Off while
 * no vhost has a secret.
 *
 * A sender that does not know the receiver's id, or has an old one, signs for what it knows and is told the
 * right one (SIGN_MISDIRECTED): it remembers it by address and signs anew, see signed_request.h.
 *
 * Secrets belong to vhosts, the API to the process: what is asked about a vhost is signed with its
 * secret, else with the first one there is, and a signature by any secret of the process is good. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "conf/conf.h"

enum {
	SIGN_SKEW_MS = 30000,
	SIGN_NONCES_MAX = 32768,
	SIGN_SENDERS_MAX = 4096, /* those that have no nonce any more are looked for beyond it */
	SIGN_SECRET_MAX = 1024,
	SIGN_PEERS_MAX = 1024,
	SIGN_ID_MAX = 24,
};

enum sign_verdict {
	SIGN_GOOD,
	SIGN_MISSING,  /* not signed */
	SIGN_FORGED,   /* by none of our secrets, or not in a form that we know */
	SIGN_LATE,     /* its time is too far from ours */
	SIGN_REPLAYED, /* its nonce was here before */
	/* By a secret of ours, for another server or an earlier start of this one: an honest one is
	 * told who we are. */
	SIGN_MISDIRECTED,
	SIGN_VERDICTS,
};

/* The signed part of a request. */
struct sign_what {
	const char *method, *target; /* without line breaks */
	struct span body;
};

/* A signature, as texts. */
struct sign_mark {
	char to[SIGN_ID_MAX]; /* the receiver; "" when it is not known yet */
	char time[24];        /* milliseconds since 1970 */
	char nonce[33];       /* 16 bytes in hexadecimal */
	char mac[65];         /* 32 bytes likewise */
};

/* The same as it came: each may be NULL or anything. */
struct sign_said {
	const char *to, *time, *nonce, *mac;
};

struct signer;
/* `self` is the service id of this process. */
struct signer *signer_new(const char *self);
void signer_free(struct signer **signer);
/* Takes the secrets of a configuration and reads their files. After an error those before stay. */
err signer_load(struct signer *signer, const struct conf *conf);
/* There is a secret. */
bool signer_on(const struct signer *signer);
/* This vhost has one. */
bool signer_has(const struct signer *signer, const char *vhost);

/* Signs for that receiver; false when there is no secret, or the receiver has no name that an id
 * could be. `vhost` may be NULL. */
bool sign_make(const struct signer *signer, struct sign_mark *mark, const char *vhost,
	       const char *to, const struct sign_what *what, int64_t wall_ms);
/* Checks a signature and counts what it was. */
enum sign_verdict sign_check(struct signer *signer, const struct sign_said *said,
			     const struct sign_what *what, int64_t wall_ms);
/* The header lines of a signed request (for http_request_opts.headers), behind `lines`; these
 * alone when there is no secret. malloc'ed. */
char *sign_lines(const struct signer *signer, const char *lines, const char *vhost, const char *to,
		 const struct sign_what *what);

/* Whether a text could be somebody's id, "" for one that is not known: at most SIGN_ID_MAX - 1 plain
 * letters, since it becomes part of paths and questions. */
bool sign_is_id(const char *text);
/* The id of the server at "host:port", as far as it has told; "". */
const char *sign_peer(const struct signer *signer, const char *address);
/* It says that this is its id. False when that is no news, or no id. */
bool sign_learn(struct signer *signer, const char *address, const char *id);

/* How often there was each verdict. */
uint64_t sign_count(const struct signer *signer, enum sign_verdict verdict);
/* "it is not signed", "its signature is wrong", … */
const char *sign_why(enum sign_verdict verdict);
/* For tests. */
int sign_nonces(const struct signer *signer);
