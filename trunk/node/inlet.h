/* inlet - what all that feed a source share: when do they read? Layer: node.
 * A read costs much more than what is read. While the source is paced, input is left to gather in
 * the socket until the next turn of the source asks for it; otherwise it is read at once. */
#pragma once
#include "live/source.h"
#include "net/sock.h"

struct inlet {
	struct feeder feeder;
	struct sock *sock; /* borrowed; NULL: there is nothing to read from */
};

void inlet_init(struct inlet *in, enum feeder_kind kind, void (*on_lost)(struct feeder *feeder));
/* Reads from there from now on; inlet_close() before the socket goes. */
void inlet_open(struct inlet *in, struct sock *sock);
/* Zeroed memory is fine. The socket is read at once again. */
void inlet_close(struct inlet *in);
/* As source_caught_up(). */
void inlet_caught_up(struct inlet *in, struct source *source, bool all);
/* Goes to wait for more. `hurry`: something depends on when it comes. */
void inlet_pace(struct inlet *in, const struct source *source, bool hurry);
