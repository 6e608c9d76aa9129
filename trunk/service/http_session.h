/* http_session - one HTTP connection and the request that it makes. Layer: service.
 * http_service.c begins and ends it; what it may ask for are the rows of http_router.h. */
#pragma once
#include "http/http.h"
#include "node/places.h"
#include "node/server.h"

/* Services of an HTTP address. */
enum { HTTP_PORT_API = 1, HTTP_PORT_FILES = 2, HTTP_PORT_METRICS = 4 };

struct http_route;
struct http_router;

/* The service of an HTTP listener: the API, or streams and files, or all of it on one port. */
struct http_port {
	struct server *server;
	const struct http_router *router;
	unsigned ports; /* HTTP_PORT_… */
};

struct http_session {
	struct server *server;
	const struct http_router *router;
	unsigned ports;          /* of the listener; HTTP_PORT_… */
	struct conf *conf;       /* the snapshot at the request */
	struct conn_place place; /* reserved: only rows that are served when full */
	struct sock *sock;
	struct addr
		*proxy; /* that has made the connection, or its proxy; NULL: nobody stands between.
			     * sock_peer() is the client of the request */
	struct http_conn *conn;       /* NULL when a stream has taken the connection over */
	struct http_message *request; /* likewise */
	const struct http_route *route;
	const char *tail; /* of the request's path, see http_router.h */
	char *caller;     /* who has said who they are; NULL: nobody */
	const char *cors; /* header lines for the answer; "" */
	struct buf cors_lines;
};
