/* flv_feed - a stream fetched over HTTP-FLV. Layer: cluster. */
#pragma once
#include "codec/msg.h"
#include "net/sock.h"
#include "node/sign.h"

struct flv_feed;

struct flv_feed_opts {
	const char *hostport;   /* port 80 when it has none */
	const char *target;     /* "/app/stream.flv?param" */
	const char *path, *via; /* whom it came by and all that wait, see upstream_request.h */
	struct signer *signer;
	const char *vhost; /* whose secret signs */
	int64_t deadline;  /* for the head of the answer */
};
/* What such a request signs, by the server and by the client. malloc'ed. */
char *flv_feed_claim(const char *path, const char *via);
/* Asks, and follows redirects (at most three). ERR_NOTFOUND for 404, ERR_DENIED for what is no
 * stream. */
err flv_feed_open(struct flv_feed **out, const struct flv_feed_opts *opts) BLOCKS;
/* "host:port" that answered in the end. */
const char *flv_feed_name(const struct flv_feed *feed);
struct sock *flv_feed_sock(struct flv_feed *feed);
/* The next message, one reference; ERR_AGAIN when none is there. */
err flv_feed_next(struct flv_feed *feed, struct msg **out);
void flv_feed_free(struct flv_feed **feed);
