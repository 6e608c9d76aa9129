/* feed - a publication whose media is taken out of a container that comes in pieces: transport streams over SRT,
 * program streams in RTP. Layer: session, for *_feed.c and those who look at their publications. */
#pragma once
#include "session/publication.h"

struct feed;

enum { FEED_NOTE = 160 };

/* What brings the pieces, and what takes them apart. Nothing of it blocks. */
struct feed_ops {
	/* Monotonic time of the last piece; bytes so far; whether the peer has ended it. */
	int64_t (*heard_ms)(const struct feed *feed);
	struct traffic (*traffic)(const struct feed *feed);
	bool (*is_gone)(const struct feed *feed);
	/* It is published; before its first picture. NULL: nobody wants to know. */
	void (*on_live)(struct feed *feed);
	/* The next piece into the reader; ERR_AGAIN: there is none, ERR_CLOSED: nor will there be. */
	err (*take)(struct feed *feed);
	/* The next message that can be published, and its time; false: there is none for now. */
	bool (*next)(struct feed *feed, struct msg **msg, uint32_t *ts);
	/* A sentence for the log about what is left out; false: nothing new. */
	bool (*note)(struct feed *feed, char out[static FEED_NOTE]);
	/* ERR_PROTOCOL: what comes is nothing that can be read. */
	err (*check)(const struct feed *feed);
	/* When something has to be looked at although nothing comes; CLOCK_NEVER. */
	int64_t (*due)(const struct feed *feed);
	/* Nothing follows: what waits in the reader can be had. */
	void (*end)(struct feed *feed);
};

struct feed {
	struct publication publication;
	const struct feed_ops *ops;
	struct co *co;
};

/* Publishes what comes, to the end of one of both. Why it ended says publication.outcome, or the error. */
err feed_run(struct feed *feed, const struct request *request) BLOCKS;
