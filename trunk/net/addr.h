/* addr - addresses and "host:port" texts. Layer: net. */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <sys/socket.h>

enum { ADDR_TEXT_MAX = 64, HOST_MAX = 256 };

struct addr {
	struct sockaddr_storage sa;
	socklen_t len;
};

/* A host name or literal with a port: "host", "host:port", "[v6]:port"; a bare v6 is a host. */
struct hostport {
	char host[HOST_MAX]; /* without brackets */
	int port;            /* `default_port` when the text has none */
	bool has_port;
};
err hostport_parse(struct hostport *out, const char *text, int default_port);
/* "host:port", brackets around a v6 host. */
void hostport_text(char out[static HOST_MAX + 8], const struct hostport *hp);

/* True and filled in when host is an IPv4 or IPv6 literal. */
bool addr_literal(struct addr *out, const char *host, int port);
/* "1.2.3.4" or "::1", without the port. IPv4-mapped addresses are written as IPv4. */
void addr_ip(char out[static ADDR_TEXT_MAX], const struct addr *addr);
/* "1.2.3.4:80", "[::1]:80". */
void addr_text(char out[static ADDR_TEXT_MAX], const struct addr *addr);
int addr_port(const struct addr *addr);
void addr_set_port(struct addr *addr, int port);
bool addr_same(const struct addr *a, const struct addr *b);
/* True when the address is in the network "ip" or "ip/bits". IPv4-mapped addresses count as IPv4;
 * the zone of a link-local one does not matter. */
bool addr_within(const struct addr *addr, const char *network);
bool addr_is_loopback(const struct addr *addr);
/* True when this host has the address. */
bool addr_is_local(const struct addr *addr);
/* A public IPv4 or IPv6 address of this host; else any that is not loopback; else 127.0.0.1. */
void addr_of_host(char out[static ADDR_TEXT_MAX]);
