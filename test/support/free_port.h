/* free_port - a port at which nobody listens, for what is to listen there later. Layer: test.
 * Below those that the kernel gives to who asks for any, so that nobody else is given it meanwhile; each process
 * looks from a place of its own, and no port comes twice. */
#pragma once
#include "support/unit.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FREE_PORT_FIRST = 12000, FREE_PORT_COUNT = 20000, FREE_PORT_STEP = 64 };

static inline bool port_is_free(int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	bool is = bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
	close(fd);
	return is;
}

static inline int free_port(void)
{
	static int tried;
	while (tried < FREE_PORT_COUNT) {
		int n = (int)((long)getpid() * FREE_PORT_STEP % FREE_PORT_COUNT) + tried++;
		int port = FREE_PORT_FIRST + n % FREE_PORT_COUNT;
		if (port_is_free(port))
			return port;
	}
	fail_msg("no port is free");
	return 0;
}
