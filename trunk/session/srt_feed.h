/* srt_feed - a publication whose media comes over an SRT connection: of a caller, or of a server that was called.
 * Layer: session. */
#pragma once
#include "codec/ts_demux.h"
#include "session/feed.h"
#include "srt/link.h"

struct srt_feed {
	struct feed feed;
	struct srt_link *link;     /* borrowed; its events wake the coroutine that runs it */
	struct ts_demux_opts opts; /* what is taken of the transport stream */
	struct ts_demux *demux;    /* from the beginning to the end */
};

/* As feed_run(), in zeroed memory with `link`, and `opts` if something is named, set. */
err srt_feed_run(struct srt_feed *feed, const struct request *request) BLOCKS;
