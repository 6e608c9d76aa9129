/* endpoint - where SIP is spoken: UDP ports and TCP connections, requests that come and requests that are sent.
 * Layer: sip.
 *
 * Transactions (RFC 3261, 17) are in here: a request of a peer is handed out once, and when it is repeated it gets
 * the same answer again; a request of ours is repeated over UDP until it is answered. Calls that come in are not
 * taken: a final answer to an INVITE is not repeated by itself.
 *
 * Nothing here blocks but what is marked; callbacks must not block either. They may call whatever is here except
 * for sip_endpoint_free(). */
#pragma once
#include "net/sock.h"
#include "net/udp.h"
#include "sip/dialog.h"
#include "sip/flow.h"
#include "sip/write.h"

enum {
	SIP_T1_MS = 500,
	SIP_T2_MS = 4000,
	SIP_TRANSACTION_MS =
		32000, /* 64 T1: how long a request is tried, and an answer remembered */
};

struct sip_endpoint;

/* A request that came, while it is handed out. */
struct sip_incoming {
	const struct sip_message *message;
	struct sip_flow *flow; /* borrowed: sip_flow_ref() keeps it */
	/* the endpoint's */
	struct sip_endpoint *endpoint;
	const char *key; /* of its transaction */
	bool is_answered;
};

struct sip_endpoint_opts {
	/* A request that is new. It is answered before this returns, by one sip_answer(), or never. ACK is not
	 * handed out. */
	void (*on_request)(void *ctx, struct sip_incoming *in);
	/* A connection has ended; NULL: nobody wants to know. */
	void (*on_flow_closed)(void *ctx, struct sip_flow *flow);
	/* Whether one more line about what strangers can repeat may be logged now; NULL: none may. */
	bool (*may_log)(void *ctx);
	void *ctx;
	const char *agent; /* of User-Agent; NULL: none. Borrowed */
	const char *
		sent_by; /* "host[:port]" that Via and Contact name; NULL: the flow's own. Borrowed */
	size_t body_max;     /* bytes of a body; 0: 256 KB */
	int connections_max; /* 0: 4096 */
	int strangers_max;   /* connections that are not accepted yet; 0: a quarter of those */
	int per_address_max; /* connections of one address, of strangers alone; 0: 64 */
	int stranger_ms;     /* until a connection has to be accepted; 0: 60 s */
	int silent_ms;       /* an accepted one that says nothing for so long is closed; 0: never */
	int calls_max;       /* requests of ours under way; 0: 16384 */
	size_t answers_max;  /* bytes of remembered answers; a quarter for strangers; 0: 16 MB */
	size_t buffers_max;  /* bytes that wait in connections; a quarter for strangers; 0: 64 MB */
};

/* Since the start, but for the last row. */
struct sip_counts {
	int64_t requests, responses; /* that came and were well-formed */
	int64_t sent;                /* messages, repetitions among them */
	int64_t malformed;           /* messages that came; over TCP they end the connection */
	int64_t repeated;            /* requests that were answered again */
	int64_t dropped;             /* unanswered requests, answers that nobody waited for */
	int64_t unremembered;        /* answers for whose memory there was no room */
	int64_t timeouts;            /* requests of ours without a final answer */
	int64_t send_failed;         /* messages that found no room, or no connection */
	int64_t accepted, refused;   /* connections: that came, and that were too many */
	int64_t expired;             /* connections that were not accepted in time, or silent */
	int connections, strangers, calls, answers; /* now */
};

/* ERR_SYSTEM: there is no randomness. */
err sip_endpoint_new(struct sip_endpoint **out, const struct sip_endpoint_opts *opts);
/* Ends all requests of ours (on_failure with ERR_STOPPED), all ports and connections. Flows that somebody keeps are
 * closed from then on. NULL is fine; clears. */
void sip_endpoint_free(struct sip_endpoint **endpoint) BLOCKS;

/* Receives at that socket from now on, which is taken. It has to be opened with packet_max SIP_DATAGRAM_MAX. */
err sip_endpoint_add_udp(struct sip_endpoint *endpoint, struct udp **udp);
/* Closes the one at that port. False: there is none. */
bool sip_endpoint_remove_udp(struct sip_endpoint *endpoint, int port) BLOCKS;
/* The way to a peer of UDP from the port that we have at that address, one reference. NULL: there is no such port. */
struct sip_flow *sip_endpoint_flow(struct sip_endpoint *endpoint, const struct addr *peer,
				   const struct addr *local);
/* Takes a connection that came; for listen_opts.on_accept. */
void sip_endpoint_accept(void *endpoint, struct sock *sock);
const struct sip_counts *sip_endpoint_counts(struct sip_endpoint *endpoint);

/* Answers a request while it is handed out, once. ERR_CLOSED: it could not be sent. */
err sip_answer(struct sip_incoming *in, const struct sip_answer *answer);

/* ---- requests of ours ---- */

/* A request that was sent, as its owner holds it. */
struct sip_call;

struct sip_request {
	const char *method;       /* "INVITE" */
	const char *contact;      /* a URI; NULL: an INVITE has ours, others none */
	const char *headers;      /* extra lines; NULL */
	const char *content_type; /* of the body; NULL */
	struct span body;
	int timeout_ms; /* until the final answer; 0: SIP_TRANSACTION_MS */
	/* Each provisional answer (status below 200), and the final one, after which nothing more comes. NULL: nobody
	 * wants to know. */
	void (*on_answer)(void *ctx, const struct sip_message *answer);
	/* There is no final answer: ERR_TIMEOUT, ERR_CLOSED (the connection has ended) or ERR_STOPPED. Nothing more
	 * comes. May be NULL. */
	void (*on_failure)(void *ctx, err why);
	void *ctx;
};

/* Sends a request along the flow, in the dialog, whose cseq it counts up; what the request names is copied. *call
 * has to be given back by sip_call_release(); a NULL `call` leaves the request to itself.
 * Callbacks come later, never before this returns. ERR_CLOSED: the flow is; ERR_FULL: too many are under way;
 * ERR_LIMIT: it is too long. */
err sip_send(struct sip_endpoint *endpoint, struct sip_flow *flow, struct sip_dialog *dialog,
	     const struct sip_request *request, struct sip_call **call);
/* After the 2xx of an INVITE, once or in on_answer: sends the ACK, and again whenever that answer comes again, for
 * SIP_TRANSACTION_MS. ERR_CLOSED: it could not be sent. Other final answers are acknowledged by themselves. */
err sip_call_ack(struct sip_call *call);
/* Cancels an INVITE that has no final answer yet: CANCEL is sent once the peer has said anything. The final answer
 * still comes: 487, as a rule; 200 when they crossed. */
void sip_call_cancel(struct sip_call *call);
/* No callback comes any more. A request under way goes on by itself; an INVITE is cancelled, and should the peer
 * take it nevertheless, that is acknowledged and ended by BYE. The same happens to one that had no final answer in
 * time. NULL is fine; clears. */
void sip_call_release(struct sip_call **call);
