/* dtls - the handshake that gives media its keys (RFC 5763, 5764, DTLS 1.2). Layer: rtc. By OpenSSL, over
 * functions of the owner instead of a socket.
 *
 * The peer is who its offer says: its certificate is compared with the offer's fingerprint before
 * anything else is believed. */
#pragma once
#include "co/co.h"
#include "rtc/offer.h"
#include "rtc/srtp.h"

enum {
	DTLS_MTU = 1200,
	DTLS_FIRST_TIMEOUT_MS =
		50, /* a flight that is not answered is sent again, each time after */
	DTLS_LAST_TIMEOUT_MS = 1600, /* twice as long, up to this */
	DTLS_FINGERPRINT_TEXT = 8 + 3 * 32,
	DTLS_RENEW_MS = 30 * 24 * 3600 * 1000u, /* after that new peers get a new certificate */
};

/* The certificate of this process, and what it is used with. */
struct dtls_identity;
err dtls_identity_new(struct dtls_identity **out);
/* Peers that use it keep what they need of it. */
void dtls_identity_free(struct dtls_identity **identity);
/* "sha-256 AB:CD:…", for answers. Borrowed. */
const char *dtls_identity_fingerprint(const struct dtls_identity *identity);
/* It is so old that another one is due. */
bool dtls_identity_is_old(const struct dtls_identity *identity);

enum dtls_state {
	DTLS_IDLE, /* nothing was sent, nothing has come */
	DTLS_HANDSHAKE,
	DTLS_DONE, /* keys are there; the peer may repeat its last flight, or say that it leaves */
	DTLS_LEFT, /* the peer has said so */
	DTLS_FAILED, /* for the reason in `why` */
};

struct dtls;

/* Called within the functions below and by a timer; nothing may block, and none may free it. */
struct dtls_ops {
	void (*send)(void *ctx, struct span datagram);
	/* The state has changed. */
	void (*on_state)(void *ctx);
};

/* `active`: we begin. */
err dtls_new(struct dtls **out, const struct dtls_identity *identity, bool active,
	     const struct rtc_fingerprint *peer, const struct dtls_ops *ops, void *ctx);
/* Says that we leave, if there is anybody to say it to. */
void dtls_free(struct dtls **dtls);
/* The peer can be reached: begins the handshake, if that is our part. */
void dtls_start(struct dtls *dtls);
void dtls_take(struct dtls *dtls, struct span datagram);
/* The peer has shown that it has its keys: no flight has to be repeated any more, and most of the memory is given back.
 * Nothing before the handshake is done. */
void dtls_settle(struct dtls *dtls);
enum dtls_state dtls_state(const struct dtls *dtls);
/* Why it has failed; "". */
const char *dtls_why(const struct dtls *dtls);
/* The keys of both directions, when it is done and not settled yet. */
err dtls_keys(struct dtls *dtls, struct srtp **send, struct srtp **recv);
/* "AEAD_AES_128_GCM", for the API; "" before. */
const char *dtls_profile_name(const struct dtls *dtls);
