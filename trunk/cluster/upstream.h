/* upstream - choosing and reaching one of several origins. Layer: cluster.
 *
 * Health is kept per process and origin: what failed waits (backoff with jitter) while others
 * serve. Among the healthy ones the order of a stream follows from rendezvous hashing of its
 * name, so that all edges ask the same origin first and the loss of one moves only its share. The
 * weights of SRV targets make the shares. */
#pragma once
#include "codec/url.h"
#include "conf/conf.h"
#include "net/addr.h"
#include "node/server.h"
#include "rtmp/client.h"

enum { UPSTREAMS_MAX = 64, REDIRECTS_MAX = 5 };

struct upstream {
	char *name;         /* "host:port" to connect to, see members.h */
	int priority;       /* of an SRV target; lower ones are tried first */
	int weight;         /* likewise: its share among those of one priority */
	int failures;       /* in a row */
	int64_t retry_ms;   /* not before; monotonic */
	int64_t connect_ms; /* how long the last connect took */
	int64_t last_ok_ms, last_failure_ms;
	uint64_t failures_total;
	char reason[160];        /* of the last failure */
	bool met;                /* it has accepted a connection of ours */
	char api[ADDR_TEXT_MAX]; /* "ip:port" of its API; "" when it has not said */
};

struct upstreams *upstreams_new(void);
void upstreams_free(struct upstreams **upstreams);
/* Made at first sight; lives as long as the process. */
struct upstream *upstream_get(struct upstreams *upstreams, const char *name);
/* The same, or NULL for a name that has not been seen. */
struct upstream *upstream_known(struct upstreams *upstreams, const char *name);
/* All that this server has seen: map_next() with .value a struct upstream. */
struct map_iter upstreams_begin(const struct server *server);
void upstream_ok(struct upstream *up, int64_t connect_ms);
void upstream_failed(struct upstream *up, const char *reason);

/* The origins that the current configuration has for the vhost, in the order in which this stream
 * tries them: healthy ones by rendezvous, then the others by the time at which they may be tried.
 * `flv`: they are to be asked over HTTP. Blocks only while a name has never been resolved. Returns
 * the count (at most UPSTREAMS_MAX). */
int upstream_order(struct server *server, const struct conf_vhost *vhost, bool flv, const char *key,
		   struct upstream *out[static UPSTREAMS_MAX]) BLOCKS;
/* The same for known ones: sorts them. */
void upstream_sort(struct upstream **list, int count, const char *key);
/* Moves one to the end of the list, if it is in it; the order of the others stays. */
void upstream_put_last(struct upstream **list, int count, const struct upstream *last);
/* Takes one out and returns the new count. */
int upstream_remove(struct upstream **list, int count, const struct upstream *gone);

/* What a relay says about itself and the request it makes. */
struct upstream_request {
	struct server *server;
	const struct conf_vhost *vhost;
	const struct target *target; /* of the viewer or publisher */
	const char *page_url, *swf_url;
	const char *path;       /* ids of the servers it came by, ",a,b"; "" */
	const char *via;        /* ids of all servers that wait for the answer; NULL or "" */
	const char *redirected; /* servers that have redirected it, ",host:port,…"; NULL or "" */
	bool publish;
	bool mesh; /* an origin asks the coworker that has the stream */
	bool flv;  /* a pull over HTTP-FLV */
};

struct flv_feed;
struct upstream_conn {
	struct rtmp_conn *conn; /* of an RTMP request, else NULL */
	struct flv_feed *feed;  /* of an FLV request, else NULL */
	uint32_t stream_id;
	char name[300];          /* "host:port" that was reached */
	struct rtmp_peer peer;   /* what it says of itself */
	char api[ADDR_TEXT_MAX]; /* "ip:port" of its API; "" */
	struct upstream *origin; /* the configured one it came from; NULL after a redirect */
};

/* Connects (RTMP up to createStream) to the first of these that answers. A candidate that is
 * silent for a moment gets company: the next one is tried beside it, and the faster wins.
 * When all have failed: the refusal (ERR_DENIED, ERR_REDIRECT, …) of the first that said one, with
 * *refusal, else ERR_UPSTREAM. */
err upstream_connect(struct upstream_conn *out, struct upstream *const *candidates, int count,
		     const struct upstream_request *request, int64_t deadline,
		     struct rtmp_refusal *refusal) BLOCKS;
/* As above to the address that the refusal of the server in use names, as the n-th redirect in a row
 * (from 0). Clears *refusal, and notes in `redirected` (of cap bytes) who has redirected. ERR_LOOP
 * when that goes on for too long or leads nowhere. */
err upstream_follow(struct upstream_conn *up, int n, const struct upstream_request *request,
		    int64_t deadline, char *redirected, size_t cap,
		    struct rtmp_refusal *refusal) BLOCKS;
/* When to ask again after a round without success: *wait (0 at first) doubles, up to a second. */
int64_t upstream_retry_at(int64_t *wait);
/* A TCP connection to "host[:port]", whichever of its addresses answers. */
err upstream_dial(struct sock **out, const char *hostport, int64_t deadline) BLOCKS;
/* Zeroed memory is fine; clears. */
void upstream_hang_up(struct upstream_conn *up);
/* By which the one that was reached knows us for a server of its cluster: the object of play or
 * publish. NULL without a secret, or when it is no server of our kind. */
struct amf *upstream_proof(const struct upstream_request *request, const struct upstream_conn *up);
/* "stream?param" as it is asked of the origin (without vhost=). malloc'ed. */
char *upstream_stream_name(const struct upstream_request *request);
/* ERR_LOOP, with a sentence, when a request that came by this path has been here before or has
 * come too far (hop_limit), or when we are among those who wait for its answer (`via`). */
err upstream_check_path(const struct server *server, const struct conf_vhost *vhost,
			const char *path, const char *via);
/* "host:port" of a redirect's URL; false when it is none. */
bool upstream_redirect_target(char *out, size_t cap, const char *url);
