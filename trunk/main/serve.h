/* serve - begins and ends what a process serves: its listeners, and what its services share.
 * Layer: main. */
#pragma once
#include "node/server.h"

/* Opens every listener of the configuration before any of them accepts: either all of them
 * start or none, with the reason in the trail. */
err serve_start(struct server *server, struct conf *conf);
/* Closes the listeners, ends all sessions politely and waits for them. */
void serve_stop(struct server *server) BLOCKS;
/* Nobody new is let in; sessions go on. */
void serve_close_listeners(void) BLOCKS;
/* Takes a new snapshot; sessions that exist keep theirs. */
void serve_set_conf(struct server *server, struct conf *conf);
