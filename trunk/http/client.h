/* http/client - one HTTP request with a deadline and a size limit. Layer: http. */
#pragma once
#include "base/budget.h"
#include "base/buf.h"
#include "codec/url.h"
#include "http/http.h"
#include "net/tls.h"

/* A header of the answer that is of interest. */
struct http_field {
	const char *name;
	char value[64]; /* "" when there is none, or a longer one */
};

struct http_request_opts {
	const char *method;   /* "GET", "POST" */
	struct hostport host; /* name or literal */
	struct tls_client
		*tls;         /* HTTPS, with what is trusted, held for the call; NULL: plain HTTP */
	const char *tls_name; /* that the certificate must have instead of the host's; NULL */
	const char *target;   /* path and query */
	const char *headers;  /* extra lines "K: v\r\n…", or NULL */
	struct span body;
	size_t body_max; /* of the answer: more is ERR_LIMIT */
	int64_t deadline;
	int at_once; /* requests to that host at a time, and connections kept; 0: as pool.h says */
	struct http_field *field;   /* filled in; NULL: none */
	struct http_message **head; /* gets the head of the answer, which is the caller's; NULL */
	struct quota *quota; /* the body is taken out of it as it comes: none left is ERR_LIMIT;
				   * NULL: no limit beside body_max. The caller empties it. */
};
/* status and body of the answer. Tries the addresses of the name one after another within the
 * deadline. So many requests to a host may be under way at a time (see pool.h); one that has no turn
 * before the deadline is ERR_FULL. The connection is kept for the next request to that address, for
 * a short while. `body` is emptied first and gets body_max as its maximum. */
err http_request(const struct http_request_opts *opts, int *status, struct buf *body) BLOCKS;

/* Opens a response of unknown length, for reading a live stream: body by http_recv_body(). The
 * caller owns both (the connection first, then the socket); follows no redirect. */
err http_open(const struct http_request_opts *opts, struct sock **sock, struct http_conn **conn,
	      struct http_message **head) BLOCKS;

/* What the status of an answer to a GET means: OK, ERR_REDIRECT, ERR_NOTFOUND (404), else ERR_DENIED. */
err http_outcome(int status);
/* Where an answer's Location leads to; "" and one without encryption after one with it are errors, and `to` is as
 * it was then. */
err http_follow(struct http_url *to, const char *location);

/* Closes the connections that are kept. For the end of the process, before co_fini(). */
void http_client_pool_close(void);
