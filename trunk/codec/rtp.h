/* rtp - packets of the Real-time Transport Protocol (RFC 3550) and their header extensions (RFC 8285).
 * Layer: codec. */
#pragma once
#include "base/span.h"

enum {
	RTP_HEADER = 12,     /* bytes, without extensions */
	RTP_EXT_MAX = 16,    /* bytes of one extension that is written */
	RTP_HEADER_MAX = 64, /* bytes that rtp_write() needs at most */
	RTP_EXTS_MAX = 2,
};

struct rtp {
	uint8_t pt;
	bool marker;
	uint16_t seq, profile; /* profile of the extensions; 0: there are none */
	uint32_t ts, ssrc;
	struct span exts;
	struct span payload; /* without padding; empty in a probe */
};

/* False: it is none, or lengths lead beyond its end. Spans are borrowed. */
bool rtp_read(struct rtp *rtp, struct span packet);
/* Bytes of the header with contributors and extensions; 0: it is no RTP packet. */
size_t rtp_header_size(struct span packet);
/* The value of an extension, of the one-byte or the two-byte form. */
bool rtp_ext(const struct rtp *rtp, unsigned id, struct span *value);

struct rtp_ext {
	uint8_t id, n; /* 1 to 14, 1 to RTP_EXT_MAX */
	const uint8_t *value;
};
/* Writes a header with the first `count` of the extensions, at most RTP_EXTS_MAX; what rtp says of
 * extensions and payload does not matter. Returns its size. */
size_t rtp_write(const struct rtp *rtp, const struct rtp_ext *exts, int count,
		 uint8_t out[static RTP_HEADER_MAX]);

/* The number of which the packet has the low bits that is closest to `near`: a sequence number (16 bits)
 * or a timestamp (32 bits) that has gone round. Not below zero. */
int64_t rtp_extend(int64_t near, uint32_t low, unsigned bits);

/* RTP or RTCP on one port, by the second byte (RFC 5761 4). */
static inline bool rtp_is_control(struct span packet)
{
	return packet.n > 1 && packet.p[1] >= 192 && packet.p[1] <= 223;
}
