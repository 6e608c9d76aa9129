/* send_monitor - what all that send a stream share: how much goes out at once, and is the peer at the
 * other end still taking it? Layer: node.
 * A peer that is frozen, or gone without a word, lets bytes pile up: what counts is whether any
 * byte is acknowledged within a while, not whether the kernel takes more. */
#pragma once
#include "live/cursor.h"
#include "rtmp/conn.h"

enum {
	SEND_SLICE_BYTES = 256 * 1024, /* then others have a turn */
	SEND_SLICE_SENDS = 16,         /* likewise: pages can be small */
	SEND_IOV = 8,
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

/* Sends what the cursor has and, between whole messages, what waits in conn->out; as much as fits and
 * as one slice may. *sent is added to. ERR_LIMIT when a peer asks for more than it reads. */
err send_monitor_send_rtmp(struct send_monitor *o, struct rtmp_conn *conn, struct cursor *cursor,
			   int64_t *sent);
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
