/* serve - begins and ends what a process serves: its listeners, and what its services share.
 * Layer: main. */
#pragma once
#include "main/inherit.h"
#include "main/listeners.h"
#include "node/server.h"
#include "output/dvr.h"
#include "output/hls.h"
#include "service/http_router.h"

/* Of main/drainage.h alone. */
struct drainage {
	int64_t report_ms; /* of the next line in the log, since the beginning */
	int64_t empty_ms;  /* since when nobody is left; 0 */
	bool has_ended;    /* those who were left at the limit */
	bool reopens;      /* it was called off: what listens no more does again */
};

struct serve {
	struct server server;
	struct http_router router;
	struct hls *hls;
	struct hls_serve *hls_serve;
	struct listeners listeners;
	struct drainage drainage;
};

/* Opens every listener of the configuration before any of them accepts: either all of them
 * start or none, with the reason in the trail. Closes what was inherited and is not listened on. */
err serve_start(struct serve *serve, struct conf *conf, struct inherit *inherit);
/* Closes the listeners, ends all sessions politely and waits for them. */
void serve_stop(struct serve *serve) BLOCKS;
/* Ports that are shared with other processes are left to those; sessions go on. What stays open tells
 * clients where to go. */
void serve_drain(struct serve *serve) BLOCKS;
/* It is called off: everything of the configuration is listened on again, as far as it can be had. */
void serve_undrain(struct serve *serve) BLOCKS;
/* The service manager has a copy of what is listened on, if there is one (notify.h). */
void serve_keep_sockets(const struct serve *serve);
/* Takes a new snapshot, its listeners included; sessions that exist keep theirs. After an error (an
 * address that cannot be listened on) everything is as it was. */
err serve_set_conf(struct serve *serve, struct conf *conf) BLOCKS;
