/* pool - client connections kept for the next request. Layer: http, for client.c and tests only. */
#pragma once
#include "http/http.h"

enum { POOL_PER_ADDR = 4, POOL_TOTAL = 256, POOL_IDLE_MS = 15000 };

/* A connection as a client has it. */
struct http_link {
	struct sock *sock;
	struct http_conn *conn;
	bool reused; /* came from the pool: the peer may be about to close it */
};
void http_link_close(struct http_link *link);

/* Takes the one to that address that was used last, if there is one that nothing speaks against. */
bool http_pool_get(struct http_link *out, const struct addr *to);
/* Takes the link and keeps it for a while; clears it. */
void http_pool_put(struct http_link *link);
int http_pool_count(void);
