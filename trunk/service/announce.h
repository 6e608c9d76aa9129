/* announce - what servers say about themselves when they connect to each other. Layer: service.
 *
 * A relay names its process and the port of its API in the second object of connect (srs_node,
 * srs_api); an origin answers in kind. The address is the one that the connection has: nobody can
 * have us ask a third one. With a secret in the cluster, only a signed announcement counts. */
#pragma once
#include "codec/amf0.h"
#include "net/addr.h"
#include "rtmp/client.h"
#include "service/server.h"

struct announce {
	char node[24];           /* "" when it does not say */
	char relay[24];          /* the id of its pull or push; "" */
	char api[ADDR_TEXT_MAX]; /* "ip:port"; "" when it has none, or is not believed */
};

/* The port of this server's own API; 0 when it has none. */
int announce_port(const struct server *server);
/* Into the arguments of a connect about this vhost. */
void announce_put(struct amf *args, const struct server *server, const char *vhost);
/* Out of the arguments of a relay at that address. */
void announce_read(struct announce *out, struct server *server, const struct amf *args,
		   const struct addr *peer);
/* What an origin said that was reached at that address. */
void announce_api(char out[static ADDR_TEXT_MAX], const struct rtmp_peer *said,
		  const struct addr *peer);
