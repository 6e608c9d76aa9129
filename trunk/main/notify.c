#include "main/notify.h"
#include "base/log.h"
#include "base/mem.h"
#include "co/co.h"
#include "main/inherit.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_US = 200000, RETRY_MS = 100, STORE_MAX = INHERIT_MAX };

#define STORE_NAME "FDNAME=listen"

static struct {
	int fd; /* connected; -1: nobody wants to know */
	int64_t feed_ms;
	bool hungry; /* the watchdog was not fed when it should have been */
	struct timer watchdog;
} manager = {.fd = -1};

/* ---- the socket ---- */

/* A path, or '@' and a name that is no file's. */
static bool read_address(struct sockaddr_un *out, socklen_t *n)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (length < 2 || length >= sizeof(out->sun_path) || (*path != '/' && *path != '@'))
		return false;
	memcpy(out->sun_path, path, length);
	if (*path == '@')
		out->sun_path[0] = '\0';
	*n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	return true;
}

void notify_begin(void)
{
	static const struct timeval patience = {.tv_usec = PATIENCE_US};
	struct sockaddr_un to;
	socklen_t n;
	if (!read_address(&to, &n))
		return;
	manager.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (manager.fd >= 0 && connect(manager.fd, (const struct sockaddr *)&to, n) == 0) {
		setsockopt(manager.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
		return;
	}
	log_warn("the service manager cannot be told anything: %s", strerror(errno));
	notify_end();
}

void notify_end(void)
{
	timer_cancel(&manager.watchdog);
	if (manager.fd >= 0)
		close(manager.fd);
	manager.fd = -1;
}

static void put_fds(struct msghdr *msg, const int *fds, int count)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
	memcpy(CMSG_DATA(c), fds, (size_t)count * sizeof(int));
}

static bool send_text(const char *text, const int *fds, int count, int flags)
{
	char control[CMSG_SPACE(STORE_MAX * sizeof(int))] = {0};
	struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	if (count > 0) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
		put_fds(&msg, fds, count);
	}
	return sendmsg(manager.fd, &msg, MSG_NOSIGNAL | flags) >= 0;
}

static void not_told(const char *text)
{
	log_warn("the service manager was not told \"%.*s\": %s", (int)strcspn(text, "\n"), text,
		 strerror(errno));
}

/* What does not get through within a moment is left out: no stream waits for a manager. */
static void tell(const char *text, const int *fds, int count)
{
	if (manager.fd >= 0 && !send_text(text, fds, count, 0))
		not_told(text);
}

/* ---- the watchdog ---- */

/* The reactor runs this, so it does not wait at all; where there was no room, it tries again soon. */
static void on_feed(struct timer *timer)
{
	static const char text[] = "WATCHDOG=1";
	bool fed = send_text(text, NULL, 0, MSG_DONTWAIT);
	if (!fed && !manager.hungry)
		not_told(text);
	manager.hungry = !fed;
	timer_set(timer,
		  clock_after(fed || manager.feed_ms < RETRY_MS ? manager.feed_ms : RETRY_MS));
}

/* Twice in the time that the manager waits. WATCHDOG_PID is that of the first process of several upgrades. */
static void begin_to_feed(void)
{
	const char *text = getenv("WATCHDOG_USEC");
	long long us = text ? strtoll(text, NULL, 10) : 0;
	if (us <= 0 || manager.fd < 0 || manager.watchdog.armed)
		return;
	manager.feed_ms = us / 2000 > 0 ? us / 2000 : 1;
	manager.watchdog.fn = on_feed;
	timer_set(&manager.watchdog, clock_after(manager.feed_ms));
}

/* ---- what is said ---- */

void notify_ready(void)
{
	char *text = mem_printf("READY=1\nMAINPID=%d\nSTATUS=Serving", (int)getpid());
	tell(text, NULL, 0);
	free(text);
	begin_to_feed();
}

void notify_reloading(void)
{
	char *text = mem_printf("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_us());
	tell(text, NULL, 0);
	free(text);
}

void notify_stopping(void)
{
	tell("STOPPING=1", NULL, 0);
}

void notify_handed_over(pid_t next)
{
	char *text = mem_printf(
		"READY=1\nMAINPID=%d\nSTATUS=Serving; process %d serves those who came before",
		(int)next, (int)getpid());
	tell(text, NULL, 0);
	free(text);
	notify_end();
}

void notify_store(const int *fds, int count)
{
	tell("FDSTOREREMOVE=1\n" STORE_NAME, NULL, 0);
	if (count > 0)
		tell("FDSTORE=1\n" STORE_NAME, fds, count < STORE_MAX ? count : STORE_MAX);
}
