/* hls_visitor - one request of HLS on its way. Layer: service, for hls_serve.c and hls_deliver.c. */
#pragma once
#include "service/hls_asked.h"
#include "service/hls_cache.h"
#include "service/hls_players.h"
#include "service/hls_visits.h"

struct hls_serve {
	struct hls *hls;
	struct hls_visits *visits;
	struct hls_players *players;
	struct hls_cache *cache; /* at an edge */
};

/* Places of a requested file. */
enum hls_place {
	HLS_NOWHERE,
	HLS_HERE,
	HLS_ON_DEMAND, /* nowhere yet: a device can be called for it */
	HLS_AT_ORIGINS,
	HLS_AT_COWORKERS,
};

/* Too large for a stack that waits. */
struct hls_visitor {
	struct hls_serve *serve;
	struct http_session *s;
	struct hls_asked asked;
	enum hls_place place;
	bool wants_master; /* it has no session yet */
	bool has_media;    /* it was sent some */
};

/* Finds the requested file; v->asked names the stream then, unless it is nowhere. */
void hls_find_place(struct hls_visitor *v);
/* Gives it. *found false: it is not there, and nothing was answered. */
err hls_deliver(struct hls_visitor *v, bool *found) BLOCKS;
