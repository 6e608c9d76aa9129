/* flv_request - what an HTTP request for a live stream asks for, and says of who asks. Layer: service.
 * All of it is copied: the request goes when the stream takes the connection. */
#pragma once
#include "codec/url.h"
#include "conf/conf.h"
#include "http/http.h"
#include "net/addr.h"
#include "node/client.h"

struct flv_request {
	const struct conf_vhost *vhost; /* NULL: no mount fits the path, and the rest is empty */
	struct target target;
	char *tc_url, *url, *page_url; /* for the API */
	char *path_asked;              /* without a proof in front */
	char *proof;                   /* of a link that is signed in its path; "" */
	struct client_hop *hop;        /* of a server likewise; NULL */
	int64_t had_until;             /* likewise; see announce_had_until() */
	char *path, *via; /* as a server says that fetches it, see upstream_request.h; "" */
};

/* `local` is what a client that names no host has reached. ERR_PROTOCOL or ERR_LIMIT when there is no
 * making sense of it. To be released also after an error. */
err flv_request_read(struct flv_request *out, const struct conf *conf, const struct http_message *m,
		     const struct addr *local);
/* Zeroed memory is fine. */
void flv_request_fini(struct flv_request *request);
