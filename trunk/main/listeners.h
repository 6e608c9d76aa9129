/* listeners - the endpoints that are open. Layer: main. */
#pragma once
#include "co/co.h"
#include "main/endpoints.h"
#include "main/inherit.h"
#include "net/steer.h"

struct http_router;
struct listening;
struct server;

struct listeners {
	struct server *server;
	const struct http_router *router;
	struct listening *open; /* a list */
};

/* Makes what is open what is wanted. What is open already stays, connections included, and takes over
 * what may change; the rest is opened, all of it or none; then what is not wanted any more is closed.
 * After an error everything is as it was, and the words name the address and the reason. `inherit`
 * may be NULL. */
err listeners_apply(struct listeners *listeners, const struct endpoints *want,
		    struct inherit *inherit) BLOCKS;
/* Their descriptors, borrowed, at most so many; returns how many. */
int listeners_fds(const struct listeners *listeners, int *fds, int most);
/* The process before this one shares its SRT ports, and has the connections of these numbers: those that are waited for
 * are opened. */
void listeners_share_srt(struct listeners *listeners, const struct steer_range *numbers) BLOCKS;
/* Opens those that another process had still, as far as it has left them. */
void listeners_retry(struct listeners *listeners);
/* Closes those that take connections, which is soon done; connections live on. */
void listeners_close_tcp(struct listeners *listeners) BLOCKS;
/* Closes all of them; connections live on. Cameras at a SIP port are told good-bye, for a second at most. */
void listeners_close(struct listeners *listeners) BLOCKS;
