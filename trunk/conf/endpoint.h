/* endpoint - "[ip:]port" and "host[:port]" texts, as far as a configuration must know them.
 * Layer: conf. Resolving and listening is the business of net. */
#pragma once
#include <stdbool.h>

enum { ENDPOINT_HOST_MAX = 256 };

struct endpoint {
	char host[ENDPOINT_HOST_MAX]; /* without brackets; "" when there is none */
	int port;                     /* 0 when there is none */
};

/* True when `text` is "port", "ip:port", "[v6]:port". */
bool endpoint_listen(struct endpoint *out, const char *text);
/* True when `text` is "host", "host:port", "[v6]", "[v6]:port" or a bare IPv6 address. */
bool endpoint_host(struct endpoint *out, const char *text);
bool endpoint_is_ip(const char *host);
/* True when `text` is "ip" or "ip/bits". */
bool endpoint_network(const char *text);
/* True when both cannot be listened on at once. */
bool endpoint_clash(const struct endpoint *a, const struct endpoint *b);
