/* stat - who is connected and how much flows, for the API. Layer: node. */
#pragma once
#include "base/map.h"
#include "co/co.h"
#include "live/registry.h"
#include "net/sock.h"

struct announce;
struct cursor;

/* Bytes of the last half minute, as the API's kbps{recv_30s, send_30s}. */
enum { RATE_SAMPLES = 4, RATE_STEP_MS = 10000 };
struct rate {
	int64_t recv[RATE_SAMPLES], send[RATE_SAMPLES], at_ms[RATE_SAMPLES];
	int next;
};
/* Kilobits per second over the samples kept. */
int rate_recv_kbps(const struct rate *rate, int64_t recv_now);
int rate_send_kbps(const struct rate *rate, int64_t send_now);

/* One RTMP or HTTP-FLV session that has said what it wants. Embedded in the session. */
struct client {
	struct client *prev, *next;
	char id[9];
	const char *type; /* "rtmp-play", "flv-play", "fmle-publish", … */
	char ip[ADDR_TEXT_MAX];
	const char *page_url, *swf_url, *tc_url, *url; /* borrowed from the session; "" if none */
	bool publish, relay;
	const struct announce *announce; /* of a relay; borrowed; NULL */
	const struct cursor *cursor;     /* of a player; borrowed; NULL */
	bool kicked;                     /* by the API; the session ends with ERR_KICKED */
	struct source *source;           /* borrowed */
	struct sock **sock;              /* borrowed; *sock may be NULL */
	struct co *co;
	int64_t since_ms;
	struct rate rate;
};

/* One vhost or stream as the API names it: "vid-xxxxxxx". */
struct stat_id {
	char id[12];
	struct rate rate;
	int64_t recv_bytes, send_bytes; /* of clients that have left */
	int64_t recv_now, send_now;     /* scratch of the last sum */
	int clients;
};

struct stat {
	struct client *clients;
	int client_count;
	struct map *vhosts;  /* name -> struct stat_id */
	struct map *streams; /* stream key -> struct stat_id */
	const struct registry *registry;
	struct timer sampler;
	int64_t recv_bytes, send_bytes; /* of clients that have left */
	uint64_t pulls, switches, upstream_failures;
	uint64_t refused_relays, refused_writes;
};

void stat_init(struct stat *stat, const struct registry *registry);
void stat_fini(struct stat *stat);
/* The client is entered; its fields are filled in by the caller (co, id and since by this). */
void stat_enter(struct stat *stat, struct client *client);
void stat_leave(struct stat *stat, struct client *client);
/* Sums the bytes of all clients into their vhosts' and streams' recv_now and send_now. */
void stat_sum(struct stat *stat);
/* Made at first sight; borrowed. */
struct stat_id *stat_vhost(struct stat *stat, const char *name);
struct stat_id *stat_stream(struct stat *stat, const char *key);
struct client *stat_find(struct stat *stat, const char *id);
/* Ends that client's session. */
void stat_kick(struct client *client);
