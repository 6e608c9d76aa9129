/* own_publish - what a publication of this server's own is asked for with: what it fetches, or is brought by no client
 * of a protocol of streams. Layer: session. */
#pragma once
#include "session/request.h"

struct own_publish {
	struct conf *conf; /* the snapshot that it began with */
	char *tc_url, *key;
	struct target to;
	struct addr peer;
	struct request request;
};

/* For the stream that this URL of RTMP names, whatever server it names. `type` is a literal; peer: NULL is this server.
 * ERR_NOTFOUND: there is no such vhost. To be released also after an error. */
err own_publish_init(struct own_publish *p, struct server *server, const char *type,
		     const char *output, const struct addr *peer);
/* Zeroed memory is fine. */
void own_publish_fini(struct own_publish *p);
