/* upstream_request - what is asked of an origin, and who we say that we are. Layer: cluster. */
#pragma once
#include "codec/amf0.h"
#include "codec/url.h"
#include "node/server.h"

struct link_ops;

/* A request to an origin, and the relay that makes it. */
struct upstream_request {
	const struct link_ops *protocol;
	struct server *server;
	const struct conf_vhost *vhost;
	const struct target *target; /* of the viewer or publisher */
	const char *http_path;       /* of a URL that is no name of ours, with its query; NULL */
	const char *tc_vhost;        /* named by the URL of connect; NULL: as `vhost` says */
	/* That the certificate must have, "" the host's; NULL: as `vhost` says. */
	const char *tls_name;
	const char *page_url, *swf_url;
	const char *path;       /* ids of the servers it came by, ",a,b"; "" */
	const char *via;        /* ids of all servers that wait for the answer; NULL or "" */
	const char *redirected; /* servers that have redirected it, ",host:port,…"; NULL or "" */
	const char *trace;      /* id of the player or encoder that it is for; NULL or "" */
	int64_t had_ms; /* when the last frame of the stream came, from another server (monotonic); 0 */
	bool publish;
	bool from_coworker; /* an origin asks the coworker that has the stream */
};

/* The vhost that an origin is asked for (cluster.vhost). malloc'ed. */
char *upstream_vhost(const struct upstream_request *request);
/* The name that the server's certificate must have; "": its host's. */
const char *upstream_tls_name(const struct upstream_request *request);
/* "stream?param" as it is asked of the origin (without vhost=). malloc'ed. */
char *upstream_stream_name(const struct upstream_request *request);
/* The URL of connect to an origin at that port: it names the vhost, not the host. malloc'ed. */
char *upstream_tc_url(const struct upstream_request *request, int port);
/* The arguments of connect; as long as the request is the same, those that are signed are. amf_free(). */
struct amf *upstream_identity(const struct upstream_request *request);
/* The servers that the request has come by when it is there, ",a,b,us", by their path ids. malloc'ed. */
char *upstream_path(const struct upstream_request *request);

/* How long ago that frame came, at least 1 ms; 0: there is none. */
int64_t upstream_resume_ms(const struct upstream_request *request);

/* "host:port" of a redirect's URL; false when it is none. */
bool upstream_redirect_target(char *out, size_t cap, const char *url);

/* ---- when we are asked ---- */

/* ERR_LOOP, with a sentence, when a request that came by this path has been here before or has
 * come too far (hop_limit), or when we are among those who wait for its answer (`via`). */
err upstream_check_path(const struct server *server, const struct conf_vhost *vhost,
			const char *path, const char *via);
