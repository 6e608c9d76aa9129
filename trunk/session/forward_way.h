/* forward_way - how a forwarded stream gets to its destination: a protocol's part of forward_target. Layer: session,
 * for forward*.c only. */
#pragma once
#include "session/forward_place.h"

/* Where a destination has sent the stream, from one attempt to the next. */
struct forward_redirection {
	struct link_refusal said; /* by the last attempt */
	int count;                /* in a row */
	char path[600];           /* servers that have redirected */
};

/* What is asked of a destination; all of it outlives the way. */
struct forward_order {
	struct server *server;
	const struct conf *conf;
	const struct conf_vhost *vhost;
	struct source *source;
	const struct forward_place *place;
	const char *path; /* ids of the servers that the stream came by */
	const struct wire_format *ts;
	struct forward_redirection *redirection;
};

struct forward_way {
	const struct forward_way_ops *ops;
	const struct forward_order *order;
	struct send_monitor monitor;
};

struct forward_way_ops {
	/* Connects, and offers the stream; the way is there to be closed whatever comes of it. */
	struct forward_way *(*make)(void);
	err (*open)(struct forward_way *way, int64_t deadline) BLOCKS;
	/* What is sent: opens the cursor at a start. The running coroutine is the one that is woken from now on. */
	void (*join)(struct forward_way *way, struct cursor *cursor);
	/* Takes what the destination says. */
	err (*take)(struct forward_way *way);
	/* Sends what there is, as much as one slice may; see monitor.left. */
	err (*send)(struct forward_way *way, struct cursor *cursor);
	/* ERR_STALLED when it takes nothing for so long; lowers the deadline of the next look. */
	err (*check)(struct forward_way *way, int64_t stalled_ms, int64_t *deadline);
	/* The stream is over: what was sent may still arrive, for so long. */
	void (*finish)(struct forward_way *way, int64_t ms) BLOCKS;
	int64_t (*sent)(const struct forward_way *way);
	void (*free)(struct forward_way *way);
};

extern const struct forward_way_ops forward_rtmp, forward_srt;
