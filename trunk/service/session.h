/* session - one RTMP connection. Layer: service. rtmp_service.c begins and ends it, play.c and
 * publish.c are what it may do in between. */
#pragma once
#include "rtmp/server.h"
#include "service/edge.h"
#include "service/server.h"

struct session {
	struct server *server;
	struct conf *conf;                /* the snapshot it began with */
	const struct conf_vhost *vhost;
	struct sock *sock;                /* until the connection has it */
	struct rtmp_conn *conn;
	struct rtmp_connect connect;
	struct rtmp_identify want;
	struct target target;
	struct client client;
	bool is_relay;                    /* another server */
	bool is_full;                     /* there is no room: it is only told so */
	char *path;                       /* servers the request came by, ",a,b" */
	char *url;                        /* for the API */
};

/* Plays until the client or the stream ends. OK: the client closed the stream and may ask for
 * another one. */
err play_run(struct session *s) BLOCKS;
/* Publishes likewise. */
err publish_run(struct session *s) BLOCKS;

/* Tells the client no, in a way that arrives, and ends the connection. Returns `e` with the
 * sentence as its trail. */
err session_refuse(struct session *s, err e, const char *code, const char *fmt, ...) BLOCKS
	__attribute__((format(printf, 4, 5)));
