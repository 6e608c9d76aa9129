/* addr - addresses and "host:port" texts, without asking anybody. Layer: base. */
#pragma once
#include "base/err.h"
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

enum { ADDR_TEXT_MAX = 64, HOST_MAX = 256 };

/* Of IPv4 or IPv6, and no larger than that: thousands of connections keep several. */
struct addr {
	union {
		sa_family_t ss_family;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} sa;
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

/* True for what hostport_parse() takes, a port 0 excepted. */
bool hostport_is_valid(const char *text);

/* An address to listen on: "port", "ip:port", "[v6]:port". The host is "" when the text has none:
 * that is every address, of IPv4 and IPv6; "[::]" is every one of IPv6 alone. */
bool hostport_listen(struct hostport *out, const char *text);
/* True when whoever listens on `a` gets what is sent to `b`. */
bool hostport_covers(const struct hostport *a, const struct hostport *b);
/* True when both cannot be listened on at once. */
bool hostport_clash(const struct hostport *a, const struct hostport *b);

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
/* True for "ip" and "ip/bits". */
bool network_is_valid(const char *text);
bool addr_is_loopback(const struct addr *addr);
/* "0.0.0.0" or "::". */
bool addr_is_any(const struct addr *addr);
/* How well others can reach it: 0 not at all, 1 IPv6 or 2 IPv4 of a private network, 3 public IPv6,
 * 4 public IPv4. */
int addr_reach(const struct addr *addr);
