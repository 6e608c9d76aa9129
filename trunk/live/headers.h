/* headers - the state a decoder needs before a frame: metadata, one sequence header per track,
 * colour info, channel layout; and for other servers of ours the encoder's time. Layer: live. A set never changes;
 * a new header makes a new set. */
#pragma once
#include "codec/msg.h"

/* Of a set: messages, and bytes of them. Each player that joins is given a copy. */
enum { HEADERS_MAX = 64, HEADERS_BYTES_MAX = 1 << 20 };

struct headers {
	int refs;
	int count;
	struct msg
		*v[]; /* metadata first, then audio, then video; state after its sequence header */
};

/* NULL is the empty set. */
struct headers *headers_ref(struct headers *h);
void headers_unref(struct headers **h);
/* The header of the same slot (type, track, kind), or NULL. Borrowed. */
const struct msg *headers_find(const struct headers *h, const struct msg *like);
/* Replaces *h by a set that holds msg in its slot too. False, and nothing, beyond the limits. */
bool headers_put(struct headers **h, struct msg *msg);
/* True for messages that belong in a set. */
bool headers_wants(const struct msg *msg);
