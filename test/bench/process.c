/* The process of a load generator: as many descriptors as it may have, and signals that begin and end the
 * measuring. */
#include "bench.h"

#include <signal.h>
#include <sys/resource.h>

static volatile sig_atomic_t stopping, beginning;

static void on_signal(int number)
{
	if (number == SIGUSR1)
		beginning = 1;
	else
		stopping = 1;
}

void process_prepare(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
		if (limit.rlim_cur < (rlim_t)opt.count + 16)
			fprintf(stderr, "only %llu descriptors are allowed\n",
				(unsigned long long)limit.rlim_cur);
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	signal(SIGUSR1, on_signal);
}

bool process_stopping(void)
{
	return stopping;
}

bool process_beginning(void)
{
	return beginning;
}
