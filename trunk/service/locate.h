/* locate - where the stream that a player asks for is: here, on the way, elsewhere, nowhere.
 * Layer: service. The same for every protocol; the caller turns the answer into its own words. */
#pragma once
#include "cluster/pulls.h"
#include "codec/url.h"
#include "node/server.h"

enum found {
	FOUND_HERE,      /* play `source`: live, or it may become live */
	FOUND_ELSEWHERE, /* redirect to `rtmp` or `http_host` */
	FOUND_NOWHERE,   /* nobody has it */
	FOUND_NO_ORIGIN, /* no origin could be asked */
};

struct locate {
	/* asked */
	struct server *server;
	const struct conf_vhost *vhost;
	const struct target *target;
	struct viewer *viewer;  /* attached when the source is fed by a pull */
	bool http;              /* a player over HTTP */
	bool relay;             /* another server, not a player */
	bool from_coworker;     /* a coworker, to which we have said that it is here */
	const char *redirected; /* servers that have redirected this request; "" or NULL */
	err (*look)(void *ctx); /* looks after the player's input while waiting; ends the wait */
	void *ctx;
	int64_t patience_ms; /* FOUND_HERE after so long without news; -1: wait for the answer */
	/* answered */
	struct source *source;          /* one reference; FOUND_HERE */
	char rtmp[300], http_host[300]; /* "host:port"; FOUND_ELSEWHERE; http_host may be "" */
	char why[256];                  /* a sentence for FOUND_NOWHERE and FOUND_NO_ORIGIN */
};

/* *found says which; an error only when the player went away or the server stops. */
err locate_play(struct locate *l, enum found *found) BLOCKS;
/* The stream that was found here has ended for this player. True when a coworker has it and the player
 * is one for whom it is relayed: then the viewer is attached to the pull, and the consumer stays. */
bool locate_again(struct locate *locate, struct consumer *consumer) BLOCKS;
