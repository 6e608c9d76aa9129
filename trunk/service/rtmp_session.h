/* rtmp_session - one RTMP connection. Layer: service. rtmp_service.c begins and ends it, rtmp_play.c and
 * rtmp_publish.c are what it may do in between. */
#pragma once
#include "cluster/announce.h"
#include "codec/url.h"
#include "node/places.h"
#include "node/server.h"
#include "rtmp/server.h"
#include "session/outcome.h"
#include "session/request.h"

struct rtmp_session {
	struct server *server;
	struct conf *conf; /* the snapshot it began with */
	struct conn_place place;
	struct sock *sock; /* until the connection has it */
	struct rtmp_conn *conn;
	struct addr peer;
	struct traffic traffic; /* of a connection that has gone */
	bool was_asked_about;   /* web services were, and are told of its end */
	struct rtmp_connect connect;
	struct rtmp_identify want;
	struct target target;
	struct announce *announce; /* what another server says about itself; NULL: it is none */
	struct request request;    /* all that in no protocol's words; borrows from here */
	char *path, *via, *redirected, *url, *proof;
};

/* Plays until the client or the stream ends. OK: the client closed the stream and may ask for
 * another one. */
err rtmp_play_run(struct rtmp_session *s) BLOCKS;
/* Publishes likewise. */
err rtmp_publish_run(struct rtmp_session *s) BLOCKS;

/* Answers a server that asks whether a client of its own may play or publish, and ends the connection. */
err rtmp_ask_run(struct rtmp_session *s) BLOCKS;

struct traffic rtmp_session_traffic(const struct rtmp_session *s);
/* Tells the client why it is refused, sent elsewhere (SRS's 302) or ended, in a way that arrives, and
 * ends the connection; some ends are told by that alone. Returns the outcome's error with the sentence
 * as its trail. OK: the connection goes on (OUTCOME_DURATION). */
err rtmp_session_tell(struct rtmp_session *s, const struct outcome *outcome) BLOCKS;
/* The same to a client that has only connected: the answer to that. */
err rtmp_session_reject(struct rtmp_session *s, const struct outcome *outcome) BLOCKS;
