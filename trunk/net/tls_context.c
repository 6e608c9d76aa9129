/* Contexts: versions, ciphers and options that servers and clients have in common, and words for what
 * went wrong. The queue of errors belongs to the thread, thus to all coroutines: each call of SSL
 * begins by emptying it, and what it left is taken at once. */
#include "net/tls_inside.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

/* Mozilla's "intermediate", without finite-field Diffie-Hellman: whoever asks for that makes the
 * server work ten times as much, and all that speak TLS 1.2 have elliptic curves. */
#define SUITES_13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define SUITES_12                                                                                  \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                               \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                               \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
/* Security level 0 is what OpenSSL 3 wants for TLS 1.0 and 1.1. */
#define SUITES_OLD                                                                                 \
	SUITES_12 ":ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:"     \
		  "ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA:"              \
		  "AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA256:AES256-SHA256:"               \
		  "AES128-SHA:AES256-SHA:@SECLEVEL=0"

static const struct {
	int least;
	const char *suites;
} profiles[] = {
	[TLS_INTERMEDIATE] = {TLS1_2_VERSION, SUITES_12},
	[TLS_MODERN] = {TLS1_3_VERSION, SUITES_12},
	[TLS_OLD] = {TLS1_VERSION, SUITES_OLD},
};

SSL_CTX *tls_context_new(const SSL_METHOD *method, enum tls_profile profile, bool ktls)
{
	SSL_CTX *ctx = SSL_CTX_new(method);
	if (!ctx)
		return NULL;
	/* A bare end of the connection is an end like any other for media. */
	uint64_t options = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
			   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
			   SSL_OP_IGNORE_UNEXPECTED_EOF;
	if (ktls)
		options |= SSL_OP_ENABLE_KTLS;
	SSL_CTX_set_options(ctx, options);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	/* One system call for what lies there, not two for each record. The kernel's decryption
	 * does not go together with that. */
	SSL_CTX_set_read_ahead(ctx, !ktls);
	SSL_CTX_set_msg_callback(ctx, tls_on_message);
	if (SSL_CTX_set_min_proto_version(ctx, profiles[profile].least) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, profiles[profile].suites) != 1 ||
	    SSL_CTX_set_ciphersuites(ctx, SUITES_13) != 1 ||
	    SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") != 1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

/* OpenSSL's words name its functions' concerns, these what an operator can do. */
static const char *known(int reason)
{
	switch (reason) {
	case SSL_R_NO_SHARED_CIPHER:
		return "no cipher in common: an old encoder may need `tls_profile old`";
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_UNKNOWN_PROTOCOL:
		return "a version of TLS that is not offered: an old encoder may need "
		       "`tls_profile old`";
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
		return "the other end does not trust the certificate";
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
		return "the other end says that the certificate has expired";
	case SSL_R_HTTP_REQUEST:
	case SSL_R_WRONG_VERSION_NUMBER:
		return "the other end does not speak TLS";
	default:
		return NULL;
	}
}

void tls_error(char out[static TLS_ERROR_MAX])
{
	unsigned long code = ERR_peek_last_error();
	const char *words = ERR_GET_LIB(code) == ERR_LIB_SSL ? known(ERR_GET_REASON(code)) : NULL;
	if (!words && ERR_SYSTEM_ERROR(code))
		words = strerror(ERR_GET_REASON(code));
	if (!words)
		words = ERR_reason_error_string(code);
	snprintf(out, TLS_ERROR_MAX, "%s", words ? words : "unknown error");
	ERR_clear_error();
}
