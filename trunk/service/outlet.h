/* outlet - is the player at the other end still taking what it is sent? Layer: service.
 * A peer that is frozen, or gone without a word, lets bytes pile up: what counts is whether any
 * byte is acknowledged within a while, not whether the kernel takes more. */
#pragma once
#include "net/sock.h"

struct outlet {
	int64_t acked;    /* bytes that the peer's kernel has acknowledged */
	int64_t acked_ms; /* when there were more of them the last time */
	int64_t next_ms;  /* of the next look */
	bool is_clear;    /* all that was sent has been acknowledged */
};

/* ERR_STALLED when something is unsent and nothing was acknowledged for stalled_ms. Lowers
 * *deadline to the time of the next look; cheap enough for each turn of a player. */
err outlet_check(struct outlet *o, const struct sock *sock, int64_t stalled_ms, int64_t *deadline);
