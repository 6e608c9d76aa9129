/* rx_ring - the packets of one sender, put in order. Layer: rtc, a part of rx. */
#pragma once
#include "base/span.h"

enum { RX_RING_VIDEO = 2048, RX_RING_AUDIO = 512, RX_TRIES_MAX = 10, RX_TRIES_QUICK = 6 };

/* Requests for one packet. */
struct rx_asked {
	int64_t first_ms, last_ms;
	int tries; /* 0: there were none */
};

struct rx_packet {
	uint8_t *bytes; /* the payload; NULL: it is missing */
	uint16_t n;
	bool marker, is_here;
	uint32_t ts;
	int64_t missed_ms; /* since when it is known to be missing */
	struct rx_asked asked;
};

struct rx_ring {
	struct rx_packet *v;
	uint32_t room; /* a power of two */
	bool begun;
	int64_t first;  /* the number that it began with */
	int64_t next;   /* sequence number of the next packet to be handed out */
	int64_t newest; /* the highest that has come */
	int missing;    /* between them */
};

enum rx_placed {
	RX_PLACED,
	RX_REPAIRED, /* it had been asked for */
	RX_TOO_LATE, /* likewise, but it was given up */
	RX_REFUSED,  /* it is there already, or comes too late, unasked */
	RX_RESET, /* numbers have jumped: all that was waited for is given up, this packet is the first one */
};

void rx_ring_init(struct rx_ring *ring, uint32_t room);
void rx_ring_fini(struct rx_ring *ring);
void rx_ring_clear(struct rx_ring *ring);
/* The number in full of a packet. */
int64_t rx_ring_number(const struct rx_ring *ring, uint16_t seq);
/* Copies the payload. For RX_REPAIRED and RX_TOO_LATE *asked is how it was asked for. */
enum rx_placed rx_ring_put(struct rx_ring *ring, int64_t seq, uint32_t ts, bool marker,
			   struct span payload, int64_t now_ms, struct rx_asked *asked);
/* The next packet in order, to be dropped by rx_ring_drop(). NULL: there is none, or it is missing. */
const struct rx_packet *rx_ring_first(const struct rx_ring *ring);
void rx_ring_drop(struct rx_ring *ring);
/* The next one is missing since before then. */
bool rx_ring_is_stuck(const struct rx_ring *ring, int64_t oldest_ms);
/* So much waits for the next one that soon there is no room. */
bool rx_ring_is_full(const struct rx_ring *ring);
/* The next one is missing, and is not waited for any more. Whether it had been asked for. */
bool rx_ring_give_up(struct rx_ring *ring);
/* Numbers of missing packets to be asked for: known since first_ms, and not asked for in the last again_ms, which is
 * doubled with each request beyond the sixth. Notes that they are. Returns how many, at most max. */
int rx_ring_ask(struct rx_ring *ring, int64_t first_ms, int64_t again_ms, int64_t now_ms,
		uint16_t *seqs, int max);
