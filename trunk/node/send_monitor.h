/* send_monitor - what all that send a stream share: how much goes out at once, and is the peer at the
 * other end still taking it? Layer: node.
 * A peer that is frozen, or gone without a word, lets bytes pile up: what counts is whether any
 * byte is acknowledged within a while, not whether the kernel takes more. */
#pragma once
#include "live/cursor.h"
#include "net/sock.h"

enum {
	SEND_SLICE_BYTES = 256 * 1024, /* then others have a turn */
	SEND_SLICE_SENDS = 16,         /* likewise: pages can be small */
	SEND_IOV = 8,                  /* pieces of a wire at once */
	SEND_IOV_MAX = SEND_IOV + 4,   /* with what a protocol puts around them */
	SEND_LOWAT_BYTES = 128 * 1024, /* for sock_set_lowat() */
};

/* Why something is left unsent: there is no room, or it was enough for one slice. */
enum send_monitor_left { LEFT_NOTHING, LEFT_BLOCKED, LEFT_MORE };

struct send_monitor {
	enum send_monitor_left left; /* by the last send */
	int64_t acked;               /* bytes that the peer's kernel has acknowledged */
	int64_t acked_ms;            /* when there were more of them the last time */
	int64_t next_ms;             /* of the next look */
	bool is_clear;               /* all that was sent has been acknowledged */
};

/* Sends one slice: as often as gather(ctx, iov) has something in its at most SEND_IOV_MAX pieces, and the
 * socket takes it; sent(ctx, n) is told of what it took. Sets o->left. Inlined, since each player of a send
 * slot comes by here. */
static inline __attribute__((always_inline)) err
send_monitor_slice(struct send_monitor *o, struct sock *sock, void *ctx,
		   int (*gather)(void *ctx, struct iovec *iov), void (*sent)(void *ctx, size_t n))
{
	struct iovec iov[SEND_IOV_MAX];
	size_t total = 0;
	o->left = LEFT_NOTHING;
	for (int sends = 0; total < SEND_SLICE_BYTES && sends < SEND_SLICE_SENDS; sends++) {
		size_t taken = 0;
		int n = gather(ctx, iov);
		if (n == 0)
			return OK;
		err e = sock_try_sendv(sock, iov, n, &taken);
		if (e == ERR_AGAIN) {
			o->left = LEFT_BLOCKED;
			return OK;
		}
		TRY(e);
		sent(ctx, taken);
		total += taken;
	}
	o->left = LEFT_MORE;
	return OK;
}
/* A turn of the source, in whatever coroutine: sends by send_some(ctx), which sets o->left and does not
 * block. Whatever is not plain sending is left to the sender's own coroutine, which is woken; an
 * error meets it there. */
void send_monitor_turn(struct send_monitor *o, const struct sock *sock, struct co *co,
		       err (*send_some)(void *ctx), void *ctx);
/* As co_wait(); at once, but behind the others, when there is more to send. */
err send_monitor_wait(const struct send_monitor *o, int64_t deadline) BLOCKS;

/* ERR_STALLED when something is unsent and nothing was acknowledged for stalled_ms; noticed up to
 * half of that later. Lowers *deadline to the time of a look that no turn has brought. */
err send_monitor_check(struct send_monitor *o, const struct sock *sock, int64_t stalled_ms,
		       int64_t *deadline);
/* ERR_STALLED when the receiver had to be moved ahead too often: its line is too slow. */
err send_monitor_check_skips(const struct cursor *cursor);
