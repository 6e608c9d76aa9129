/* srt_feed - a publication whose media comes over an SRT connection: of a caller, or of a server that was called.
 * Layer: session. */
#pragma once
#include "codec/ts_demux.h"
#include "session/publication.h"
#include "srt/link.h"

struct srt_feed {
	struct publication publication;
	struct srt_link *link;  /* borrowed; its events wake the coroutine that runs it */
	struct ts_demux *demux; /* from the beginning to the end */
	struct co *co;
};

/* Publishes what comes, to the end of one of both, in zeroed memory with `link` set. Why it ended says
 * publication.outcome, or the error. */
err srt_feed_run(struct srt_feed *feed, const struct request *request) BLOCKS;
