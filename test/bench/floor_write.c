/* Writes to each connection one block a period, the bytes of a stream of that rate, from one buffer. */
#include "floor.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static struct clients clients;
static uint32_t owed[CLIENTS_MAX]; /* of the last block, what did not fit */
static uint8_t block[BLOCK_MAX];
static uint32_t block_size;

static bool prepare(double kbps, double period_ms)
{
	memset(block, 0x55, sizeof(block));
	block_size = (uint32_t)(kbps * period_ms / 8);
	return block_size > 0 && block_size <= BLOCK_MAX;
}

static void accepted(int listener, int fd)
{
	(void)listener;
	owed[clients.count] = 0;
	clients.fd[clients.count++] = fd;
}

static int count(void)
{
	return clients.count;
}

static void serve(int i)
{
	uint32_t want = block_size + owed[i];
	ssize_t n = want > BLOCK_MAX
			    ? -1
			    : send(clients.fd[i], block, want, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN) {
		clients_drop(&clients, i);
		owed[i] = owed[clients.count];
		return;
	}
	owed[i] = want - (n > 0 ? (uint32_t)n : 0);
	owed[i] = owed[i] > BLOCK_MAX / 2 ? BLOCK_MAX / 2 : owed[i];
}

const struct floor floor_write = {.name = "write",
				  .listeners = 1,
				  .prepare = prepare,
				  .accepted = accepted,
				  .count = count,
				  .serve = serve};
