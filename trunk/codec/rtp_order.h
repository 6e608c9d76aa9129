/* rtp_order - RTP packets that come as datagrams, in the order of their numbers. Layer: codec.
 *
 * Nothing is asked for again: what has not come soon is missing. For senders that know no feedback, such as cameras
 * (rtc/rx_ring.h is for those that do). Pure; times are given. */
#pragma once
#include "base/span.h"

enum {
	RTP_ORDER_ROOM = 128,    /* packets that wait for one that is missing, at most */
	RTP_ORDER_WAIT_MS = 200, /* for so long, at most */
	RTP_ORDER_JUMP = 1000,   /* numbers further away are those of another run */
};

struct rtp_order {
	struct rtp_waiting {
		uint8_t *bytes; /* NULL: it has not come */
		size_t n;
	} v[RTP_ORDER_ROOM];
	bool begun;
	int64_t next, newest; /* numbers in full */
	int count;            /* that wait */
	int64_t since_ms;     /* the next one is waited for */
	bool gap;             /* in front of the next one that is given */
	uint8_t *given;       /* the last one, until the next call */
	uint64_t lost, late;  /* late: too late, or twice */
};

/* Zeroed memory is ready. */
void rtp_order_fini(struct rtp_order *o);
/* Copies a packet, of which rtp_read() has taken the number. */
void rtp_order_put(struct rtp_order *o, uint16_t seq, struct span packet, int64_t now_ms);
/* The next packet, valid until the next call; *gap: others in front of it are missing. */
bool rtp_order_next(struct rtp_order *o, int64_t now_ms, struct span *packet, bool *gap);
/* When to ask again although nothing has come; INT64_MAX: nothing is waited for. */
int64_t rtp_order_due(const struct rtp_order *o);
