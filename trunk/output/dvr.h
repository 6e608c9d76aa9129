/* dvr - recordings of streams, for the vhosts that want them. Layer: output.
 * It observes the sources: a stream that begins gets a recorder with a coroutine of its own, which
 * reads the source's messages and writes files behind it. A file grows under another name and can be
 * played at each moment: what is lost by a crash is the last second, and the rest gets its proper name
 * when the server starts again. A disk that stalls or is full costs recordings, never a player. */
#pragma once
#include "node/server.h"

struct dvr;

/* Finishes what a crash has left, and observes the server's registry from now on. */
struct dvr *dvr_new(struct server *server);
/* After the server's services were stopped. */
void dvr_free(struct dvr **dvr);
