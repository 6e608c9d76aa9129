/* signals - POSIX signals as events of the root coroutine. Layer: main. */
#pragma once
#include "base/err.h"
#include "co/co.h"

/* Installs the handlers; after co_init(). */
err signals_init(void);
void signals_fini(void);
/* The next signal: SIGTERM, SIGINT or SIGQUIT before all others, SIGUSR1, SIGUSR2 and SIGHUP, of which several that
 * have come are one; 0 after signals_poke(); ERR_TIMEOUT at the deadline. */
err signals_wait(int *number, int64_t deadline) BLOCKS;
/* Has who waits look around. */
void signals_poke(void);
