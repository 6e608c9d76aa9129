/* drain - a server that lets nobody new in, and ends when its last client has left. Layer: node.
 *
 * Only the state is here, for those who admit clients, answer probes or tell other servers; main/drainage.c
 * leads it from one state to the next. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum drain_state {
	DRAIN_OFF,
	DRAIN_ANNOUNCED, /* it is not ready any more, and still takes clients: balancers need time */
	DRAIN_ON,        /* new clients go elsewhere */
	DRAIN_HANDED, /* another process has the ports: nobody comes but by mistake, or from there */
};

/* What somebody wants whom main has not heard yet. */
enum drain_wish { DRAIN_AS_IT_IS, DRAIN_BEGIN, DRAIN_CANCEL };

struct drain {
	enum drain_state state;
	enum drain_wish wish;
	int64_t wished_limit_ms; /* with DRAIN_BEGIN; < 0: as configured (drain_timeout) */
	int64_t since_wall_ms;   /* of the announcement */
	int64_t since_ms;        /* monotonic, likewise */
	int64_t deadline_ms;     /* monotonic: who is left then is ended; CLOCK_NEVER */
	int asked;               /* clients that were asked to connect anew */
};

static inline const char *drain_name(enum drain_state state)
{
	static const char *const names[] = {"off", "announced", "on", "handed over"};
	return names[state];
}
