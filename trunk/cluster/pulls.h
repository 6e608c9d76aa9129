/* pulls - each stream that is played here is fetched once from an origin. Layer: cluster.
 * pull.c is the story of one pull; it starts with the first viewer and ends `linger` after
 * the last one. It outlives the loss of origins, so that viewers notice nothing, for upstream_timeout;
 * with notify_unpublish off for as long as somebody waits. */
#pragma once
#include "codec/url.h"
#include "node/server.h"

struct pull;

/* A player on this server whose stream is pulled. Embedded in its session; the pull asks the
 * origin with the words (parameters, page) of the viewer that has been here longest. */
struct viewer {
	struct viewer *prev, *next;
	struct pull *pull;
	struct conf *conf;           /* of the vhost: a pull outlives the session that began it */
	const struct target *target; /* borrowed from the session */
	const char *page_url, *swf_url; /* borrowed; "" when unknown */
	const char *path;               /* servers the request came by; "" for a player */
	const char *trace;              /* its id where it was first; borrowed; NULL: none */
	const char *via;                /* all servers that wait for its answer; "" */
	bool http;                      /* for follow_client */
	bool path_unverified;           /* that it came by that path is not proven, and should be */
	const struct addr *peer;        /* its address, which may have so many fruitless pulls;
					 * borrowed; NULL: it has none */
	struct co *co;                  /* woken when the state changes */
};

enum pull_state {
	PULL_TRYING,  /* asking origins */
	PULL_WAITING, /* an origin accepted; it has no media yet */
	PULL_LIVE,    /* media has come, and comes again after a loss */
	PULL_NOWHERE, /* every origin that answered says that nobody publishes it; over */
	PULL_FAILED,  /* no origin could be had for upstream_timeout; over */
};

/* From where a pull has its stream: the origins of an edge, or, at an origin, the coworker that has
 * it at the moment: the coworkers are asked again at each loss, so that the pull follows the stream. */
enum pull_from {
	PULL_FROM_ORIGINS,
	PULL_FROM_COWORKERS,
	PULL_FROM_FORMER, /* the process before this one, of an upgrade in place */
	PULL_FROM_NEXT,   /* the one that has taken over */
};
/* Joins the pull of this source, starting one if there is none. */
void pulls_attach(struct cluster *cluster, struct source *source, const struct conf_vhost *vhost,
		  enum pull_from from, struct viewer *viewer);
/* There is a pull of this source. */
bool pulls_has(const struct cluster *cluster, const struct source *source);
/* Zeroed memory is fine. */
void pulls_detach(struct viewer *viewer);
enum pull_state viewer_state(const struct viewer *viewer);
/* It has waited for a pull, from which nothing comes any more. */
bool viewer_is_over(const struct viewer *viewer);
/* All origins were asked at least once, and none of them could be had; its coroutine is woken then. */
bool viewer_had_dry_round(const struct viewer *viewer);
/* Why it is PULL_NOWHERE or PULL_FAILED. */
const char *viewer_why(const struct viewer *viewer);

/* For the observer of all sources (cluster.c): the publisher of a source has left, and a pull that rests
 * takes over. */
void pulls_on_gap(struct source_observer *observer, struct source *source);
