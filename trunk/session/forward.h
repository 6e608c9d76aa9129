/* forward - copies of streams for other servers, as vhost.forward says. Layer: session.
 * It observes the sources: each stream that begins, published here or pulled, goes to each destination of
 * its vhost until it is over; a reload changes the destinations of streams that are on. */
#pragma once
#include "session/forward_target.h"

struct forwards;

/* Observes the server's registry from now on. `ts`: what is sent by SRT, MPEG-TS as a wire. forwards_free(): when the
 * services have ended. NULL is fine; clears. */
struct forwards *forwards_new(struct server *server, const struct wire_format *ts);
void forwards_free(struct forwards **forwards);
/* The configuration of the server is another one. */
void forwards_reload(struct forwards *forwards);

/* Each destination of the stream. */
void forwards_each(const struct forwards *forwards, const struct source *source,
		   void (*each)(const struct forward_facts *facts, void *ctx), void *ctx);
