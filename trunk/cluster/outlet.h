/* outlet - what all that send a stream share: how much goes out in a turn, and is the peer at the
 * other end still taking it? Layer: cluster.
 * A peer that is frozen, or gone without a word, lets bytes pile up: what counts is whether any
 * byte is acknowledged within a while, not whether the kernel takes more. */
#pragma once
#include "live/wire.h"
#include "rtmp/conn.h"

enum {
	OUTLET_TURN_BYTES = 256 * 1024, /* then others have a turn */
	OUTLET_TURN_SENDS = 16,         /* likewise: pages can be small */
	OUTLET_IOV = 8,
	OUTLET_LOWAT_BYTES = 128 * 1024, /* for sock_set_lowat() */
};

struct outlet {
	int64_t acked;    /* bytes that the peer's kernel has acknowledged */
	int64_t acked_ms; /* when there were more of them the last time */
	int64_t next_ms;  /* of the next look */
	bool is_clear;    /* all that was sent has been acknowledged */
};

/* What a turn has left unsent, and why. */
enum outlet_left { LEFT_NOTHING, LEFT_BLOCKED, LEFT_FOR_NEXT_TURN };

/* ERR_STALLED when something is unsent and nothing was acknowledged for stalled_ms; noticed up to
 * half of that later. Lowers *deadline to the time of a look that no turn has brought. */
err outlet_check(struct outlet *o, const struct sock *sock, enum outlet_left left,
		 int64_t stalled_ms, int64_t *deadline);
/* It is time for outlet_check() again, by the time of the last send: a look at the clock would cost
 * as much as everything else that is done for a player in a turn. */
bool outlet_is_due(const struct outlet *o, const struct sock *sock);
/* ERR_STALLED when the receiver had to be moved ahead too often: its line is too slow. */
err outlet_check_skips(const struct cursor *cursor);
/* Sends what the cursor has and, between whole messages, what waits in conn->out; as much as fits and
 * as one turn may. *left says why something is left. *sent is added to. ERR_LIMIT when a peer asks
 * for more than it reads. */
err outlet_send_rtmp(struct rtmp_conn *conn, struct cursor *cursor, int64_t *sent,
		     enum outlet_left *left);
