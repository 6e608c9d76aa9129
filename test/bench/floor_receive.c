/* Reads from each connection once a period whatever has come, and does nothing with it. No descriptor
 * is waited for: the clock says when to read, which is the cheapest way. */
#include "floor.h"

#include <errno.h>
#include <sys/socket.h>

static struct clients clients;
static uint8_t input[BLOCK_MAX];

static bool prepare(double kbps, double period_ms)
{
	(void)kbps, (void)period_ms;
	return true;
}

static void accepted(int listener, int fd)
{
	(void)listener;
	clients.fd[clients.count++] = fd;
}

static int count(void)
{
	return clients.count;
}

static void serve(int i)
{
	ssize_t n = recv(clients.fd[i], input, sizeof(input), MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		clients_drop(&clients, i);
}

const struct floor floor_receive = {.name = "receive",
				    .listeners = 1,
				    .prepare = prepare,
				    .accepted = accepted,
				    .count = count,
				    .serve = serve};
