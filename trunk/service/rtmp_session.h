/* rtmp_session - one RTMP connection. Layer: service. rtmp_service.c begins and ends it, rtmp_play.c and
 * rtmp_publish.c are what it may do in between. */
#pragma once
#include "cluster/announce.h"
#include "codec/url.h"
#include "node/server.h"
#include "rtmp/server.h"
#include "session/outcome.h"
#include "session/request.h"

struct rtmp_session {
	struct server *server;
	struct conf *conf; /* the snapshot it began with */
	const struct conf_vhost *vhost;
	struct sock *sock; /* until the connection has it */
	struct rtmp_conn *conn;
	struct addr peer;
	struct traffic traffic; /* of a connection that has gone */
	bool was_admitted;      /* web services have been asked about it, and are told of its end */
	struct rtmp_connect connect;
	struct rtmp_identify want;
	struct target target;
	bool says_relay;          /* that it is another server, as anybody may say */
	bool is_relay;            /* another server: signed, where there is a secret */
	struct announce announce; /* what it says about itself */
	bool is_coworker;         /* a coworker, which asks since we said that it is here */
	bool is_full;             /* there is no room: it is only told so */
	char *path;               /* servers the request came by, ",a,b" */
	char *via;                /* all servers that wait for its answer, likewise */
	char *redirected;         /* servers that have redirected it, ",host:port,…" */
	char *url;                /* for the API */
	char *proof;              /* of a link that is signed in its path; NULL or "" */
};

/* Plays until the client or the stream ends. OK: the client closed the stream and may ask for
 * another one. */
err rtmp_play_run(struct rtmp_session *s) BLOCKS;
/* Publishes likewise. */
err rtmp_publish_run(struct rtmp_session *s) BLOCKS;

/* What it asks for, in no protocol's words; `type` is the client's in the API. */
struct request rtmp_session_request(const struct rtmp_session *s, const char *type);
struct traffic rtmp_session_traffic(const struct rtmp_session *s);
/* Tells the client why it is refused, sent elsewhere (SRS's 302) or ended, in a way that arrives, and
 * ends the connection; some ends are told by that alone. Returns the outcome's error with the sentence
 * as its trail. The client has left the statistics. */
err rtmp_session_tell(struct rtmp_session *s, const struct outcome *outcome) BLOCKS;
/* Tells the client no, in a way that arrives, and ends the connection. Returns `e` with the
 * sentence as its trail. */
err rtmp_session_refuse(struct rtmp_session *s, err e, const char *code, const char *fmt,
			...) BLOCKS __attribute__((format(printf, 4, 5)));
