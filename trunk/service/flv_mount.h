/* flv_mount - which stream a path means, by a pattern of http_remux.mount. Layer: service. */
#pragma once
#include "base/span.h"

/* Parts of the path; empty where the pattern has no place for them. */
struct mount {
	struct span app, stream;
};

/* The pattern is "[vhost]/[app]/[stream].flv" or alike. Its front, up to the first slash, is the
 * host that the request must be for (`host`); "[vhost]" there is any, since the host has chosen
 * the vhost already. In the path, "[vhost]" is the vhost's name, "[app]" may hold slashes,
 * "[stream]" may not. */
bool mount_match(struct mount *out, const char *pattern, const char *host, const char *vhost,
		 const char *path);
/* True when the path itself names the vhost, whatever the host. */
bool mount_names_vhost(const char *pattern);
