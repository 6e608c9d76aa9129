/* srs_bench - load for a live-streaming server, and figures of what it delivers.
 *
 * First the connections are opened, so many a second. When all run (or have failed, or patience is
 * over) and the warm-up has passed, the measuring begins; at its end the report is printed. */
#include "bench.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

enum { EVENTS = 1024, HOUSEKEEPING_US = 50 * 1000 };

static struct result result;
static volatile sig_atomic_t stopping;
static int64_t start_us, opened_us, ready_us, end_us;
static double server_cpu, my_cpu;

static void on_signal(int number)
{
	(void)number;
	stopping = 1;
}

static void prepare(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
		if (limit.rlim_cur < (rlim_t)opt.count + 16)
			fprintf(stderr, "srs_bench: only %llu descriptors are allowed\n",
				(unsigned long long)limit.rlim_cur);
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	peers = mem_zalloc(sizeof(*peers) * (size_t)opt.count);
	for (int i = 0; i < opt.count; i++) {
		peers[i].fd = -1;
		peers[i].index = i;
	}
}

/* Returns when the next connection is due. */
static int64_t ramp_up(int64_t now)
{
	while (opened < opt.count) {
		int64_t due = opt.ramp > 0 ? start_us + (int64_t)(opened * 1e6 / opt.ramp) : now;
		if (due > now)
			return due;
		peer_open(&peers[opened]);
		opened_us = now;
	}
	return INT64_MAX;
}

static void begin_window(int64_t now)
{
	window_us = now;
	end_us = opt.seconds > 0 ? now + (int64_t)(opt.seconds * 1e6) : INT64_MAX;
	server_cpu = watch_cpu();
	my_cpu = own_cpu();
	for (int i = 0; i < opt.count; i++) {
		struct peer *peer = &peers[i];
		peer->window_bytes = opt.mode == MODE_PUBLISH ? peer->sent : peer->received;
		peer->last_us = now;
	}
}

static void end_window(int64_t now)
{
	if (window_us) {
		result.seconds = (double)(now - window_us) / 1e6;
		result.server_cpu = watch_cpu() - server_cpu;
		result.own_cpu = own_cpu() - my_cpu;
	}
	result.rss_after = watch_rss();
	for (int i = 0; window_us && i < opt.count; i++) {
		int64_t gap = now - peers[i].last_us;
		if (peers[i].state != PEER_RUNNING || opt.mode == MODE_IDLE ||
		    opt.mode == MODE_PUBLISH)
			continue;
		if (gap > peers[i].worst_gap_us && (double)gap > opt.stall_ms * 1000) {
			peers[i].worst_gap_us = gap;
			fig.stalls++;
		}
	}
}

static void housekeeping(int64_t now)
{
	static int64_t acked_us;
	if (!ready_us && opened == opt.count &&
	    (running + ended == opt.count || now - opened_us > (int64_t)(opt.patience * 1e6))) {
		ready_us = now;
		fprintf(stderr, "ready: %d of %d run\n", running, opt.count);
	}
	if (ready_us && !window_us && now - ready_us >= (int64_t)(opt.warm * 1e6))
		begin_window(now);
	if (opt.mode != MODE_PLAY_RTMP || now - acked_us < 1000000)
		return;
	acked_us = now;
	for (int i = 0; i < opt.count; i++)
		if (peers[i].state == PEER_RUNNING)
			rtmp_ack(&peers[i], now);
}

static int timeout_ms(int64_t now, int64_t next)
{
	int64_t ms = (next - now + 999) / 1000;
	return ms < 0 ? 0 : ms > HOUSEKEEPING_US / 1000 ? HOUSEKEEPING_US / 1000 : (int)ms;
}

/* Waits for the next look at the descriptors: see --nap. */
static int wait_events(struct epoll_event *events, int64_t next)
{
	int64_t now = now_us(), nap = (int64_t)(opt.nap_ms * 1000);
	if (nap <= 0)
		return epoll_wait(epoll_fd, events, EVENTS, timeout_ms(now, next));
	static bool busy;
	struct timespec t = {.tv_sec = (time_t)(nap / 1000000),
			     .tv_nsec = (long)(nap % 1000000) * 1000};
	if (!busy)
		nanosleep(&t, NULL);
	int n = epoll_wait(epoll_fd, events, EVENTS, 0);
	busy = n == EVENTS;
	return n;
}

static void run(void)
{
	static struct epoll_event events[EVENTS];
	int64_t now = now_us(), kept = 0;
	start_us = now;
	end_us = INT64_MAX;
	while (!stopping && now < end_us && ended < opt.count) {
		int64_t next = ramp_up(now), media = INT64_MAX;
		if (opt.mode == MODE_PUBLISH && running)
			media = stream_run(now);
		else if (opt.mode == MODE_PROBE)
			media = http_probe(now);
		if (now - kept >= HOUSEKEEPING_US) {
			housekeeping(now);
			kept = now;
		}
		next = media < next ? media : next;
		next = end_us < next ? end_us : next;
		int n = wait_events(events, next);
		for (int i = 0; i < n; i++)
			peer_event(events[i].data.ptr, events[i].events);
		now = now_us();
	}
	end_window(now);
}

int main(int argc, char **argv)
{
	if (!options_read(argc, argv))
		return 2;
	prepare();
	result.rss_before = watch_rss();
	run();
	report(&result);
	return running > 0 && fig.failures == 0 ? 0 : 1;
}
