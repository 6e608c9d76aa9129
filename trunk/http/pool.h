/* pool - client connections: so many are in use for a host at a time, some are kept for the next
 * request. Layer: http, for client.c and tests only. */
#pragma once
#include "co/gate.h"
#include "http/http.h"
#include "net/tls.h"

enum { POOL_BUSY_MAX = 64, POOL_PER_ADDR = 4, POOL_TOTAL = 256, POOL_IDLE_MS = 15000 };

/* A request to a host that is under way. */
struct http_visit {
	struct http_host *host;
	struct gate_pass pass;
};
/* Waits while `max` are there, so that hosts that answer none cannot use up our descriptors. ERR_FULL at
 * the deadline: it was not asked. The limit is that of the first visit; the others are served in the
 * order in which they came. */
err http_pool_enter(struct http_visit *visit, const char *host, int max, int64_t deadline) BLOCKS;
void http_pool_leave(struct http_visit *visit);

/* A connection as a client has it. */
struct http_link {
	struct sock *sock;
	struct http_conn *conn;
	struct tls_client *tls; /* a reference; NULL: plain */
	char *tls_name;         /* owned */
	bool reused;            /* came from the pool: the peer may be about to close it */
};
void http_link_close(struct http_link *link);

/* Takes the one to that address that was used last, if there is one that nothing speaks against: an
 * encrypted one was checked for the same name, by the same rules. */
bool http_pool_get(struct http_link *out, const struct addr *to, const struct tls_client *tls,
		   const char *tls_name);
/* Takes the link and keeps it for a while, so many at most to its address; clears it. */
void http_pool_put(struct http_link *link, int kept_max);
int http_pool_count(void);
