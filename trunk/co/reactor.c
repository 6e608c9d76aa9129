/* The reactor: the one coroutine that blocks in state-threads' poll, on one descriptor, our own
 * epoll set. state-threads looks at all waiting descriptors at each turn; like this there is one,
 * whatever the number of connections. It also runs the timers. */
#include "co/inside.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
	BATCH = 256, /* of events; then those who were woken get their turn, and timers */
	POLL_MS_MAX = 3600 * 1000,
};

static struct {
	struct co *co;
	st_netfd_t netfd;
	int epoll_fd;
	bool asleep;      /* blocked in poll */
	int64_t wakes_at; /* the end of that poll */
	bool ending;
	struct epoll_event events[BATCH];
	int event_count; /* of the batch being worked off */
	int event_next;
	uint64_t events_seen;
} re;

bool reactor_is_running(void)
{
	return re.co && co_self() == re.co;
}

void reactor_wake_before(int64_t due)
{
	if (!re.asleep || due >= re.wakes_at)
		return;
	re.asleep = false;
	st_thread_interrupt(re.co->thread);
}

static unsigned ready_bits(uint32_t events)
{
	unsigned ready = 0;
	if (events & EPOLLIN)
		ready |= REACTOR_IN;
	if (events & EPOLLOUT)
		ready |= REACTOR_OUT;
	if (events & EPOLLRDHUP)
		ready |= REACTOR_IN | REACTOR_HUP;
	if (events & (EPOLLHUP | EPOLLERR)) /* so that whatever is tried next meets the error */
		ready |= REACTOR_IN | REACTOR_OUT | REACTOR_HUP;
	return ready;
}

/* Input arrives together with a repeated "may be written": only news wake somebody. */
static void dispatch(struct reactor_fd *rfd, unsigned ready)
{
	unsigned fresh = ready & ~rfd->ready;
	rfd->ready |= ready;
	if (rfd->on_event)
		rfd->on_event(rfd);
	else if (fresh && rfd->waiter)
		co_wake(rfd->waiter);
}

/* Not all at once: when thousands leave in one moment, each is some work, and the turns of those who
 * stay would come late. */
static void dispatch_some(void)
{
	re.event_count = epoll_wait(re.epoll_fd, re.events, BATCH, 0);
	if (re.event_count > 0)
		re.events_seen += (uint64_t)re.event_count;
	for (re.event_next = 0; re.event_next < re.event_count;) {
		struct epoll_event *event = &re.events[re.event_next++];
		if (event->data.ptr)
			dispatch(event->data.ptr, ready_bits(event->events));
	}
	re.event_count = 0;
}

uint64_t co_events(void)
{
	return re.events_seen;
}

/* True when the epoll set has something. */
static bool reactor_sleep(void)
{
	int64_t now = clock_ms();
	int64_t next = timers_next();
	int64_t ms = next == CLOCK_NEVER ? POLL_MS_MAX : next - now;
	if (ms > POLL_MS_MAX)
		ms = POLL_MS_MAX;
	if (ms < 0)
		ms = 0;
	re.wakes_at = now + ms;
	re.asleep = true;
	int rc = st_netfd_poll(re.netfd, POLLIN, (st_utime_t)ms * 1000);
	re.asleep = false;
	co_switched(re.co);
	return rc == 0;
}

static void reactor_main(void *arg)
{
	(void)arg;
	while (!re.ending) {
		if (reactor_sleep())
			dispatch_some();
		timers_run(clock_ms());
	}
}

err reactor_init(void)
{
	re.ending = false;
	re.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (re.epoll_fd < 0)
		return err_sys(ERR_SYSTEM, "epoll_create1");
	re.netfd = st_netfd_open(re.epoll_fd);
	if (!re.netfd) {
		err e = err_sys(ERR_SYSTEM, "st_netfd_open");
		close(re.epoll_fd);
		return e;
	}
	re.co = co_spawn("reactor", reactor_main, NULL);
	return re.co ? OK : err_fail(ERR_SYSTEM, "no memory for the reactor");
}

void reactor_fini(void)
{
	if (re.co) {
		re.ending = true;
		reactor_wake_before(INT64_MIN);
		co_join(&re.co);
	}
	if (re.netfd)
		st_netfd_close(re.netfd);
	re.netfd = NULL;
}

static err control(struct reactor_fd *rfd, int op, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = rfd};
	if (epoll_ctl(re.epoll_fd, op, rfd->fd, &event) == 0)
		return OK;
	return err_sys(ERR_SYSTEM, "epoll_ctl");
}

err reactor_add(struct reactor_fd *rfd, int fd)
{
	rfd->fd = fd;
	rfd->ready = 0;
	return control(rfd, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

err reactor_add_level(struct reactor_fd *rfd, int fd, unsigned events)
{
	uint32_t mask = 0;
	if (events & REACTOR_IN)
		mask |= EPOLLIN;
	if (events & REACTOR_OUT)
		mask |= EPOLLOUT;
	rfd->fd = fd;
	rfd->ready = 0;
	struct epoll_event event = {.events = mask, .data.ptr = rfd};
	if (epoll_ctl(re.epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0)
		return OK;
	return errno == ENOENT ? control(rfd, EPOLL_CTL_ADD, mask)
			       : err_sys(ERR_SYSTEM, "epoll_ctl");
}

err reactor_want(struct reactor_fd *rfd, unsigned events)
{
	uint32_t mask = EPOLLRDHUP | EPOLLET;
	if (events & REACTOR_IN)
		mask |= EPOLLIN;
	if (events & REACTOR_OUT)
		mask |= EPOLLOUT;
	return control(rfd, EPOLL_CTL_MOD, mask);
}

/* Its event may already lie in the batch that is being worked off, when the callback of another
 * descriptor removes it. */
void reactor_remove(struct reactor_fd *rfd)
{
	struct epoll_event unused = {0};
	epoll_ctl(re.epoll_fd, EPOLL_CTL_DEL, rfd->fd, &unused);
	for (int i = re.event_next; i < re.event_count; i++) {
		if (re.events[i].data.ptr == rfd)
			re.events[i].data.ptr = NULL;
	}
	rfd->ready = 0;
	rfd->waiter = NULL;
}
