/* Addresses. Only literals are understood here, so nothing can block; names are net/dns.c's. */
#include "base/addr.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Digits only, at most five of them. */
static bool port_parse(int *out, const char *text)
{
	size_t n = strlen(text);
	if (n == 0 || n > 5 || strspn(text, "0123456789") != n)
		return false;
	*out = (int)strtol(text, NULL, 10);
	return *out <= 65535;
}

/* One name is one text: letters in lower case, without the dot of the root. The zone of a literal is the
 * host's own word. */
static void host_normalise(char *host)
{
	size_t n = strlen(host);
	while (n > 1 && host[n - 1] == '.')
		host[--n] = '\0';
	for (char *p = host; *p && *p != '%'; p++)
		*p = (char)tolower((unsigned char)*p);
}

/* A name is taken as it is, apart from characters that can only be a mistake: of a scheme, a path,
 * a quotation. */
static bool host_is_sane(const char *host)
{
	if (!*host)
		return false;
	for (const char *p = host; *p; p++) {
		if (!isgraph((unsigned char)*p) || strchr("[]/@?#\"'\\,;", *p))
			return false;
	}
	return true;
}

/* Returns what is wrong with the text, for the sentence "<text> …"; NULL when nothing is. */
static const char *hostport_read(struct hostport *out, const char *text, int default_port)
{
	struct addr literal;
	const char *host = text, *end, *port = NULL;
	if (*text == '[') {
		host = text + 1;
		end = strchr(host, ']');
		if (!end || (end[1] != '\0' && end[1] != ':'))
			return "is no [address]:port";
		port = end[1] ? end + 2 : NULL;
	} else {
		const char *colon = strchr(text, ':');
		bool bare_v6 = colon && strchr(colon + 1, ':');
		end = colon && !bare_v6 ? colon : text + strlen(text);
		port = *end ? end + 1 : NULL;
	}
	if (end - host >= HOST_MAX)
		return "is too long for a host";
	memcpy(out->host, host, (size_t)(end - host));
	out->host[end - host] = '\0';
	host_normalise(out->host);
	out->has_port = port != NULL;
	out->port = default_port;
	if (port && !port_parse(&out->port, port))
		return "has no valid port";
	bool v6 = strchr(out->host, ':') || *text == '[';
	if (!host_is_sane(out->host) || (v6 && !addr_literal(&literal, out->host, 0)))
		return "has no valid host";
	return NULL;
}

err hostport_parse(struct hostport *out, const char *text, int default_port)
{
	const char *wrong = hostport_read(out, text, default_port);
	return wrong ? err_fail(ERR_CONFIG, "\"%.80s\" %s", text, wrong) : OK;
}

void hostport_text(char out[static HOST_MAX + 8], const struct hostport *hp)
{
	if (strchr(hp->host, ':'))
		snprintf(out, HOST_MAX + 8, "[%s]:%d", hp->host, hp->port);
	else
		snprintf(out, HOST_MAX + 8, "%s:%d", hp->host, hp->port);
}

bool hostport_is_valid(const char *text)
{
	struct hostport hp;
	return !hostport_read(&hp, text, 0) && (!hp.has_port || hp.port > 0);
}

bool hostport_listen(struct hostport *out, const char *text)
{
	struct addr literal;
	*out = (struct hostport){.has_port = true};
	if (port_parse(&out->port, text))
		return true;
	return !hostport_read(out, text, 0) && out->has_port &&
	       addr_literal(&literal, out->host, 0);
}

bool hostport_covers(const struct hostport *a, const struct hostport *b)
{
	struct addr one, other;
	if (a->port != b->port)
		return false;
	if (!*a->host || !*b->host)
		return !*a->host;
	if (!addr_literal(&one, a->host, 0) || !addr_literal(&other, b->host, 0))
		return strcasecmp(a->host, b->host) == 0;
	if (one.sa.ss_family == other.sa.ss_family && addr_is_any(&one))
		return true;
	return addr_same(&one, &other);
}

bool hostport_clash(const struct hostport *a, const struct hostport *b)
{
	return hostport_covers(a, b) || hostport_covers(b, a);
}

/* "fe80::1%eth0": the zone is a name or a number. */
static bool v6_literal(struct sockaddr_in6 *sa, const char *host)
{
	char text[INET6_ADDRSTRLEN];
	const char *zone = strchr(host, '%');
	size_t n = zone ? (size_t)(zone - host) : strlen(host);
	if (n >= sizeof(text))
		return false;
	memcpy(text, host, n);
	text[n] = '\0';
	if (inet_pton(AF_INET6, text, &sa->sin6_addr) != 1)
		return false;
	if (zone) {
		sa->sin6_scope_id = if_nametoindex(zone + 1);
		if (sa->sin6_scope_id == 0)
			sa->sin6_scope_id = (uint32_t)strtoul(zone + 1, NULL, 10);
	}
	return !zone || sa->sin6_scope_id != 0;
}

bool addr_literal(struct addr *out, const char *host, int port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
		memcpy(&out->sa, &v4, sizeof(v4));
		out->len = sizeof(v4);
		return true;
	}
	if (!v6_literal(&v6, host))
		return false;
	memcpy(&out->sa, &v6, sizeof(v6));
	out->len = sizeof(v6);
	return true;
}

static struct sockaddr_in as_v4(const struct addr *addr)
{
	struct sockaddr_in v4;
	memcpy(&v4, &addr->sa, sizeof(v4));
	return v4;
}

static struct sockaddr_in6 as_v6(const struct addr *addr)
{
	struct sockaddr_in6 v6;
	memcpy(&v6, &addr->sa, sizeof(v6));
	return v6;
}

/* Its IPv4 address, if it is one or a mapped one. */
static bool to_v4(struct in_addr *out, const struct addr *addr)
{
	if (addr->sa.ss_family == AF_INET) {
		*out = as_v4(addr).sin_addr;
		return true;
	}
	if (addr->sa.ss_family != AF_INET6)
		return false;
	struct sockaddr_in6 v6 = as_v6(addr);
	if (!IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
		return false;
	memcpy(out, &v6.sin6_addr.s6_addr[12], sizeof(*out));
	return true;
}

static bool is_v6(const struct addr *addr)
{
	struct in_addr v4;
	return addr->sa.ss_family == AF_INET6 && !to_v4(&v4, addr);
}

void addr_ip(char out[static ADDR_TEXT_MAX], const struct addr *addr)
{
	struct in_addr v4;
	if (to_v4(&v4, addr)) {
		inet_ntop(AF_INET, &v4, out, ADDR_TEXT_MAX);
	} else if (addr->sa.ss_family == AF_INET6) {
		struct sockaddr_in6 v6 = as_v6(addr);
		inet_ntop(AF_INET6, &v6.sin6_addr, out, ADDR_TEXT_MAX);
	} else {
		memcpy(out, "unknown", sizeof("unknown"));
	}
}

void addr_text(char out[static ADDR_TEXT_MAX], const struct addr *addr)
{
	char ip[ADDR_TEXT_MAX];
	addr_ip(ip, addr);
	if (is_v6(addr))
		snprintf(out, ADDR_TEXT_MAX, "[%.46s]:%d", ip, addr_port(addr));
	else
		snprintf(out, ADDR_TEXT_MAX, "%.46s:%d", ip, addr_port(addr));
}

int addr_port(const struct addr *addr)
{
	if (addr->sa.ss_family == AF_INET)
		return ntohs(as_v4(addr).sin_port);
	return addr->sa.ss_family == AF_INET6 ? ntohs(as_v6(addr).sin6_port) : 0;
}

void addr_set_port(struct addr *addr, int port)
{
	if (addr->sa.ss_family == AF_INET) {
		struct sockaddr_in v4 = as_v4(addr);
		v4.sin_port = htons((uint16_t)port);
		memcpy(&addr->sa, &v4, sizeof(v4));
	} else if (addr->sa.ss_family == AF_INET6) {
		struct sockaddr_in6 v6 = as_v6(addr);
		v6.sin6_port = htons((uint16_t)port);
		memcpy(&addr->sa, &v6, sizeof(v6));
	}
}

bool addr_same(const struct addr *a, const struct addr *b)
{
	struct in_addr a4, b4;
	bool a_is_v4 = to_v4(&a4, a), b_is_v4 = to_v4(&b4, b);
	if (addr_port(a) != addr_port(b) || a_is_v4 != b_is_v4)
		return false;
	if (a_is_v4)
		return a4.s_addr == b4.s_addr;
	struct sockaddr_in6 a6 = as_v6(a), b6 = as_v6(b);
	return a->sa.ss_family == b->sa.ss_family && a6.sin6_scope_id == b6.sin6_scope_id &&
	       memcmp(&a6.sin6_addr, &b6.sin6_addr, sizeof(a6.sin6_addr)) == 0;
}

/* The bytes of the address alone; their count. */
static int addr_bytes(uint8_t out[static 16], const struct addr *addr)
{
	struct in_addr v4;
	if (to_v4(&v4, addr)) {
		memcpy(out, &v4, 4);
		return 4;
	}
	if (addr->sa.ss_family != AF_INET6)
		return 0;
	struct sockaddr_in6 v6 = as_v6(addr);
	memcpy(out, &v6.sin6_addr, 16);
	return 16;
}

/* "ip/bits" in two; a mapped IPv4 network is counted in bits of IPv4. */
static bool network_parse(struct addr *ip, int *bits, const char *text)
{
	char host[INET6_ADDRSTRLEN];
	struct in_addr v4;
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	if (n >= sizeof(host))
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	if (!addr_literal(ip, host, 0))
		return false;
	int whole = ip->sa.ss_family == AF_INET ? 32 : 128;
	*bits = whole;
	if (slash && (!port_parse(bits, slash + 1) || *bits > whole))
		return false;
	if (whole == 128 && *bits >= 96 && to_v4(&v4, ip))
		*bits -= 96;
	return true;
}

bool network_is_valid(const char *text)
{
	struct addr ip;
	int bits;
	return network_parse(&ip, &bits, text);
}

bool addr_within(const struct addr *addr, const char *network)
{
	struct addr ip;
	uint8_t a[16] = {0}, b[16] = {0};
	int bits;
	if (!network_parse(&ip, &bits, network))
		return false;
	int n = addr_bytes(a, addr);
	if (n == 0 || n != addr_bytes(b, &ip) || bits > n * 8)
		return false;
	if (memcmp(a, b, (size_t)bits / 8) != 0)
		return false;
	return bits % 8 == 0 || (a[bits / 8] ^ b[bits / 8]) >> (8 - bits % 8) == 0;
}

bool addr_is_loopback(const struct addr *addr)
{
	struct in_addr v4;
	if (to_v4(&v4, addr))
		return ntohl(v4.s_addr) >> 24 == 127;
	struct sockaddr_in6 v6 = as_v6(addr);
	return addr->sa.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

bool addr_is_any(const struct addr *addr)
{
	struct in_addr v4;
	if (to_v4(&v4, addr))
		return v4.s_addr == htonl(INADDR_ANY);
	struct sockaddr_in6 v6 = as_v6(addr);
	return addr->sa.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr);
}

int addr_reach(const struct addr *addr)
{
	struct in_addr v4;
	if (addr_is_loopback(addr))
		return 0;
	if (to_v4(&v4, addr)) {
		uint32_t ip = ntohl(v4.s_addr);
		bool private = ip >> 24 == 10 || ip >> 20 == 0xac1 || ip >> 16 == 0xc0a8 ||
			       ip >> 16 == 0xa9fe || ip >> 22 == 0x191; /* 100.64/10 */
		return private ? 2 : 4;
	}
	struct sockaddr_in6 v6 = as_v6(addr);
	if (IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr))
		return 0;
	return (v6.sin6_addr.s6_addr[0] & 0xfe) == 0xfc ? 1 : 3;
}
