#include "node/local_address.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS = 3 };

/* In which part of the list it stands; KINDS: in none. */
static int kind_of(const struct ifaddrs *i)
{
	if (!i->ifa_addr || !(i->ifa_flags & IFF_UP))
		return KINDS;
	int family = i->ifa_addr->sa_family;
	struct addr a = {0};
	if (family != AF_INET && family != AF_INET6)
		return KINDS;
	if (i->ifa_flags & IFF_LOOPBACK)
		return 2;
	if (family == AF_INET)
		return 0;
	memcpy(&a.sa.v6, i->ifa_addr, sizeof(a.sa.v6));
	return IN6_IS_ADDR_LINKLOCAL(&a.sa.v6.sin6_addr) ? KINDS : 1;
}

static void take(char out[static ADDR_TEXT_MAX], const struct ifaddrs *i)
{
	struct addr a = {0};
	size_t n = i->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in)
						     : sizeof(struct sockaddr_in6);
	memcpy(&a.sa, i->ifa_addr, n);
	a.len = (socklen_t)n;
	addr_ip(out, &a);
}

void local_address(char out[static ADDR_TEXT_MAX], int n)
{
	const char *given = getenv("SRS_DEVICE_IP");
	struct ifaddrs *all = NULL;
	bool found = false;
	snprintf(out, ADDR_TEXT_MAX, "%s", given && *given ? given : "127.0.0.1");
	if ((given && *given) || getifaddrs(&all) != 0)
		return;
	for (int kind = 0; kind < KINDS; kind++)
		for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
			if (kind_of(i) != kind)
				continue;
			if (!found || n == 0)
				take(out, i);
			found = true;
			if (n-- == 0) {
				freeifaddrs(all);
				return;
			}
		}
	freeifaddrs(all);
}
