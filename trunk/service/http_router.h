/* http_router - which handler an HTTP request is for: rows of one table, in order. Layer: service.
 * Whoever serves something over HTTP adds its rows at start; nothing else knows of it. */
#pragma once
#include "service/http_session.h"

/* Methods of a row; HEAD is allowed where GET is. */
enum {
	HTTP_GET = 1,
	HTTP_DELETE = 2,
	HTTP_POST = 4,
	HTTP_PUT = 8,
	HTTP_PATCH = 16,
	HTTP_ANY = -1, /* others than these, too */
};

enum {
	HTTP_ROUTE_WHEN_FULL = 1, /* served although max_connections are there */
	/* A page of any site may use all its methods, where it may read answers at all (crossdomain). */
	HTTP_ROUTE_ANY_SITE = 2,
	HTTP_ROUTE_PUBLISH = 4, /* for its handler: it brings a stream */
};

struct http_route {
	/* "/a": this path, with or without a slash at its end; with "/a/<id>" also one below; "/a" and
	 * all below it: "/a/" and a star; all that end so: a star and ".flv"; all: a star. */
	const char *pattern;
	int methods;    /* others are answered by 405 */
	unsigned ports; /* HTTP_PORT_…: where it can be had */
	unsigned flags; /* HTTP_ROUTE_… */
	/* Whether this caller may: else it has been answered, and *refused is true. NULL: anybody. */
	err (*guard)(struct http_session *s, bool *refused);
	/* Answers the request; s->route is the row, s->tail the part of the path behind the pattern
	 * (or before its ending). *found is true at first; false: it was not meant, nothing was
	 * answered, the next row is tried. */
	err (*serve)(struct http_session *s, bool *found);
	const void *arg; /* the handler's */
};

struct http_router {
	struct http_route *rows;
	size_t count, room;
};

/* Copies the row; its texts are borrowed for ever. Rows that were added first win. */
void http_router_add(struct http_router *router, const struct http_route *row);
void http_router_fini(struct http_router *router);
/* The first row behind `after` (NULL: of all) that the path fits and that can be had at such a port.
 * *tail is the rest of the path, borrowed from it. NULL when there is none. */
const struct http_route *http_router_find(const struct http_router *router,
					  const struct http_route *after, unsigned ports,
					  const char *path, const char **tail);
/* Answers the request by its row, 404, 405 or 503. */
err http_router_serve(const struct http_router *router, struct http_session *s) BLOCKS;
/* "GET, HEAD, DELETE": for Allow and for CORS. */
void http_route_methods(struct buf *out, int methods);
/* The bit of a method of http/http.h; 0 for one that no row can name. */
int http_method_bit(int method);
