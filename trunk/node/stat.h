/* stat - who is connected and how much flows, for the API (struct stat itself is the system's). Layer: node. */
#pragma once
#include "base/map.h"
#include "co/co.h"
#include "live/registry.h"
#include "node/client.h"

/* One vhost or stream as the API names it: "vid-xxxxxxx". */
struct stat_id {
	char id[12];
	struct rate rate;
	int64_t recv_now, send_now; /* of all its clients so far, as they were last counted */
	int clients;
	int streams; /* of a vhost: scratch of the last count */
};

/* Hears of every client that comes and goes. Registered once, at the start; its functions must not
 * block, and may be NULL. What may refuse a client or has to wait stands in the admission, not here. */
struct client_observer {
	struct client_observer *prev, *next;
	void (*on_enter)(struct client_observer *observer, struct client *client);
	void (*on_leave)(struct client_observer *observer, struct client *client);
	/* The first media was sent to it: first_ms is set. */
	void (*on_first)(struct client_observer *observer, struct client *client);
	/* One that never entered: ended and why are set, of the rest what request_describe() knows. */
	void (*on_refuse)(struct client_observer *observer, struct client *client);
};

/* Goes through the clients while some of them may leave. */
struct client_cursor {
	struct client_cursor *prev, *next;
	struct client *at; /* the next one; NULL behind the last */
};

struct stats {
	struct client *clients;
	struct client_cursor *cursors;
	struct client_observer *observers;
	int client_count;
	struct map *vhosts;  /* name -> struct stat_id */
	struct map *streams; /* stream key -> struct stat_id */
	const struct registry *registry;
	struct timer sampler;
	int64_t recv_bytes, send_bytes; /* of all clients so far, as they were last counted */
	int64_t summed_ms;              /* monotonic; when all were counted */
	uint64_t pulls, switches, upstream_failures;
	uint64_t refused_relays, refused_writes;
};

void stat_init(struct stats *stat, const struct registry *registry);
void stat_fini(struct stats *stat);
/* Registers an observer, which must stay. */
void stat_observe(struct stats *stat, struct client_observer *observer);
void stat_unobserve(struct stats *stat, struct client_observer *observer);
/* The client is entered; its fields are filled in by the caller, apart from id (that of the running
 * coroutine) and since_ms. */
void stat_enter(struct stats *stat, struct client *client);
/* Media was sent to the client for the first time. */
void stat_first(struct stats *stat, struct client *client);
/* It is refused, or sent elsewhere, before it entered. */
void stat_refuse(struct stats *stat, struct client *client);
/* Before the client's counters go; `ended` and `why` are set. Nothing happens if it has not entered. */
void stat_leave(struct stats *stat, struct client *client);
/* Counts what a client has received and sent since it was last counted into the sums of its vhost, of its stream and of
 * all. Sums never go back, whoever leaves between two looks at them: that counts him for the last time. */
void stat_count(struct stats *stat, struct client *client);
/* Counts all clients; if that was done less than SUM_FRESH_MS ago only those that have come since. */
enum { SUM_FRESH_MS = 500 };
void stat_sum(struct stats *stat);
/* Bytes of the stream that came in: one that is pulled comes without a client. The source may be NULL. */
int64_t stat_stream_recv(const struct stat_id *id, const struct source *source);
/* Made at first sight; borrowed. */
struct stat_id *stat_vhost(struct stats *stat, const char *name);
struct stat_id *stat_stream(struct stats *stat, const char *key);
/* The same, or NULL when nobody publishes or plays it. */
const struct stat_id *stat_stream_find(const struct stats *stat, const char *key);
/* NULL when there is none of that id. */
struct client *stat_find(struct stats *stat, const char *id);
/* Before the first client; stays valid until the end, whoever leaves meanwhile. */
void client_cursor_begin(struct client_cursor *cursor, struct stats *stat);
/* NULL behind the last. Borrowed until others have a turn. */
struct client *client_cursor_next(struct client_cursor *cursor);
void client_cursor_end(struct client_cursor *cursor, struct stats *stat);
