/* gb_feed - a publication whose media comes as a program stream in RTP: from a camera of GB/T 28181. Layer: session. */
#pragma once
#include "codec/ps_demux.h"
#include "session/feed.h"

struct gb_line;

/* What carries the packets. Nothing of it blocks. */
struct gb_line_ops {
	/* The next packet, valid until the next call; *gap: others in front of it are missing. ERR_AGAIN: there is
	 * none; ERR_CLOSED: nor will there be. */
	err (*recv)(struct gb_line *line, struct span *packet, bool *gap);
	/* Events wake the running coroutine from now on. */
	void (*attach)(struct gb_line *line);
	/* When something has to be looked at although nothing comes; CLOCK_NEVER. */
	int64_t (*due)(const struct gb_line *line);
	/* Monotonic time of the last packet; bytes so far; whether the peer has ended it. */
	int64_t (*heard_ms)(const struct gb_line *line);
	int64_t (*bytes)(const struct gb_line *line);
	bool (*is_gone)(const struct gb_line *line);
};

struct gb_line {
	const struct gb_line_ops *ops;
};

/* Sound that is to be published in another codec. Nothing of it blocks. */
struct gb_sound_ops {
	/* Looks at a message; takes it (sets it to NULL) when it is sound to be converted. */
	void (*take)(void *ctx, struct msg **msg, uint32_t raw);
	/* What has become of it: one reference, and its time; false: nothing for now. The feed's coroutine is
	 * woken when there is something. */
	bool (*next)(void *ctx, struct msg **msg, uint32_t *raw);
};

struct gb_feed {
	struct feed feed;
	struct gb_line *line; /* borrowed */
	/* It is published; before its first picture. */
	void (*on_live)(struct gb_feed *feed);
	void *ctx;
	const struct gb_sound_ops *sound; /* NULL: all is published as it is; with `ctx` */
	struct ps_demux *demux;           /* from the beginning to the end */
	int64_t rtp_time; /* in full, of the last packet; ES_NO_TIME before the first */
	uint64_t packets, gaps;
};

/* As feed_run(), in zeroed memory with `line`, `on_live` and `ctx` set. */
err gb_feed_run(struct gb_feed *feed, const struct request *request) BLOCKS;
