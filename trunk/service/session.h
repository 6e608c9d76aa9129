/* session - one RTMP connection. Layer: service. rtmp_service.c begins and ends it, play.c and
 * publish.c are what it may do in between. */
#pragma once
#include "cluster/announce.h"
#include "codec/url.h"
#include "node/server.h"
#include "rtmp/server.h"

struct session {
	struct server *server;
	struct conf *conf; /* the snapshot it began with */
	const struct conf_vhost *vhost;
	struct sock *sock; /* until the connection has it */
	struct rtmp_conn *conn;
	struct rtmp_connect connect;
	struct rtmp_identify want;
	struct target target;
	struct client client;
	bool says_relay;          /* that it is another server, as anybody may say */
	bool is_relay;            /* another server: signed, where there is a secret */
	struct announce announce; /* what it says about itself */
	bool is_coworker;         /* a coworker, which asks since we said that it is here */
	bool is_full;             /* there is no room: it is only told so */
	char *path;               /* servers the request came by, ",a,b" */
	char *via;                /* all servers that wait for its answer, likewise */
	char *redirected;         /* servers that have redirected it, ",host:port,…" */
	char *url;                /* for the API */
};

/* Plays until the client or the stream ends. OK: the client closed the stream and may ask for
 * another one. */
err play_run(struct session *s) BLOCKS;
/* Publishes likewise. */
err publish_run(struct session *s) BLOCKS;

/* What others may want to know of a publisher of this server. False when there is none. A publisher
 * that has been silent for a while is pinged, and `by_rival` says that the one who asks has the
 * stream too: then it is looked who may keep it. */
struct publish_facts {
	int64_t since_wall_ms;
	int64_t silent_ms;     /* since the last byte */
	int64_t unanswered_ms; /* since a ping that has not been answered; 0 */
};
bool publish_facts(const struct source *source, bool by_rival, struct publish_facts *out);

/* Enters the session into the statistics; stat_leave() before its connection goes. */
void session_enter(struct session *s, const char *type, struct source *source);
/* Sends SRS's 302 to the same stream there and ends the connection. Returns ERR_REDIRECT. */
err session_redirect(struct session *s, const char *hostport) BLOCKS;
/* Tells the client no, in a way that arrives, and ends the connection. Returns `e` with the
 * sentence as its trail. */
err session_refuse(struct session *s, err e, const char *code, const char *fmt, ...) BLOCKS
	__attribute__((format(printf, 4, 5)));
