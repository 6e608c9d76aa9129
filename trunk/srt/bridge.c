#include "srt/bridge.h"

#ifdef WITH_SRT
#include "srt/inside.h"
#include "srt/lines.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
	RING = 1024, /* events that the reactor has not taken yet; the library keeps the rest */
	BATCH = 128,
	WAIT_MS = 200,     /* how soon the helper notices that it has to end */
	PACE_NS = 1000000, /* between two reports: more come together */
	BUCKETS = 1024,
};

struct event {
	int socket;
	unsigned bits;
};

static struct {
	bool is_on, is_starting;
	int epoll;
	char version[16];
	struct srt_watch *watches[BUCKETS]; /* by the socket's number */
	struct reactor_fd notice;
	pthread_t helper;
	pthread_mutex_t lock; /* for the rest */
	pthread_cond_t room;
	struct event ring[RING];
	unsigned count;
	bool is_ending;
} br = {.lock = PTHREAD_MUTEX_INITIALIZER, .room = PTHREAD_COND_INITIALIZER};

/* ---- the helper ---- */

static unsigned bits_of(int events)
{
	unsigned bits = 0;
	if (events & SRT_EPOLL_IN)
		bits |= SRT_IN;
	if (events & SRT_EPOLL_OUT)
		bits |= SRT_OUT;
	if (events & SRT_EPOLL_ERR) /* so that whatever is tried next meets the error */
		bits |= SRT_IN | SRT_OUT | SRT_GONE;
	return bits;
}

/* With the lock. The ring is full only while the reactor is busy: what the library has not told yet, it keeps. */
static void put(const SRT_EPOLL_EVENT *e)
{
	const uint64_t one = 1;
	while (br.count == RING && !br.is_ending) {
		(void)!write(br.notice.fd, &one, sizeof(one));
		pthread_cond_wait(&br.room, &br.lock);
	}
	if (br.count < RING)
		br.ring[br.count++] = (struct event){.socket = e->fd, .bits = bits_of(e->events)};
}

static bool report(const SRT_EPOLL_EVENT *events, int n)
{
	const uint64_t one = 1;
	pthread_mutex_lock(&br.lock);
	for (int i = 0; i < n; i++)
		put(&events[i]);
	bool is_ending = br.is_ending;
	pthread_mutex_unlock(&br.lock);
	if (n > 0)
		(void)!write(br.notice.fd, &one, sizeof(one));
	return !is_ending;
}

/* A pause after each report: with hundreds of senders there is always something, and a wake-up of the reactor for
 * each packet would cost more than all else. */
static void *helper_main(void *arg)
{
	const struct timespec pace = {.tv_nsec = PACE_NS};
	SRT_EPOLL_EVENT events[BATCH];
	int n;
	(void)arg;
	pthread_setname_np(pthread_self(), "srt events");
	do {
		n = lib.srt_epoll_uwait(br.epoll, events, BATCH, WAIT_MS);
		n = n < 0 ? 0 : n > BATCH ? BATCH : n;
		if (n > 0)
			nanosleep(&pace, NULL);
	} while (report(events, n));
	return NULL;
}

/* ---- the reactor ---- */

static struct srt_watch **bucket_of(int socket)
{
	return &br.watches[(unsigned)socket % BUCKETS];
}

/* Reports about a socket that has been closed meanwhile are ignored. */
static void dispatch(const struct event *e)
{
	struct srt_watch *w = *bucket_of(e->socket);
	while (w && w->socket != e->socket)
		w = w->next;
	if (!w)
		return;
	w->ready |= e->bits;
	if (w->waiter)
		co_wake(w->waiter);
}

static void on_notice(struct reactor_fd *rfd)
{
	static struct event taken[RING];
	uint64_t times;
	unsigned n;
	(void)!read(rfd->fd, &times, sizeof(times));
	rfd->ready = 0;
	pthread_mutex_lock(&br.lock);
	for (n = 0; n < br.count; n++)
		taken[n] = br.ring[n];
	br.count = 0;
	pthread_cond_signal(&br.room);
	pthread_mutex_unlock(&br.lock);
	for (unsigned i = 0; i < n; i++)
		dispatch(&taken[i]);
	lines_tell();
}

err srt_watch_begin(struct srt_watch *w, int socket)
{
	const int events = SRT_EPOLL_IN | SRT_EPOLL_OUT | SRT_EPOLL_ERR | (int)SRT_EPOLL_ET;
	struct srt_watch **bucket = bucket_of(socket);
	w->socket = socket;
	w->ready = SRT_IN | SRT_OUT; /* what was before it is watched may not be told */
	w->next = *bucket;
	*bucket = w;
	if (lib.srt_epoll_add_usock(br.epoll, socket, &events) == 0)
		return OK;
	srt_watch_end(w);
	return err_fail(ERR_SYSTEM, "srt_epoll_add_usock: %s", lib.srt_getlasterror_str());
}

void srt_watch_end(struct srt_watch *w)
{
	struct srt_watch **at = bucket_of(w->socket);
	while (*at && *at != w)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = w->next;
	lib.srt_epoll_remove_usock(br.epoll, w->socket);
	*w = (struct srt_watch){0};
}

/* ---- its beginning and its end ---- */

bool srt_bridge_is_built(void)
{
	return true;
}

bool srt_bridge_is_on(void)
{
	return br.is_on;
}

const char *srt_bridge_version(void)
{
	return br.version;
}

static err start_helper(void)
{
	/* Signals are for the thread that has the coroutines; threads inherit what is blocked. */
	br.is_ending = false;
	br.count = 0;
	if (pthread_create(&br.helper, NULL, helper_main, NULL) == 0)
		return OK;
	return err_fail(ERR_SYSTEM, "there is no thread for SRT");
}

static err open_notice(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fd < 0)
		return err_sys(ERR_SYSTEM, "eventfd");
	br.notice.on_event = on_notice;
	err e = reactor_add(&br.notice, fd);
	if (e)
		close(fd);
	return e;
}

static void close_notice(void)
{
	reactor_remove(&br.notice);
	close(br.notice.fd);
}

static err start_library(void)
{
	if (lib.srt_startup() < 0)
		return err_fail(ERR_SYSTEM, "srt_startup: %s", lib.srt_getlasterror_str());
	lib.srt_setloghandler(NULL, lines_put);
	lib.srt_setlogflags(SRT_LOGF_DISABLE_TIME | SRT_LOGF_DISABLE_THREADNAME |
			    SRT_LOGF_DISABLE_SEVERITY | SRT_LOGF_DISABLE_EOL);
	/* Errors are what each of its calls returns; it would log a line for each of them as well. */
	lib.srt_setloglevel(LOG_CRIT);
	br.epoll = lib.srt_epoll_create();
	lib.srt_epoll_set(br.epoll, SRT_EPOLL_ENABLE_EMPTY);
	return br.epoll < 0 ? err_fail(ERR_SYSTEM, "srt_epoll_create") : OK;
}

/* On a helper thread: the library has constructors, whose stacks nobody has measured. */
static void load(void *arg)
{
	const char **missing = arg;
	*missing = library_load();
}

static void clean_up(void *arg)
{
	(void)arg;
	lib.srt_cleanup();
}

static err start(void)
{
	TRY(open_notice());
	err e = start_library();
	if (!e)
		e = start_helper();
	if (!e)
		return OK;
	close_notice();
	lib.srt_cleanup();
	return e;
}

static err load_and_start(void)
{
	sigset_t every, before;
	const char *missing = NULL;
	co_offload(load, &missing);
	if (missing)
		return err_fail(ERR_SYSTEM, "SRT needs libsrt, and %s cannot be loaded", missing);
	sigfillset(&every);
	pthread_sigmask(SIG_BLOCK, &every, &before);
	err e = start();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (e)
		return e;
	unsigned v = lib.srt_getversion();
	snprintf(br.version, sizeof(br.version), "%u.%u.%u", v >> 16 & 255, v >> 8 & 255, v & 255);
	br.is_on = true;
	return OK;
}

/* Loading takes some milliseconds, in which another coroutine may want it, too. */
err srt_bridge_start(void)
{
	enum { STEP_MS = 2 };
	while (br.is_starting)
		TRY(co_sleep(STEP_MS));
	if (br.is_on)
		return OK;
	br.is_starting = true;
	err e = load_and_start();
	br.is_starting = false;
	return e;
}

void srt_bridge_stop(void)
{
	if (!br.is_on)
		return;
	pthread_mutex_lock(&br.lock);
	br.is_ending = true;
	pthread_cond_signal(&br.room);
	pthread_mutex_unlock(&br.lock);
	pthread_join(br.helper, NULL);
	link_forget_callers();
	lib.srt_epoll_release(br.epoll);
	co_offload(clean_up, NULL);
	close_notice();
	lines_tell();
	br.is_on = false;
}
#endif
