/* client - the client's side of an RTMP conversation, for pulls and pushes. Layer: rtmp. */
#pragma once
#include "rtmp/command.h"
#include "rtmp/conn.h"

/* Who a server is: beyond the first of these one of this kind alone says it, when it accepts a connect. */
struct rtmp_peer {
	bool speaks; /* it has done its part of the handshake: what it says or leaves out then is an answer */
	char node[24];     /* the id of its process; "" when it says none */
	int api_port;      /* of its HTTP API; 0 when it says none */
	bool judges;       /* it answers srs_may, see cluster/question.h */
	bool asks_players; /* it wants to be told how many watch through us, see cluster/announce.h */
};

struct rtmp_client_opts {
	const char *app;
	const char *tc_url;
	const char *page_url, *swf_url; /* "" when unknown */
	struct amf *args;               /* the second connect object; taken; NULL for none */
	uint32_t chunk_size;            /* for what we send; 0: the default of 128 */
	int64_t deadline;               /* for the whole dialogue; stays as the socket's after it */
	struct rtmp_peer *peer;         /* filled in; NULL: of no interest */
};

/* The refusal of a connect, play or publish. */
struct rtmp_refusal {
	char code[128]; /* "NetStream.Publish.BadName" or "" */
	char description[256];
	char redirect[2048]; /* 302: the full RTMP URL (redirect2, else redirect); "" otherwise */
};

/* Handshake, connect, createStream over a dialled socket (taken, also on failure). When the server
 * refuses, *refusal is filled and the error is the one that rtmp_client_status() has for it. */
err rtmp_client_connect(struct rtmp_conn **out, struct sock **sock,
			const struct rtmp_client_opts *opts, uint32_t *stream_id,
			struct rtmp_refusal *refusal) BLOCKS;
/* Sends play and SetBufferLength; does not wait for an answer (statuses arrive as messages).
 * From then on messages of the size of media are accepted. `object` is what stands in the place of
 * the command object, for a server that knows what to do with it: taken; NULL for the usual null. */
err rtmp_client_play(struct rtmp_conn *conn, uint32_t stream_id, const char *stream,
		     struct amf *object) BLOCKS;
/* Sends publish, waits for Publish.Start or a refusal (as rtmp_client_status() says). A server of
 * the SRS kind that closes instead is ERR_CLOSED. `object` as above. */
err rtmp_client_publish(struct rtmp_conn *conn, uint32_t stream_id, const char *stream,
			struct amf *object, struct rtmp_refusal *refusal) BLOCKS;
/* Calls a command on message stream 0 and waits for its result. `object` is its one argument: taken. What the server
 * refuses by _error is in *refusal, with the error that rtmp_client_status() has for it. */
err rtmp_client_call(struct rtmp_conn *conn, const char *name, struct amf *object,
		     struct command *result, struct rtmp_refusal *refusal) BLOCKS;
/* Looks at a message that arrived while playing or publishing: OK when it is of no interest or cannot be read. Else
 * *refusal is filled: ERR_REDIRECT for a 302, ERR_NOTFOUND for StreamNotFound, ERR_BUSY for BadName, ERR_RECONNECT
 * with or without a place when it is to be left, ERR_ENDED when the stream is over (UnpublishNotify, Stop, Complete),
 * ERR_KICKED when the server ends it on purpose (Denied), ERR_DENIED for every other refusal. */
err rtmp_client_status(struct rtmp_conn *conn, const struct rtmp_msg *m,
		       struct rtmp_refusal *refusal);
