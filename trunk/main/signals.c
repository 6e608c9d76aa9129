/* The handler writes the number into a pipe that the reactor watches: a signal is an event like
 * any other and is handled between two switches. */
#include "main/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static int fds[2] = {-1, -1};
static struct reactor_fd rfd;

static void on_signal(int number)
{
	int kept = errno;
	char byte = (char)number;
	ssize_t n = write(fds[1], &byte, 1); /* a full pipe already says enough */
	(void)n;
	errno = kept;
}

void signals_poke(void)
{
	on_signal(0);
}

err signals_init(void)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2};
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
		return err_sys(ERR_SYSTEM, "pipe");
	TRY(reactor_add(&rfd, fds[0]));
	rfd.waiter = co_self();
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct sigaction action;
		memset(&action, 0, sizeof(action));
		action.sa_handler = on_signal;
		action.sa_flags = SA_RESTART;
		sigaction(numbers[i], &action, NULL);
	}
	return OK;
}

void signals_fini(void)
{
	reactor_remove(&rfd);
	close(fds[0]);
	/* The write end stays: a late signal finds a descriptor, and the process is ending. */
}

err signals_wait(int *number, int64_t deadline)
{
	for (;;) {
		unsigned char byte;
		if (read(fds[0], &byte, 1) == 1) {
			*number = byte;
			return OK;
		}
		rfd.ready &= ~(unsigned)REACTOR_IN; /* else the next one is no news */
		TRY(co_wait(deadline));
	}
}
