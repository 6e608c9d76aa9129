/* srt_bench - what the files of the SRT load generator share: callers that publish or play, one coroutine each. */
#pragma once
#include "codec/ts_demux.h"
#include "lives.h"
#include "srt/link.h"

enum { SRT_PLAY, SRT_PUBLISH };

struct srt_client {
	struct life life;
	struct srt_link *link;
	struct ts_demux *demux; /* of a player that looks into what comes */
	bool has_frame;
	int64_t begin_us, run_us, last_us;
};

/* Sends a stream until it is stopped or the server has left. */
err srt_publisher_run(struct srt_client *client) BLOCKS;
/* Takes what comes, likewise. */
err srt_player_run(struct srt_client *client) BLOCKS;
