/* read_pacing - what all that feed a source share: when do they read? Layer: node.
 * A read costs much more than what is read. While the source is paced, input is left to gather in
 * the socket until the next turn of the source asks for it; otherwise it is read at once. */
#pragma once
#include "live/source.h"
#include "net/sock.h"

struct read_pacing {
	struct feeder feeder;
	struct sock *sock; /* borrowed; NULL: there is nothing to read from */
};

void read_pacing_init(struct read_pacing *in, enum feeder_kind kind,
		      void (*on_lost)(struct feeder *feeder));
/* Reads from there from now on; read_pacing_close() before the socket goes. */
void read_pacing_open(struct read_pacing *in, struct sock *sock);
/* Zeroed memory is fine. The socket is read at once again. */
void read_pacing_close(struct read_pacing *in);
/* As source_caught_up(). */
void read_pacing_caught_up(struct read_pacing *in, struct source *source, bool all);
/* Goes to wait for more. `hurry`: something depends on when it comes. */
void read_pacing_pace(struct read_pacing *in, const struct source *source, bool hurry);
