/* steer - which of two processes gets a datagram, when each has a socket of its own at one address (SO_REUSEPORT).
 * Layer: net.
 *
 * For protocols whose packets name their connection by a number in the clear, and for libraries that want a socket to
 * themselves. The kernel asks a program of five instructions for each datagram, so neither process sees what is the
 * other's. */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers of 32 bits, from `first` on. */
struct steer_range {
	uint32_t first, count;
};

/* Whether another process of the same user may bind a socket to the address of this one, too, which is bound. */
err steer_share(int fd, bool on);
/* Of the second socket: datagrams whose number (big-endian, at that offset) is in the range go to the first one, and
 * all others come here; all of them do once the first one is closed. Until this call the kernel spreads them over
 * both. */
err steer_begin(int fd, size_t offset, const struct steer_range *range);
