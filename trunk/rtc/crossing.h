/* crossing - datagrams on their way between two processes that have sessions at one UDP port, while one of them takes
 * over from the other. Layer: rtc.
 *
 * Whoever reads the port hands what is nobody's there to the other one, over a local socket (SOCK_SEQPACKET). What has
 * no room in the queue is lost, as it could be on any network, and counted: nobody waits for a process that is slow.
 *
 * A message is a row of records: bytes of the datagram (2), of the peer's address (1) and of ours (1), then these
 * addresses as the kernel has them, then the datagram. */
#pragma once
#include "co/co.h"
#include "rtc/ice.h"

/* Which of the others: the process that this one has taken over from, or the one that takes over from it. */
enum rtc_side { RTC_FORMER, RTC_NEXT, RTC_SIDES };

enum { CROSSING_QUEUE_MAX = 2 << 20, CROSSING_MESSAGE_MAX = 32768 };

struct crossing;

struct crossing_counts {
	int64_t handed, taken,
		dropped;   /* datagrams; dropped: for want of room, or the other has gone */
	int64_t malformed; /* messages, from their first wrong record on */
};

/* Takes the descriptor, also on failure. */
err crossing_open(struct crossing **out, int fd);
/* Not while crossing_run() goes on; NULL is fine; clears. */
void crossing_close(struct crossing **crossing);
/* Puts a copy into the queue, which the coroutine of crossing_run() sends. Does not block. */
void crossing_put(struct crossing *crossing, struct span datagram, const struct rtc_path *path);
/* Takes a datagram that the other process has handed over; `p` may be changed. Must not switch. */
typedef void crossing_take(void *ctx, uint8_t *p, size_t n, const struct rtc_path *path);
/* Sends and receives until the other side has gone (ERR_CLOSED). */
err crossing_run(struct crossing *crossing, crossing_take *take, void *ctx) BLOCKS;
const struct crossing_counts *crossing_counts(const struct crossing *crossing);
/* Hands over a connection, with what was read of it, at once. The descriptor stays the caller's, who closes it.
 * False: it could not be sent. */
bool crossing_put_stream(struct crossing *crossing, int fd, struct span read,
			 const struct rtc_path *path);
/* A connection that came: the descriptor is the callee's. `read` was read of it already. Must not switch. */
typedef void crossing_take_stream(void *ctx, int fd, struct span read);
/* Who takes them, with the `ctx` of crossing_run(); they are closed where nobody does. */
void crossing_on_stream(struct crossing *crossing, crossing_take_stream *take);
/* Bytes in the queue. */
size_t crossing_waiting(const struct crossing *crossing);

/* ---- the records ---- */

size_t crossing_record_size(struct span datagram, const struct rtc_path *path);
void crossing_pack(struct buf *out, struct span datagram, const struct rtc_path *path);
/* Takes the first record off the message. False: it is none, or has an address that cannot be. */
bool crossing_unpack(struct span *message, struct span *datagram, struct rtc_path *path);
