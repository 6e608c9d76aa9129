/* figures - what has happened since the start, counted for the exporter: clients that came and went and why,
 * how long they waited, how late the program itself is. Layer: node. It hears of clients and streams as an
 * observer; nobody has to tell it of them. */
#pragma once
#include "base/histogram.h"
#include "live/registry.h"
#include "node/stat.h"

enum { FIGURES_TYPES = 16, FIGURES_ENDS = 64 };

/* One kind of client by the name of the API ("rtmp-play"). Kinds are literals of the program, and few. */
struct figures_type {
	const char *type; /* NULL: free */
	int now;          /* of them are here */
	uint64_t total;
	struct histogram
		first_frame; /* from the request to the first media that is sent; players only */
};

/* How often clients have ended so. */
struct figures_end {
	const char *role; /* "publish", "play"; NULL: free */
	const char *reason;
	uint64_t count;
};

struct figures {
	struct stats *stat;
	struct registry *registry;
	struct client_observer clients;
	struct source_observer sources;
	struct timer lag_timer;
	int64_t lag_step_ms;
	uint64_t events;                          /* of descriptors, by the last look */
	struct figures_type types[FIGURES_TYPES]; /* the last one takes what does not fit */
	struct figures_end ends[FIGURES_ENDS];    /* likewise */
	struct histogram redirect; /* from the request to the answer that names another server */
	/* How late a timer is that is due ten times a second, less often where nothing happens. */
	struct histogram loop_lag;
	uint64_t clients_total, errors_total, skips_total;
	uint64_t streams_begun, stream_gaps;
};

/* Begins to observe; needs co_init(). */
void figures_init(struct figures *figures, struct stats *stat, struct registry *registry);
void figures_fini(struct figures *figures);
