/* bridge - where libsrt meets the reactor. Layer: srt.
 *
 * The library has threads of its own and a kind of sockets that epoll does not know. One helper thread waits in
 * its srt_epoll_uwait() for all of them, and reports (socket, what happened) through a bounded ring and an
 * eventfd; the reactor finds the watch of that socket and wakes who waits. Sockets are watched
 * edge-triggered, once, from their beginning to their end. */
#pragma once
#include "base/err.h"
#include "co/co.h"

#include <stdbool.h>

enum { SRT_IN = 1, SRT_OUT = 2, SRT_GONE = 4 };

/* One SRT socket. `ready` gathers what happened; whoever reads or writes clears IN or OUT when a call has found
 * nothing, or no room. */
struct srt_watch {
	int socket; /* an SRTSOCKET; never that of a closed one again soon */
	unsigned ready;
	struct co *waiter; /* woken at each event, or NULL */
	struct srt_watch *next;
};

/* Whether this program was built with SRT. */
bool srt_bridge_is_built(void);
/* Loads the library and starts its threads and the helper, once: later calls cost nothing. After the last
 * fork. ERR_SYSTEM: there is no SRT in this program or on this machine. */
err srt_bridge_start(void) BLOCKS;
/* Ends all of it; all sockets must be closed. Takes some ten milliseconds. Nothing happens when it was never
 * started. */
void srt_bridge_stop(void) BLOCKS;
bool srt_bridge_is_on(void);
/* "1.5.1"; "" while it is not started. */
const char *srt_bridge_version(void);

/* Watches that socket. */
err srt_watch_begin(struct srt_watch *watch, int socket);
/* Before the socket is closed. Zeroed memory is fine. */
void srt_watch_end(struct srt_watch *watch);
