/* The clock and the listeners of the floors: see floor.h.
 *
 * Connections are spread over groups with a moment of their own within the period, as a server must
 * do that has other work beside; with one group all are served at once. */
#include "floor.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PER_GROUP = 300, GROUPS_MAX = 32, LISTENERS_MAX = 2 };

static const struct floor *const kinds[] = {&floor_write, &floor_tls, &floor_receive, &floor_relay,
					    &floor_rtc};
static const struct floor *kind = &floor_write;
static int port = 21936, groups;
static double kbps = 880, period_ms = 350;
static int listeners[LISTENERS_MAX];

void clients_drop(struct clients *clients, int i)
{
	close(clients->fd[i]);
	clients->fd[i] = clients->fd[--clients->count];
}

static int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool take_kind(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i]->name, name) == 0) {
			kind = kinds[i];
			return true;
		}
	}
	return false;
}

static bool read_options(int argc, char **argv)
{
	for (int c; (c = getopt(argc, argv, "m:p:k:i:g:h")) != -1;) {
		if (c == 'p')
			port = (int)strtol(optarg, NULL, 10);
		else if (c == 'k')
			kbps = strtod(optarg, NULL);
		else if (c == 'i')
			period_ms = strtod(optarg, NULL);
		else if (c == 'g')
			groups = (int)strtol(optarg, NULL, 10);
		else if (c != 'm' || !take_kind(optarg))
			return false;
	}
	return kbps > 0 && period_ms >= 1 && groups >= 0 && groups <= GROUPS_MAX &&
	       kind->prepare(kbps, period_ms);
}

static int open_listener(int number)
{
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_port = htons((uint16_t)(port + number)),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 || listen(fd, 4096) != 0) {
		perror("floor");
		exit(1);
	}
	return fd;
}

static void accept_all(void)
{
	int on = 1, fd;
	for (int i = 0; i < kind->listeners; i++) {
		while (kind->count() < CLIENTS_MAX &&
		       (fd = accept4(listeners[i], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
			       0) {
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
			kind->accepted(i, fd);
		}
	}
}

static int group_count(void)
{
	int n = (kind->count() + PER_GROUP - 1) / PER_GROUP;
	return groups ? groups : n < 1 ? 1 : n > GROUPS_MAX ? GROUPS_MAX : n;
}

static void run(int ep)
{
	struct epoll_event event;
	int64_t due = now_us();
	for (int group = 0;; group++) {
		int of = group_count();
		int64_t now;
		while ((now = now_us()) < due) {
			int64_t ms = (due - now + 999) / 1000;
			if (epoll_wait(ep, &event, 1, (int)ms) > 0)
				accept_all();
		}
		group %= of;
		for (int i = group; i < kind->count(); i += of)
			kind->serve(i);
		due += (int64_t)(period_ms * 1000 / of);
	}
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	struct epoll_event event = {.events = EPOLLIN};
	int ep = epoll_create1(EPOLL_CLOEXEC);
	if (!read_options(argc, argv)) {
		fprintf(stderr,
			"Usage: floor [-m write|tls|receive|relay|rtc] [-p PORT] [-k KBPS] [-i "
			"PERIOD_MS] "
			"[-g GROUPS]\n"
			"write:   writes a stream's bytes to whoever connects to 127.0.0.1:PORT\n"
			"tls:     the same, encrypted\n"
			"receive: reads whatever is sent there\n"
			"relay:   passes on what is sent there, each sender to one who connects to "
			"PORT+1\n"
			"rtc:     encrypts and sends a WebRTC stream's packets to whoever sends a "
			"datagram there\n"
			"GROUPS: the moments within a period (one for each 300 connections)\n");
		return 2;
	}
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	signal(SIGPIPE, SIG_IGN);
	if (kind->run)
		kind->run(port);
	for (int i = 0; i < kind->listeners; i++) {
		listeners[i] = open_listener(i);
		epoll_ctl(ep, EPOLL_CTL_ADD, listeners[i], &event);
	}
	run(ep);
	return 0;
}
