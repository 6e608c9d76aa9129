/* http_session - one HTTP connection and the request that it makes. Layer: service.
 * http_service.c begins and ends it; api.c and flv.c are what it may ask for besides files. */
#pragma once
#include "http/http.h"
#include "node/server.h"

/* What can be had at an HTTP address. */
enum { HTTP_PORT_API = 1, HTTP_PORT_FILES = 2 };

/* What an HTTP listener serves: the API, or streams and files, or all of it on one port. */
struct http_role {
	struct server *server;
	bool api, files;
};

struct http_session {
	struct server *server;
	const struct http_role *role;
	struct conf *conf; /* the snapshot at the request */
	struct sock *sock;
	struct http_conn *conn;       /* NULL when a stream has taken the connection over */
	struct http_message *request; /* likewise */
	const char *cors;             /* header lines for the answer; "" */
	bool is_full;                 /* only the API has room left */
};
