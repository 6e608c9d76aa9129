/* cursor_parts - what cursor.c (what comes next) takes from cursor_move.c (where it is). Layer: live. */
#pragma once
#include "base/clock.h"
#include "live/cursor.h"
#include "live/wire.h"

/* The receiver's time of a message; false: it was made up. A receiver's time does not begin below 0,
 * and before its base is known it is 0. */
static inline bool cursor_time(const struct cursor *c, int64_t ts, uint32_t *out)
{
	bool exact = !c->own_base || (c->based && ts >= c->base);
	*out = !exact ? 0 : (uint32_t)(c->own_base ? ts - c->base : ts);
	return exact;
}

/* All chains must be primed anew. */
static inline void cursor_unprime(struct cursor *c)
{
	if (c->wire->format->chain)
		c->primed = 0;
}

/* Video begins at the next key frame, if one comes in time. */
static inline void cursor_await_key(struct cursor *c)
{
	c->key_due_ms = clock_ms() + c->wire->key_wait_ms;
}

/* A receiver that joined before there were headers begins now, in a format that greets. */
void cursor_greet(struct cursor *c);
/* To the next page, which loses nothing when this one has been read. */
void cursor_enter_next_page(struct cursor *c);
