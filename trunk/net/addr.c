/* Addresses of this host, which only the kernel knows. */
#include "net/addr.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

/* What is sent to an address of this host comes from that address; all loopback ones are here. That a
 * socket can be bound to it says less: with ip_nonlocal_bind it can be to any. */
bool addr_is_local(const struct addr *addr)
{
	struct addr own = {.len = sizeof(own.sa)};
	if (addr_is_loopback(addr))
		return true;
	int fd = socket(addr->sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool known = fd >= 0 && connect(fd, (const struct sockaddr *)&addr->sa, addr->len) == 0 &&
		     getsockname(fd, (struct sockaddr *)&own.sa, &own.len) == 0;
	if (fd >= 0)
		close(fd);
	addr_set_port(&own, addr_port(addr));
	return known && addr_same(&own, addr);
}

void addr_of_host(char out[static ADDR_TEXT_MAX])
{
	struct ifaddrs *list = NULL;
	int best = 0;
	memcpy(out, "127.0.0.1", sizeof("127.0.0.1"));
	if (getifaddrs(&list) != 0)
		return;
	for (struct ifaddrs *i = list; i; i = i->ifa_next) {
		struct addr addr = {0};
		if (!i->ifa_addr || !(i->ifa_flags & IFF_UP))
			continue;
		int family = i->ifa_addr->sa_family;
		if (family != AF_INET && family != AF_INET6)
			continue;
		addr.len = family == AF_INET ? sizeof(struct sockaddr_in)
					     : sizeof(struct sockaddr_in6);
		memcpy(&addr.sa, i->ifa_addr, addr.len);
		if (addr_reach(&addr) <= best)
			continue;
		best = addr_reach(&addr);
		addr_ip(out, &addr);
	}
	freeifaddrs(list);
}
