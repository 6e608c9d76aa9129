/* datagram - a protocol of nothing but datagrams in memory, over the session layer. Layer: test.
 * It publishes and plays as any protocol may, without RTMP, HTTP or a socket: what it needs of the server
 * is what publication, viewing and admission give. */
#pragma once
#include "live/reader.h"
#include "session/admit.h"
#include "session/publication.h"
#include "session/viewing.h"

enum { DATAGRAMS_MAX = 64 };

/* What one side has sent, and the other has not taken yet. */
struct datagrams {
	struct msg *v[DATAGRAMS_MAX];
	int first, count;
};

struct datagram_peer {
	/* asked */
	struct server *server;
	const char *vhost, *app, *stream;
	const char *path; /* servers it came by: then it says that it is one; "" */
	bool publish;
	bool answers_probes; /* by a datagram that is no media */
	/* said */
	struct datagrams in;
	bool has_left;
	/* heard */
	int played;       /* messages */
	uint32_t last_ts; /* of the last one */
	int probes;
	struct outcome outcome;
	err end;
	bool is_over, is_begun;
	/* the server's side of it */
	struct target target;
	struct request request;
	struct conn_place place;
	struct publication publication;
	struct viewing viewing;
	struct reader reader;
	struct traffic traffic;
	int64_t heard_ms;
	struct co *co;
};

/* Starts the conversation, in a coroutine of its own. */
void datagram_start(struct datagram_peer *peer, struct server *server, const char *stream,
		    bool publish);
/* The peer sends one message of media, or a datagram that is none (NULL). */
void datagram_send(struct datagram_peer *peer, struct msg *msg);
/* The peer leaves; waits until the conversation is over. Fine when it is over already. */
void datagram_stop(struct datagram_peer *peer) BLOCKS;
