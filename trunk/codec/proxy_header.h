/* proxy_header - the first bytes of a connection that a proxy passes on: where it comes from. Layer: codec.
 * The PROXY protocol, versions 1 and 2 (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt). */
#pragma once
#include "base/addr.h"
#include "base/span.h"

/* Longer headers are refused: one that is complete has to fit into the buffer of whoever looks for it. */
enum { PROXY_HEADER_MAX = 4096 };

enum proxy_verdict {
	PROXY_ABSENT, /* these bytes begin something else */
	PROXY_PART,   /* there is more to come before anything can be said */
	PROXY_WHOLE,
	PROXY_BAD,
};

struct proxy_header {
	size_t bytes;     /* what follows belongs to the client */
	bool has_from;    /* false: the proxy speaks for itself, or knows no IP address */
	struct addr from; /* the client, with its port */
};

/* `out` is filled in for PROXY_WHOLE alone. */
enum proxy_verdict proxy_header_parse(struct proxy_header *out, struct span bytes);
