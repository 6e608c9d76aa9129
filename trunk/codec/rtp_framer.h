/* rtp_framer - RTP packets in a stream of bytes: each behind its length (RFC 4571), or as RTSP interleaves them (RFC
 * 7826 14), which some cameras do. Layer: codec.
 *
 * A sender whose buffer overflows writes over what has not been sent yet, so that lengths lead to nowhere: the next
 * packet of the same source is looked for then. Pure. */
#pragma once
#include "base/buf.h"

enum {
	RTP_FRAME_MAX = 65535, /* bytes of a packet */
	RTP_FRAME_SEEK_MAX =
		4 * RTP_FRAME_MAX, /* that are skipped before the source counts as another one */
};

struct rtp_framer {
	struct buf bytes;
	size_t at;    /* of them are done with */
	bool is_lost; /* no packet stands where the next one must */
	bool has_ssrc;
	uint32_t ssrc;    /* of the packets so far */
	size_t sought;    /* bytes skipped since the last packet */
	uint64_t skipped; /* bytes in all */
};

/* Zeroed memory. */
void rtp_framer_init(struct rtp_framer *f);
void rtp_framer_fini(struct rtp_framer *f);
/* Bytes as they come; all packets that are whole have to be asked for before more is given. */
void rtp_framer_take(struct rtp_framer *f, struct span bytes);
/* The next packet, valid until the next call of rtp_framer_take(); *gap: something is missing in front of it. */
bool rtp_framer_next(struct rtp_framer *f, struct span *packet, bool *gap);
