/* inside - what the files of the endpoint know of each other. Layer: sip, for its own files. */
#pragma once
#include "base/budget.h"
#include "base/map.h"
#include "sip/answers.h"
#include "sip/endpoint.h"

enum { SIP_BODY_ROOM = 262144, SIP_KEY_MAX = 65 };

/* A UDP port. Flows hold it: `udp` is NULL once it is closed. */
struct sip_port {
	int refs;
	struct sip_endpoint *endpoint;
	struct udp *udp;
	struct co *co;
	struct sip_port *prev, *next;
};

struct sip_flow {
	int refs;
	enum sip_transport transport;
	bool is_accepted;
	struct addr peer, local;
	struct sip_port *port;     /* of UDP */
	struct sip_stream *stream; /* of TCP; NULL: the connection has ended */
};

struct sip_endpoint {
	struct sip_endpoint_opts opts;
	struct sip_counts counts;
	struct sip_port *ports;
	struct co_group streams;
	struct map *strangers; /* how many connections are not accepted, by address */
	struct budget buffers; /* of connections */
	struct sip_answers *answers;
	struct sip_call *calls; /* a list */
	struct map *by_branch,
		*by_call; /* the same: by method and branch, by method, Call-ID and CSeq */
	bool is_ending;
	struct sip_message message; /* the one that is handed out */
};

/* ---- flow.c ---- */

struct sip_flow *sip_flow_new(enum sip_transport transport, const struct addr *peer,
			      const struct addr *local);
/* ERR_CLOSED: there is no way any more; over UDP what cannot be sent now is lost. */
err sip_flow_send(struct sip_endpoint *endpoint, struct sip_flow *flow, struct span bytes);
void sip_port_unref(struct sip_port **port);

/* ---- stream.c ---- */

/* Room in the connection's buffer; ERR_CLOSED: there is none, and the connection ends. */
err sip_stream_send(struct sip_stream *stream, struct span bytes);
/* Ends it after what was sent. */
void sip_stream_end(struct sip_stream *stream);
/* The peer has registered: the stream has left the budget of strangers. */
void sip_stream_accept(struct sip_stream *stream);

/* ---- endpoint.c ---- */

/* Takes a message that has come. An error: it is malformed. */
err sip_endpoint_take(struct sip_endpoint *endpoint, struct sip_flow *flow, uint8_t *text,
		      size_t n);
/* Lines that strangers cause are logged as often as the owner lets them be. */
bool sip_endpoint_may_log(const struct sip_endpoint *endpoint);

/* ---- call.c ---- */

/* An answer that came; false: nobody waits for it. */
bool sip_calls_take(struct sip_endpoint *endpoint, struct sip_flow *flow,
		    const struct sip_message *answer);
/* Flows may have been closed: those who wait for an answer there are told, later. */
void sip_calls_look(struct sip_endpoint *endpoint);
/* The endpoint ends. */
void sip_calls_end(struct sip_endpoint *endpoint);
