/* channel - lines between two processes over a connected local socket. Layer: main. One coroutine runs it; others add
 * lines. */
#pragma once
#include "base/buf.h"
#include "co/co.h"

enum { CHANNEL_LINE_MAX = 8192, CHANNEL_OUT_MAX = 64 << 20 };

struct channel {
	int fd;
	struct reactor_fd rfd;
	struct co *co; /* that runs it */
	struct buf in, out;
	struct buf held; /* what was put since channel_hold() */
	bool holds;
	/* A line without its end. Must not block; an error ends the channel. */
	err (*on_line)(struct channel *channel, const char *line);
};

/* Takes the descriptor, also on failure. */
err channel_open(struct channel *channel, int fd);
/* Adds the line "word text"; does not block. One that is too long, or would be two, is left out. */
void channel_put(struct channel *channel, const char *word, const char *text);
/* Sends what can be sent now, and does not block; that the peer has gone channel_run() finds out. */
void channel_send(struct channel *channel);
/* Lines that are put from now on wait for channel_release(); those before go out. */
void channel_hold(struct channel *channel);
void channel_release(struct channel *channel);
/* Sends and receives until the peer has gone (ERR_CLOSED), on_line has failed, or the deadline. */
err channel_run(struct channel *channel, const int64_t *deadline) BLOCKS;
void channel_close(struct channel *channel);
