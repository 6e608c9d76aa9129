/* tx - one track of a player: headers for this peer in front of payloads that all share, and what must be
 * known to send them again. Layer: rtc. Does no I/O and keeps no packet.
 *
 * Packets have an index at their keeper. Here they get sequence numbers that go on by ones: a *stretch* is a row
 * of packets whose numbers are as far apart as their indexes. Times rise from stretch to stretch. */
#pragma once
#include "rtc/media.h"
#include "rtc/srtp.h"

enum { TX_STRETCHES = 8, TX_RECENT = 64, TX_MID_PACKETS = 64 };

/* A packet as its keeper has it. */
struct tx_packet {
	struct span payload;
	uint64_t index;
	uint32_t picture; /* number of the picture that it belongs to */
	int64_t ts;       /* in units of the track's clock, on the keeper's timeline */
	bool marker;
};

struct tx_stretch {
	int64_t seq;      /* of its first packet */
	uint64_t index;   /* likewise */
	uint64_t until;   /* packets before this index have times of their own: */
	uint32_t picture; /* this picture is at `ts`, */
	int64_t ts;
	int64_t step;  /* those before it so much earlier, one after the other */
	int64_t shift; /* of the others, so that times rise */
};

/* Sends a packet. False: it was dropped. */
struct tx_out {
	bool (*send)(void *ctx, const struct srtp_packet *packet);
	void *ctx;
};

struct tx {
	/* What sending looks at comes first: less than 128 bytes, of the stretches the newest. */
	int64_t seq;              /* of the next packet */
	int64_t last_ts;          /* the latest that was sent, on the keeper's timeline, shifted */
	uint32_t shift;           /* of times, from the keeper's to this peer's */
	uint32_t ssrc;            /* of the track */
	uint32_t packets, octets; /* for reports */
	uint16_t stretch_count;
	uint8_t pt; /* of the track */
	bool has_sent;
	struct tx_stretch stretches[TX_STRETCHES]; /* the newest one first */
	const struct rtc_track *track;             /* what was agreed on; borrowed */
	int64_t rtx_seq;
	struct {
		int64_t seq, ms;
	} recent[TX_RECENT]; /* what was sent again, and when */
};

/* `track` has a codec. */
void tx_init(struct tx *tx, const struct rtc_track *track);
/* Another row of packets begins, the first of which has the time first_ts at the keeper, unless it has one of its own.
 * Number and shift are set here. */
void tx_begin(struct tx *tx, const struct tx_stretch *stretch, int64_t first_ts);
/* Goes on with another source, whose time is `now_ts` where the former's is `then_ts`. */
void tx_rebase(struct tx *tx, int64_t then_ts, int64_t now_ts);
/* Sends the next packet of the newest stretch. False: dropped on the way; its number is used up, the peer may ask. */
bool tx_send(struct tx *tx, const struct tx_packet *packet, const struct tx_out *out);
/* The index of the packet with this number, which the peer asks for; false: not known any more, or sent again
 * within the last rtt_ms. */
bool tx_find(struct tx *tx, uint16_t seq, int64_t now_ms, int64_t rtt_ms, int64_t *full,
	     uint64_t *index);
/* Sends packet number `full` again: by RTX where that was agreed on. Returns its size; 0: dropped. */
size_t tx_repeat(struct tx *tx, int64_t full, const struct tx_packet *packet,
		 const struct tx_out *out);
/* Time on the wire that is `ts` at the keeper, now. */
uint32_t tx_wire_ts(const struct tx *tx, int64_t ts);
