/* notice - what is logged about peers that may repeat themselves for ever: one line for an address and
 * minute, or a few lines a second of a kind. What is left out is counted, and told. Layer: node. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct notices;
struct notices *notices_new(void);
void notices_free(struct notices **notices);
/* True when the address has had no line for a minute: it gets one now. When there are very many
 * addresses, the new ones get none; counters tell of them. */
bool notice_is_due(struct notices *notices, const char *ip);

/* Lines that strangers can cause at will, by what they tell of. */
enum notice_kind {
	NOTICE_MISSING,     /* a stream that nobody has */
	NOTICE_PULLS,       /* a pull that begins or ends without ever having had media */
	NOTICE_CONNECTIONS, /* all lines of a connection, while it brings no stream */
	NOTICE_SIP,         /* what devices that nobody knows say by SIP */
	NOTICE_KINDS,
};
/* True: such a line may be logged now, at most NOTICE_BURST at once and NOTICE_PER_S in the long run (of
 * connections fifty times as many). When some were left out before it, a line that says how many comes
 * first. NULL is fine: all may. */
enum { NOTICE_BURST = 20, NOTICE_PER_S = 2, NOTICE_CONNECTIONS_FACTOR = 50 };
bool notice_rate_take(struct notices *notices, enum notice_kind kind);
/* For the coroutine of a connection that goes on to something else: when it has had a line, what follows counts as a
 * connection of its own, and is muted when there are too many. */
void notice_ration_lines(struct notices *notices);
/* Lines of that kind that were left out so far, of NOTICE_CONNECTIONS whole connections. */
uint64_t notice_left_out(const struct notices *notices, enum notice_kind kind);
/* The same word for a kind in the API and in metrics. */
const char *notice_name(enum notice_kind kind);
