/* start_page - what "/" of the HTTP server shows when http_server.dir has no page of its own. Layer:
 * service. */
#pragma once
#include "service/http_router.h"

/* Adds the row. Before the API's, which has "/" too where both share a port. */
void start_page_mount(struct http_router *router);
/* The page, for a request that named this host ("host[:port]" or ""). */
void start_page_write(struct buf *out, struct server *server, const struct conf *conf,
		      const char *host);
/* Header lines that keep a browser from running or fetching anything for it. */
extern const char start_page_headers[];
