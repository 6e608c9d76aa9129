/* serve - begins and ends what a process serves: its listeners, and what its services share.
 * Layer: main. */
#pragma once
#include "main/inherit.h"
#include "main/listeners.h"
#include "node/server.h"
#include "output/dvr.h"
#include "output/hls.h"
#include "service/http_router.h"

struct serve {
	struct server server;
	struct http_router router;
	struct hls *hls;
	struct hls_serve *hls_serve;
	struct dvr *dvr;
	struct listeners listeners;
};

/* Opens every listener of the configuration before any of them accepts: either all of them
 * start or none, with the reason in the trail. Closes what was inherited and is not listened on. */
err serve_start(struct serve *serve, struct conf *conf, struct inherit *inherit);
/* Closes the listeners, ends all sessions politely and waits for them. */
void serve_stop(struct serve *serve) BLOCKS;
/* Nobody new is let in but callers of the API; sessions go on. */
void serve_drain(struct serve *serve) BLOCKS;
/* Takes a new snapshot, its listeners included; sessions that exist keep theirs. After an error (an
 * address that cannot be listened on) everything is as it was. */
err serve_set_conf(struct serve *serve, struct conf *conf) BLOCKS;
