/* packet_ring - the recent packets of one track of a source, numbered. Layer: live, a part of packets.
 * Payloads of one picture share one block of memory, which goes with its last packet. */
#pragma once
#include "codec/pack.h"

struct packet_block;

enum { PACKET_MARKER = 1, PACKET_STARTS = 2 /* the first of a key frame */ };

struct packet {
	struct packet_block *block;
	uint32_t off;
	uint16_t n;
	uint8_t flags;
	uint32_t picture; /* its number, by ones */
	int64_t ts;       /* on the source's timeline, in units of the track's clock */
	int64_t ms;       /* monotonic; when it came */
};

struct packet_ring {
	struct packet *v; /* packet `index` is at index % room */
	uint32_t room;    /* a power of two, or 0 */
	uint64_t first, next;
	bool has_start;
	uint64_t start;   /* the first packet of the newest key frame that is kept */
	uint32_t picture; /* number of the newest picture */
	size_t bytes;
};

void packet_ring_fini(struct packet_ring *ring);
/* Appends a picture; false: there is no memory for it. */
bool packet_ring_append(struct packet_ring *ring, const struct payloads *payloads, int64_t ts,
			bool starts, int64_t now_ms);
/* Lets go of packets older than history_ms, but not of those from the start on as long as that is younger
 * than start_ms. */
void packet_ring_trim(struct packet_ring *ring, int64_t now_ms, int64_t history_ms,
		      int64_t start_ms);
void packet_ring_clear(struct packet_ring *ring);
/* Borrowed until something is appended; NULL: it is not kept any more, or has not come. */
const struct packet *packet_ring_at(const struct packet_ring *ring, uint64_t index);
struct span packet_payload(const struct packet *packet);
