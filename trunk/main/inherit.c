#include "main/inherit.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A positive decimal number, else 0. */
static long number_of(const char *name)
{
	const char *text = getenv(name);
	char *end;
	if (!text || !*text || strspn(text, "0123456789") != strlen(text))
		return 0;
	errno = 0;
	long n = strtol(text, &end, 10);
	return errno ? 0 : n;
}

void inherit_read(struct inherit *inherit)
{
	long n = number_of("LISTEN_PID") == (long)getpid() ? number_of("LISTEN_FDS") : 0;
	*inherit = (struct inherit){.count = n > INHERIT_MAX ? INHERIT_MAX : (int)n};
	for (int i = 0; i < inherit->count; i++) {
		inherit->fds[i] = INHERIT_FIRST_FD + i;
		fcntl(inherit->fds[i], F_SETFD, FD_CLOEXEC);
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

void inherit_share(struct inherit *inherit, int fd)
{
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (inherit->count == INHERIT_MAX) {
		close(fd);
		return;
	}
	inherit->fds[inherit->count++] = fd;
	inherit->shared = fd;
}

static bool bound_at(int fd, struct addr *addr)
{
	*addr = (struct addr){.len = sizeof(addr->sa)};
	return getsockname(fd, (struct sockaddr *)&addr->sa, &addr->len) == 0 &&
	       (addr->sa.ss_family == AF_INET || addr->sa.ss_family == AF_INET6);
}

static int option_of(int fd, int level, int option)
{
	int value = 0;
	socklen_t n = sizeof(value);
	return getsockopt(fd, level, option, &value, &n) == 0 ? value : -1;
}

/* A port without an address is [::] that takes IPv4 too, or 0.0.0.0 where there is no IPv6. */
static bool is_at(int fd, const struct endpoint *e)
{
	struct addr addr, want;
	int type = e->transport == ENDPOINT_UDP ? SOCK_DGRAM : SOCK_STREAM;
	if (!bound_at(fd, &addr) || option_of(fd, SOL_SOCKET, SO_TYPE) != type ||
	    addr_port(&addr) != e->at.port)
		return false;
	bool v6 = addr.sa.ss_family == AF_INET6;
	if (!*e->at.host)
		return addr_is_any(&addr) && (!v6 || option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 0);
	return addr_literal(&want, e->at.host, e->at.port) && addr_same(&want, &addr);
}

int inherit_take(struct inherit *inherit, const struct endpoint *endpoint)
{
	for (int i = 0; i < inherit->count; i++) {
		int fd = inherit->fds[i];
		if (fd < 0 || !is_at(fd, endpoint))
			continue;
		inherit->fds[i] = -1;
		return fd;
	}
	return 0;
}

void inherit_close(struct inherit *inherit)
{
	for (int i = 0; i < inherit->count; i++) {
		struct addr addr;
		char text[ADDR_TEXT_MAX] = "no address";
		if (inherit->fds[i] < 0)
			continue;
		if (bound_at(inherit->fds[i], &addr))
			addr_text(text, &addr);
		log_warn("descriptor %d (%s) was inherited, but no directive listens there; it is "
			 "closed",
			 inherit->fds[i], text);
		close(inherit->fds[i]);
	}
	inherit->count = 0;
}
