/* proxied - the client's address of what trusted proxies pass on. Layer: node.
 * Afterwards sock_peer() is the client wherever an address is asked for: limits, rules, logs, hooks,
 * signed links, the API. Nothing that an address beyond trusted_proxies says is looked at. */
#pragma once
#include "http/http.h"
#include "node/server.h"

/* Before sock_begin(): takes a header of the PROXY protocol off a connection from a trusted proxy, if it
 * begins with one, and moves the place to the client. Waits for the first bytes until the socket's deadline.
 * ERR_PROTOCOL: the header cannot be read, or lacks although it is required; ERR_LIMIT: the client has no
 * place. *by_proxy, which may be NULL: a trusted proxy has made the connection. */
err proxied_begin(struct server *server, struct sock *sock, struct conn_place *place,
		  bool *by_proxy) BLOCKS;
/* The client of one request on a connection of the proxy `via`, by X-Forwarded-For and Forwarded: the proxy
 * itself if there is neither, 0.0.0.0 if they differ or hide it. */
void proxied_client(struct addr *client, const struct server *server, const struct addr *via,
		    const struct http_message *request);
