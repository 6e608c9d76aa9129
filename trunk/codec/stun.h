/* stun - messages of STUN (RFC 8489) as ICE uses them (RFC 8445). Layer: codec. Pure: the two checks are
 * made by whoever has the key, here is only where in the message they are. */
#pragma once
#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"

enum {
	STUN_HEAD = 20,
	STUN_ID = 12,
	STUN_HMAC = 20,          /* bytes of MESSAGE-INTEGRITY (SHA-1) */
	STUN_ATTRS_MAX = 32,     /* a message with more is refused */
	STUN_USERNAME_MAX = 513, /* RFC 8489, 14.3 */
	STUN_UNKNOWN_MAX = 8,
	STUN_WRITE_MAX = 256, /* what is written here is never longer */
};

enum stun_type {
	STUN_BINDING_REQUEST = 0x0001,
	STUN_BINDING_INDICATION = 0x0011,
	STUN_BINDING_SUCCESS = 0x0101,
	STUN_BINDING_ERROR = 0x0111,
};

enum stun_role { STUN_NO_ROLE, STUN_CONTROLLING, STUN_CONTROLLED };

/* What a message says; spans are of its bytes. */
struct stun {
	uint16_t type;
	uint8_t id[STUN_ID];
	struct span username; /* "ours:theirs" of a check; empty: none */
	enum stun_role role;
	bool use_candidate, has_mapped;
	uint32_t priority;
	uint16_t error_code; /* 300 to 699; 0: none */
	struct addr mapped;  /* XOR-MAPPED-ADDRESS, if has_mapped */
	/* attributes that have to be understood and are not: answered by 420 */
	uint16_t unknown[STUN_UNKNOWN_MAX];
	int unknown_count;
	size_t integrity_at, fingerprint_at; /* offsets of these attributes; 0: there is none */
	struct span hmac;                    /* of MESSAGE-INTEGRITY */
	uint32_t fingerprint;
};

/* Whether a datagram that begins like STUN (RFC 7983) is one: its length and its magic cookie. */
bool stun_is_message(struct span datagram);
/* ERR_PROTOCOL: malformed, ERR_LIMIT: too many attributes. What follows MESSAGE-INTEGRITY, apart from
 * FINGERPRINT, counts for nothing. */
err stun_parse(struct stun *out, struct span datagram);
/* FINGERPRINT is there and right. */
bool stun_fingerprint_ok(const struct stun *message, struct span datagram);
/* The header as MESSAGE-INTEGRITY covers it; the bytes behind it follow up to integrity_at. */
void stun_integrity_head(uint8_t out[static STUN_HEAD], const struct stun *message,
			 struct span datagram);

/* A message: its header, then its attributes, then the two checks. */
void stun_write_head(struct buf *out, enum stun_type type, const uint8_t id[static STUN_ID]);
void stun_write_username(struct buf *out, const char *name);
void stun_write_number(struct buf *out, uint16_t attribute, uint64_t value, size_t bytes);
void stun_write_mapped(struct buf *out, const uint8_t id[static STUN_ID], const struct addr *addr);
void stun_write_error(struct buf *out, int code, const char *reason);
void stun_write_unknown(struct buf *out, const struct stun *request);
/* Makes the length what MESSAGE-INTEGRITY covers: the HMAC of all that is written then follows. */
void stun_before_integrity(struct buf *out);
void stun_write_integrity(struct buf *out, const uint8_t hmac[static STUN_HMAC]);
/* Last of all. */
void stun_write_fingerprint(struct buf *out);

/* Attributes that are written by number. */
enum {
	STUN_PRIORITY = 0x0024,
	STUN_USE_CANDIDATE = 0x0025,
	STUN_ICE_CONTROLLED = 0x8029,
	STUN_ICE_CONTROLLING = 0x802a,
};
