/* floor - the least that serving a stream can cost: a program that only writes.
 *
 * It accepts connections and writes each of them one block a period, the bytes of a stream of that
 * rate, from one buffer. There is no protocol and no input. The connections are spread over groups
 * with a moment of their own within the period, as a server must do that has something else to
 * attend to; with one group all are written at once. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <sys/epoll.h>

enum { CLIENTS_MAX = 100000, BLOCK_MAX = 16 << 20, PER_GROUP = 300, GROUPS_MAX = 32 };

static int clients[CLIENTS_MAX];
static uint32_t owed[CLIENTS_MAX]; /* of the last block, what did not fit */
static int client_count;
static uint8_t block[BLOCK_MAX];
static uint32_t block_size;
static int port = 21936, groups;
static double kbps = 880, period_ms = 350;

static int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool read_options(int argc, char **argv)
{
	for (int c; (c = getopt(argc, argv, "p:k:i:g:h")) != -1;) {
		if (c == 'p')
			port = (int)strtol(optarg, NULL, 10);
		else if (c == 'k')
			kbps = strtod(optarg, NULL);
		else if (c == 'i')
			period_ms = strtod(optarg, NULL);
		else if (c == 'g')
			groups = (int)strtol(optarg, NULL, 10);
		else
			return false;
	}
	block_size = (uint32_t)(kbps * period_ms / 8);
	return kbps > 0 && period_ms >= 1 && block_size > 0 && block_size <= BLOCK_MAX &&
	       groups >= 0 && groups <= GROUPS_MAX;
}

static int open_listener(void)
{
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_port = htons((uint16_t)port),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 || listen(fd, 4096) != 0) {
		perror("floor");
		exit(1);
	}
	return fd;
}

static void accept_all(int listener)
{
	int on = 1, fd;
	while (client_count < CLIENTS_MAX &&
	       (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		clients[client_count++] = fd;
	}
}

static int group_count(void)
{
	int n = (client_count + PER_GROUP - 1) / PER_GROUP;
	return groups ? groups : n < 1 ? 1 : n > GROUPS_MAX ? GROUPS_MAX : n;
}

static void write_one(int i)
{
	uint32_t want = block_size + owed[i];
	ssize_t n =
		want > BLOCK_MAX ? -1 : send(clients[i], block, want, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN) {
		close(clients[i]);
		clients[i] = clients[--client_count];
		owed[i] = owed[client_count];
		return;
	}
	owed[i] = want - (n > 0 ? (uint32_t)n : 0);
	owed[i] = owed[i] > BLOCK_MAX / 2 ? BLOCK_MAX / 2 : owed[i];
}

static void run(int listener)
{
	struct epoll_event event = {.events = EPOLLIN};
	int ep = epoll_create1(EPOLL_CLOEXEC);
	int64_t due = now_us();
	epoll_ctl(ep, EPOLL_CTL_ADD, listener, &event);
	for (int group = 0;; group++) {
		int of = group_count();
		int64_t now;
		while ((now = now_us()) < due) {
			int64_t ms = (due - now + 999) / 1000;
			if (epoll_wait(ep, &event, 1, (int)ms) > 0)
				accept_all(listener);
		}
		group %= of;
		for (int i = group; i < client_count; i += of)
			write_one(i);
		due += (int64_t)(period_ms * 1000 / of);
	}
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	if (!read_options(argc, argv)) {
		fprintf(stderr, "Usage: floor [-p PORT] [-k KBPS] [-i PERIOD_MS] [-g GROUPS]\n"
				"Writes a stream's bytes to whoever connects to 127.0.0.1:PORT.\n"
				"GROUPS: the moments within a period (one for each 300 clients)\n");
		return 2;
	}
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	signal(SIGPIPE, SIG_IGN);
	memset(block, 0x55, sizeof(block));
	run(open_listener());
	return 0;
}
