/* link - a connection to another server over which a stream comes or goes. Layer: cluster.
 *
 * The operations that pulls and pushes need, in the words of no protocol: one file a protocol (link_rtmp.c,
 * link_flv.c) has them. An outcome is an error code, ERR_NOTFOUND for a stream that is not there, ERR_REDIRECT,
 * ERR_RECONNECT (it works on, and is to be left), ERR_DENIED, ERR_BUSY, ERR_LOOP, ERR_ENDED; what the server said to
 * it stands in a link_refusal. */
#pragma once
#include "cluster/announce.h"
#include "cluster/member_list.h"
#include "cluster/upstream_request.h"
#include "codec/encoder_time.h"
#include "node/send_monitor.h"

struct link;
struct source;
struct peer;

/* The refusal of another server. Zeroed: it has not refused. */
struct link_refusal {
	err why;               /* OK: it has said nothing */
	char description[256]; /* its own words; "" */
	char redirect[300];    /* ERR_REDIRECT: "host:port"; ERR_RECONNECT: likewise, or "" */
	char code[128];        /* the RTMP status that it said, for a client of RTMP; "" */
	int absent_at; /* ERR_NOTFOUND: so many servers have said that they do not have it; 0: unknown */
};

/* One origin answers for all: as many servers as there are origins have told it that they lack the stream.
 * Else each of them would ask all others again, for every name that somebody makes up. */
static inline bool link_speaks_for_all(const struct link_refusal *said, int origins)
{
	return said->why == ERR_NOTFOUND && said->absent_at >= origins;
}

struct link_opts {
	const char *name; /* "host:port" */
	const struct upstream_request *request;
	int64_t deadline; /* of all that link_open() does */
};

/* One message of the stream. */
struct link_media {
	struct msg *msg; /* the receiver's; its frame is not yet known */
	uint32_t raw;    /* its time, as the server has it */
};

struct link_ops {
	enum member_kind members; /* which addresses of an origin speak it */
	bool tls;
	/* Connects and says who asks for what; *said is filled when the server says no. */
	err (*open)(struct link **out, const struct link_opts *opts,
		    struct link_refusal *said) BLOCKS;
	/* Asks for the stream; link_next() has what comes of it. */
	err (*play)(struct link *link, const struct upstream_request *request) BLOCKS;
	/* Offers a stream, and waits for the server's word. NULL: streams cannot be sent over it. */
	err (*publish)(struct link *link, const struct upstream_request *request,
		       uint32_t chunk_size, struct link_refusal *said) BLOCKS;
	/* The next message; ERR_AGAIN when none is there. Every other error ends the link. */
	err (*next)(struct link *link, struct link_media *out, struct link_refusal *said);
	/* Sends what a published stream has, as much as one send slot may. */
	err (*send)(struct link *link, struct send_monitor *monitor, struct cursor *cursor);
	/* Writes how many play the stream through us, if the server wants to know. NULL: no words. */
	void (*report)(struct link *link, const struct source *source);
	/* Asks for a sign of life: sets ping_ms. NULL: the protocol knows none. */
	void (*ping)(struct link *link);
	/* Sends what report and ping have written; where a stream is sent, send() does. NULL likewise. */
	err (*flush)(struct link *link) BLOCKS;
	/* Says that the published stream is over, for at most so long. */
	void (*finish)(struct link *link, const char *stream, int64_t ms) BLOCKS;
	void (*free)(struct link *link);
};
extern const struct link_ops link_rtmp, link_rtmps, link_flv, link_flvs;

/* The servers to which an edge sends streams: vhost.cluster.push_origin, or else its origins. */
const struct text_list *link_send_origins(const struct conf_cluster *conf);
/* By which an edge sends a stream to its origins, and fetches one (for a viewer over HTTP). */
const struct link_ops *link_sends(const struct conf_cluster *conf);
const struct link_ops *link_fetches(const struct conf_cluster *conf, bool http);

struct link {
	const struct link_ops *ops;
	struct sock *sock; /* borrowed from the protocol's own part */
	uint32_t stream_id;
	int absent_at; /* see link_refusal */
	/* what the server says of the stream */
	unsigned reports; /* so often it has said something */
	int64_t lost_ms; /* monotonic, since when it has no media itself; 0: it has, or says nothing */
	struct encoder_time
		encoder_time; /* so far are the encoder's times ahead of those of the stream */
	/* signs of life */
	int64_t ping_ms; /* when a sign of life was asked for, that has not come; 0: none is due */
	int64_t pong_ms; /* when the last one came; 0 */
	/* What is looked at with each read stands above, in one line of the cache. */
	char run[RUN_ID_MAX];       /* of which run of its publisher the media is; "" */
	char name[MEMBER_NAME_MAX]; /* "host:port" that was reached */
	struct peer *origin;        /* the configured one it came from; NULL after a redirect */
	/* what the server says of itself; "" or 0 when it does not */
	char node[SIGN_ID_MAX];
	char api[ADDR_TEXT_MAX]; /* "ip:port" */
};

/* For the protocols: a message of the stream has come at that time. What one server tells another in it is taken out,
 * and *out stays empty. Takes the message; NULL is fine. */
void link_take(struct link *link, struct link_media *out, struct msg *msg, uint32_t raw);
/* The protocol is the request's. */
err link_open(struct link **out, const struct link_opts *opts, struct link_refusal *said) BLOCKS;
/* NULL is fine; clears. */
void link_free(struct link **link);
/* The signed part of an HTTP-FLV request between servers, for both ends. malloc'ed. */
char *link_flv_claim(const char *path, const char *via);
