#include "support/fake_time.h"
#include "base/check.h"
#include "co/co.h"

#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	MS_NS = 1000 * 1000,
	SECOND_NS = 1000 * MS_NS,
	ROUND_MS = 7 * 1000 * 1000, /* a multiple of all periods that tests have */
	LOOKS = 4,
	HELPERS_MS = 10000, /* helper threads may take, in real time */
};

/* Programs without coroutines have none. */
#pragma weak co_offloaded

static bool is_fake;
static int64_t now_ns;   /* while it is fake */
static int64_t ahead_ns; /* of the real time, later: it never goes back */

static int64_t real_ns(clockid_t id)
{
	struct timespec ts;
	check(syscall(SYS_clock_gettime, id, &ts) == 0);
	return (int64_t)ts.tv_sec * SECOND_NS + ts.tv_nsec;
}

/* Instead of the C library's. */
int clock_gettime(clockid_t id, struct timespec *ts)
{
	int64_t ns = real_ns(id);
	if (id == CLOCK_MONOTONIC)
		ns = is_fake ? now_ns : ns + ahead_ns;
	*ts = (struct timespec){.tv_sec = ns / SECOND_NS, .tv_nsec = ns % SECOND_NS};
	return 0;
}

/* What was sent over loopback is there at once, unless the kernel is busy: then a thread of its own on this
 * processor has it, which has to have its turn before time may pass. */
static int look(struct pollfd *fds, nfds_t n)
{
	const struct timespec none = {0};
	int ready = 0;
	for (int i = 0; i < LOOKS && ready == 0; i++) {
		if (i > 0)
			sched_yield();
		ready = (int)syscall(SYS_ppoll, fds, n, &none, NULL, 0);
	}
	return ready;
}

/* Helper threads have real time only: it may not pass for those who wait for them. */
static int await_helpers(struct pollfd *fds, nfds_t n)
{
	const struct timespec wait = {.tv_sec = HELPERS_MS / 1000};
	bool are_busy = co_offloaded && co_offloaded() > 0;
	return are_busy ? (int)syscall(SYS_ppoll, fds, n, &wait, NULL, 0) : 0;
}

/* Instead of the C library's: the one in which state-threads waits. */
int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	struct timespec wait = {.tv_sec = timeout / 1000, .tv_nsec = timeout % 1000 * MS_NS};
	if (!is_fake)
		return (int)syscall(SYS_ppoll, fds, n, timeout < 0 ? NULL : &wait, NULL, 0);
	int ready = look(fds, n);
	if (ready == 0)
		ready = await_helpers(fds, n);
	check(ready != 0 || timeout >= 0); /* it would wait for ever */
	if (ready == 0)
		fake_time_pass(timeout);
	return ready;
}

void fake_time_begin(void)
{
	int64_t ms = (real_ns(CLOCK_MONOTONIC) + ahead_ns) / MS_NS;
	now_ns = (ms / ROUND_MS + 1) * ROUND_MS * MS_NS;
	is_fake = true;
}

void fake_time_end(void)
{
	if (!is_fake)
		return;
	is_fake = false;
	ahead_ns = now_ns - real_ns(CLOCK_MONOTONIC);
}

void fake_time_pass(int64_t ms)
{
	now_ns += ms * MS_NS;
}

void fake_time_skip(int64_t ms)
{
	ahead_ns += ms * MS_NS;
}
