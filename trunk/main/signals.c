/* The handler counts the signal and writes a byte into a pipe that the reactor watches: a signal is an event like
 * any other and is handled between two switches. The bytes only wake: of very many reloads one is made, and what
 * ends the server neither waits behind them nor finds the pipe full. */
#include "main/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* In the order in which they are handled; 0 is a poke. Each of those that end the server counts, since a second one
 * means more than the first. */
static const struct {
	int number;
	bool counts;
} kinds[] = {{SIGTERM, true},  {SIGINT, true},  {SIGQUIT, true}, {SIGUSR1, false},
	     {SIGUSR2, false}, {SIGHUP, false}, {0, false}};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static int fds[2] = {-1, -1};
static struct reactor_fd rfd;
static atomic_uint pending[KINDS];

static void on_signal(int number)
{
	int kept = errno;
	for (int i = 0; i < KINDS; i++)
		if (kinds[i].number == number)
			atomic_fetch_add(&pending[i], 1);
	ssize_t n = write(fds[1], "", 1); /* a full pipe already says enough */
	(void)n;
	errno = kept;
}

void signals_poke(void)
{
	on_signal(0);
}

err signals_init(void)
{
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
		return err_sys(ERR_SYSTEM, "pipe");
	TRY(reactor_add(&rfd, fds[0]));
	rfd.waiter = co_self();
	for (int i = 0; i < KINDS && kinds[i].number; i++) {
		struct sigaction action;
		memset(&action, 0, sizeof(action));
		action.sa_handler = on_signal;
		action.sa_flags = SA_RESTART;
		sigaction(kinds[i].number, &action, NULL);
	}
	return OK;
}

void signals_fini(void)
{
	reactor_remove(&rfd);
	close(fds[0]);
	/* The write end stays: a late signal finds a descriptor, and the process is ending. */
}

/* One that has come, which counts as handled; -1: there is none. */
static int take_pending(void)
{
	for (int i = 0; i < KINDS; i++) {
		unsigned n = atomic_load(&pending[i]);
		if (n == 0)
			continue;
		/* Others may come meanwhile: only those that were seen are taken. */
		atomic_fetch_sub(&pending[i], kinds[i].counts ? 1 : n);
		return kinds[i].number;
	}
	return -1;
}

err signals_wait(int *number, int64_t deadline)
{
	char bytes[256];
	for (;;) {
		rfd.ready &= ~(unsigned)REACTOR_IN; /* else the next one is no news */
		while (read(fds[0], bytes, sizeof(bytes)) > 0)
			;
		int taken = take_pending();
		if (taken >= 0) {
			*number = taken;
			return OK;
		}
		TRY(co_wait(deadline));
	}
}
