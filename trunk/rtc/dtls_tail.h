/* dtls_tail - what is left of DTLS once both sides have their keys: goodbyes. Layer: rtc, for dtls.c.
 *
 * OpenSSL holds some 40 KB for a connection. While media flows nothing of it is needed but to say that one leaves, and
 * to hear it: an alert in a record of DTLS 1.2 by AES-GCM (RFC 6347 4.1, RFC 5288 3). */
#pragma once
#include "base/span.h"

#include <openssl/types.h>

enum { DTLS_GOODBYE = 13 + 8 + 2 + 16 }; /* bytes: head, nonce, alert, tag */

struct dtls_tail;

/* Of a handshake that is done. NULL: its cipher is another one, and OpenSSL has to go on. */
struct dtls_tail *dtls_tail_new(SSL *ssl, bool is_client);
void dtls_tail_free(struct dtls_tail **tail);
/* A datagram that says goodbye; false: it cannot be made. */
bool dtls_tail_say(const struct dtls_tail *tail, uint8_t out[static DTLS_GOODBYE]);
/* Whether the datagram says that the peer leaves, or has failed. */
bool dtls_tail_hears(const struct dtls_tail *tail, struct span datagram);
