/* dtls_identity - the parts of an identity that a handshake uses. Layer: rtc, for dtls*.c. */
#pragma once
#include "rtc/dtls.h"

#include <openssl/ssl.h>

struct dtls_identity {
	SSL_CTX *ctx;
	char fingerprint[DTLS_FINGERPRINT_TEXT];
	int64_t since_ms;
};
