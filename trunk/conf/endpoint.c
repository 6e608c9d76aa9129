/* Host names are taken as they are, apart from characters that can only be a mistake: a scheme,
 * a path, a blank. */
#include "conf/endpoint.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool port_parse(int *port, const char *text)
{
	size_t n = strlen(text);
	if (n == 0 || n > 5 || strspn(text, "0123456789") != n)
		return false;
	*port = (int)strtol(text, NULL, 10);
	return *port > 0 && *port <= 65535;
}

bool endpoint_is_ip(const char *host)
{
	struct in6_addr ip;
	return inet_pton(AF_INET, host, &ip) == 1 || inet_pton(AF_INET6, host, &ip) == 1;
}

static bool host_set(struct endpoint *out, const char *host, size_t n)
{
	if (n == 0 || n >= sizeof(out->host))
		return false;
	memcpy(out->host, host, n);
	out->host[n] = '\0';
	for (const unsigned char *c = (const unsigned char *)out->host; *c; c++) {
		if (*c <= ' ' || *c == 0x7f || strchr("/@?#[]\"'\\,;", *c))
			return false;
	}
	return true;
}

static bool bracketed(struct endpoint *out, const char *text)
{
	const char *close = strchr(text, ']');
	if (!close || !host_set(out, text + 1, (size_t)(close - text - 1)) ||
	    !endpoint_is_ip(out->host))
		return false;
	return close[1] == '\0' || (close[1] == ':' && port_parse(&out->port, close + 2));
}

bool endpoint_host(struct endpoint *out, const char *text)
{
	*out = (struct endpoint){};
	if (*text == '[')
		return bracketed(out, text);
	if (endpoint_is_ip(text))
		return host_set(out, text, strlen(text));
	const char *colon = strchr(text, ':');
	if (!colon)
		return host_set(out, text, strlen(text));
	return host_set(out, text, (size_t)(colon - text)) && port_parse(&out->port, colon + 1);
}

bool endpoint_listen(struct endpoint *out, const char *text)
{
	*out = (struct endpoint){};
	if (port_parse(&out->port, text))
		return true;
	return endpoint_host(out, text) && out->port && endpoint_is_ip(out->host);
}

bool endpoint_network(const char *text)
{
	struct in6_addr ip;
	char host[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	if (n >= sizeof(host))
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	if (!endpoint_is_ip(host))
		return false;
	if (!slash)
		return true;
	size_t digits = strspn(slash + 1, "0123456789");
	return digits > 0 && digits <= 3 && !slash[1 + digits] &&
	       strtol(slash + 1, NULL, 10) <= (inet_pton(AF_INET6, host, &ip) == 1 ? 128 : 32);
}

static bool is_any(const char *host)
{
	return !*host || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

bool endpoint_clash(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port &&
	       (is_any(a->host) || is_any(b->host) || strcmp(a->host, b->host) == 0);
}
