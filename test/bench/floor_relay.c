/* Reads from each sender once a period whatever has come, and writes it to the receiver that has come
 * as the same number: one read and one send. A receiver that does not keep up loses the rest. */
#include "floor.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static struct clients senders, receivers;
static uint8_t input[BLOCK_MAX];

static bool prepare(double kbps, double period_ms)
{
	(void)kbps, (void)period_ms;
	return true;
}

static void accepted(int listener, int fd)
{
	struct clients *clients = listener == 0 ? &senders : &receivers;
	if (clients->count == CLIENTS_MAX)
		close(fd);
	else
		clients->fd[clients->count++] = fd;
}

static int count(void)
{
	return senders.count;
}

static void serve(int i)
{
	ssize_t n = recv(senders.fd[i], input, sizeof(input), MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		clients_drop(&senders, i);
	else if (n > 0 && i < receivers.count)
		(void)!send(receivers.fd[i], input, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

const struct floor floor_relay = {.name = "relay",
				  .listeners = 2,
				  .prepare = prepare,
				  .accepted = accepted,
				  .count = count,
				  .serve = serve};
