/* locate - where the stream of a viewing is: here, on the way, elsewhere, nowhere. Layer: session, used by
 * viewing.c. */
#pragma once
#include "session/viewing.h"

/* As viewing_find(). v->viewer waits for a pull from then on, where the stream comes by one. */
err locate(struct viewing *v, int64_t patience_ms) BLOCKS;
/* The stream that was found here has ended for this viewing. True when a coworker has it and the client
 * is one for whom it is relayed: then v->viewer waits for the pull, and the consumer stays. */
bool locate_again(struct viewing *v) BLOCKS;
