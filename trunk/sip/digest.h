/* digest - who somebody is by a password that is not sent: MD5 of RFC 2617, as cameras have it. Layer: sip.
 *
 * A nonce is its time and a MAC over it and the address that it was given to: nothing is kept of a challenge, and
 * nobody else can use it. With qop=auth the count of its uses must grow; what is kept for that is kept of those
 * alone who had the password. */
#pragma once
#include "base/buf.h"
#include "sip/message.h"

enum {
	SIP_NONCE_MS = 300000, /* that one is good for */
	SIP_NONCE_MAX = 64,
	SIP_NONCES_MAX = 8192, /* used ones that are remembered */
	SIP_CREDENTIAL_MAX = 256,
};

enum sip_verdict {
	SIP_GOOD,
	SIP_MISSING,   /* no credentials, or none of Digest */
	SIP_MALFORMED, /* they cannot be read, or ask for what there is not */
	SIP_WRONG,     /* user, realm, URI or password */
	SIP_STALE, /* the password is right; the nonce is too old, of somebody else or was used before */
	SIP_VERDICTS,
};

/* The fields of an Authorization header; "" for one that it lacks. */
struct sip_credentials {
	char username[SIP_CREDENTIAL_MAX], realm[SIP_CREDENTIAL_MAX], uri[SIP_CREDENTIAL_MAX];
	char nonce[SIP_NONCE_MAX], cnonce[SIP_CREDENTIAL_MAX];
	char response[33]; /* in lower case */
	char nc[9], qop[9];
};

/* The account and the request that credentials have to fit. */
struct sip_proof {
	const char *realm, *username, *password;
	const char *
		whom; /* that the challenge was for: an address, as sip_digest_challenge() was told it */
};

struct sip_digest;
/* With a secret of its own. ERR_SYSTEM: there is no randomness. */
err sip_digest_new(struct sip_digest **out);
void sip_digest_free(struct sip_digest **digest);

/* The line "WWW-Authenticate: …\r\n" for an answer 401; ERR_SYSTEM: there is no randomness. `stale`: what was
 * wrong was the nonce alone, and the device need not ask anybody for the password. */
err sip_digest_challenge(const struct sip_digest *digest, struct buf *out, const char *realm,
			 const char *whom, bool stale);
/* The credentials in the value of an Authorization header (sip_message.authorization): SIP_GOOD, SIP_MISSING or
 * SIP_MALFORMED. */
enum sip_verdict sip_credentials_parse(struct sip_credentials *out, struct span authorization);
/* Judges the credentials that came with that request. The digest's URI may name the host in another way than the
 * request does. The comparison takes the same time whatever is wrong. */
enum sip_verdict sip_digest_check(struct sip_digest *digest, const struct sip_credentials *said,
				  const struct sip_message *request, const struct sip_proof *proof);
/* "no credentials", "the password is wrong", … */
const char *sip_verdict_text(enum sip_verdict verdict);
/* For tests. */
int sip_digest_nonces(const struct sip_digest *digest);

/* The response to a challenge: 32 digits. `qop` "" is that without one, and has no cnonce and nc. */
err sip_digest_response(char out[static 33], const struct sip_credentials *said, const char *method,
			const char *password);
