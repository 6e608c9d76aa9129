/* srtp - media and its control packets, encrypted (RFC 3711, RFC 7714). Layer: rtc. By OpenSSL's ciphers.
 *
 * One object is one direction. The packet index (sequence number with the rollover counter in front) is
 * the caller's when sending, so that anything may be sent again; when receiving it is guessed, and a
 * packet is taken once. */
#pragma once
#include "base/err.h"
#include "base/span.h"

enum srtp_profile { /* their numbers in DTLS (RFC 5764 4.1.2, RFC 7714 14.2) */
		    SRTP_AES128_CM_SHA1_80 = 1,
		    SRTP_AEAD_AES_128_GCM = 7,
};

enum {
	SRTP_OVERHEAD = 16,    /* that RTP packets grow by, at most */
	SRTCP_OVERHEAD = 20,   /* that control packets grow by, at most */
	SRTP_STREAMS_MAX = 16, /* SSRCs that one peer may send with */
	SRTP_KEYS_MAX = 2 * (16 + 14),
};

struct srtp;

/* Bytes of key material that DTLS exports for both directions. */
size_t srtp_keys_size(enum srtp_profile profile);
/* The two directions from what DTLS has exported (RFC 5764 4.2). `is_client`: we were the client. */
err srtp_new(struct srtp **send, struct srtp **recv, enum srtp_profile profile,
	     struct span exported, bool is_client);
void srtp_free(struct srtp **srtp);

struct srtp_packet {
	struct span header;  /* with extensions: not encrypted */
	struct span lead;    /* stands in front of the payload; may be empty: RTX (RFC 4588) */
	struct span payload; /* shared, not changed */
	uint64_t index;      /* 48 bits */
};
/* Writes the packet to `out`, which has room for all parts and SRTP_OVERHEAD. Returns its size. */
size_t srtp_protect(struct srtp *srtp, const struct srtp_packet *packet, uint8_t *out);
/* The same for a compound RTCP packet of at least 8 bytes, with SRTCP_OVERHEAD. */
size_t srtp_protect_rtcp(struct srtp *srtp, struct span compound, uint8_t *out);

/* What srtp_protect() looks at, from its first call on, for fetch(): pieces of 128 bytes. */
enum { SRTP_NEEDS = 5 };
void srtp_needs(const struct srtp *srtp, const void *needs[static SRTP_NEEDS]);

enum srtp_verdict {
	SRTP_OK,
	SRTP_REPLAYED, /* it has come before, or is too old to tell: quite usual */
	SRTP_BAD,      /* cut short, forged, or of one SSRC too many */
};
/* Decrypts in place; *n is the size of the plain packet then. */
enum srtp_verdict srtp_unprotect(struct srtp *srtp, uint8_t *packet, size_t *n);
enum srtp_verdict srtp_unprotect_rtcp(struct srtp *srtp, uint8_t *packet, size_t *n);
