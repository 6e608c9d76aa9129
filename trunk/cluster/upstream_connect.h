/* upstream_connect - reaching one of several origins, and where it redirects to. Layer: cluster. */
#pragma once
#include "cluster/upstream.h"
#include "cluster/upstream_request.h"
#include "rtmp/client.h"

enum { REDIRECTS_MAX = 5 };

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
 * *refusal; ERR_SYSTEM when we lacked what it takes to ask any of them; else ERR_UPSTREAM. */
err upstream_connect(struct upstream_conn *out, struct upstream *const *candidates, int count,
		     const struct upstream_request *request, int64_t deadline,
		     struct rtmp_refusal *refusal) BLOCKS;
/* As above to the address that the refusal of the server in use names, as the n-th redirect in a row
 * (from 0). Clears *refusal, and notes in `redirected` (of cap bytes) who has redirected. ERR_LOOP
 * when that goes on for too long or leads nowhere. */
err upstream_follow(struct upstream_conn *up, int n, const struct upstream_request *request,
		    int64_t deadline, char *redirected, size_t cap,
		    struct rtmp_refusal *refusal) BLOCKS;
/* A TCP connection to "host[:port]", whichever of its addresses answers. */
err upstream_dial(struct sock **out, const char *hostport, int64_t deadline) BLOCKS;
/* Zeroed memory is fine; clears. */
void upstream_hang_up(struct upstream_conn *up);
/* By which the one that was reached knows us for a server of its cluster: the object of play or
 * publish. NULL without a secret, or when it is no server of our kind. */
struct amf *upstream_proof(const struct upstream_request *request, const struct upstream_conn *up);
