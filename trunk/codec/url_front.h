/* url_front - the part of a URL that is the same for RTMP and HTTP. Layer: codec, for its own files. */
#pragma once
#include "base/err.h"
#include "base/span.h"

/* "schema://user@host:port" and what is behind it; all borrowed. */
struct url_front {
	struct span schema, user, host, behind;
	int port; /* the schema's own when none is named */
};
/* Untouched members after ERR_PROTOCOL mean nothing. */
err url_front_parse(struct url_front *out, struct span s);
/* "host", "host:port", "[v6]", "[v6]:port"; *port stays where there is none. */
err url_authority_parse(struct span *host, int *port, struct span s);
