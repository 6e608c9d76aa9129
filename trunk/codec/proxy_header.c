#include "codec/proxy_header.h"

#include <arpa/inet.h>

enum {
	LINE_MAX = 107, /* of version 1, with its CR LF */
	FIXED = 16,     /* of version 2, before the addresses */
	COMMAND_LOCAL = 0,
	COMMAND_PROXY = 1,
	FAMILY_INET = 1,
	FAMILY_INET6 = 2,
};

static const char version1[] = "PROXY ";
static const char version2[] = "\r\n\r\n\0\r\nQUIT\n";

/* Whether the bytes begin with the mark, as far as there are any. */
static bool may_be(struct span bytes, const char *mark, size_t n)
{
	size_t have = bytes.n < n ? bytes.n : n;
	return have == 0 || memcmp(bytes.p, mark, have) == 0;
}

/* ---- version 1: a line of text ---- */

/* The next word, which one space ends; false at the end of the line. */
static bool next_word(char *out, size_t cap, struct span *line)
{
	size_t n = span_find(*line, " ");
	if (n == 0 || n >= cap)
		return false;
	memcpy(out, line->p, n);
	out[n] = '\0';
	*line = span_rest(*line, n + 1);
	return true;
}

static bool parse_end(struct addr *out, const char *ip, const char *port, sa_family_t family)
{
	int number = (int)span_number(span_str(port), 65535);
	return number >= 0 && addr_literal(out, ip, number) && out->sa.ss_family == family;
}

static enum proxy_verdict parse_line(struct proxy_header *out, struct span line)
{
	char kind[8], from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN], from_port[8], to_port[8];
	struct addr far;
	if (!next_word(kind, sizeof(kind), &line))
		return PROXY_BAD;
	if (strcmp(kind, "UNKNOWN") == 0)
		return PROXY_WHOLE;
	sa_family_t family = strcmp(kind, "TCP6") == 0 ? AF_INET6 : AF_INET;
	if (family == AF_INET && strcmp(kind, "TCP4") != 0)
		return PROXY_BAD;
	bool whole = next_word(from, sizeof(from), &line) && next_word(to, sizeof(to), &line) &&
		     next_word(from_port, sizeof(from_port), &line) &&
		     next_word(to_port, sizeof(to_port), &line) && line.n == 0;
	if (!whole || !parse_end(&out->from, from, from_port, family) ||
	    !parse_end(&far, to, to_port, family))
		return PROXY_BAD;
	out->has_from = true;
	return PROXY_WHOLE;
}

static enum proxy_verdict parse_version1(struct proxy_header *out, struct span bytes)
{
	struct span head = span_head(bytes, LINE_MAX);
	size_t end = span_find(head, "\r");
	if (end + 1 >= head.n)
		return head.n < LINE_MAX ? PROXY_PART : PROXY_BAD;
	if (head.p[end + 1] != '\n')
		return PROXY_BAD;
	out->bytes = end + 2;
	return parse_line(out, span_rest(span_head(head, end), sizeof(version1) - 1));
}

/* ---- version 2: bytes ---- */

static size_t be16(const uint8_t *p)
{
	return (size_t)(p[0] << 8 | p[1]);
}

/* Addresses of both ends, then both ports; extensions follow. False: too few bytes. */
static bool parse_addresses(struct proxy_header *out, int family, struct span bytes)
{
	struct addr *from = &out->from;
	if (family == FAMILY_INET && bytes.n >= 12) {
		from->sa.v4 = (struct sockaddr_in){.sin_family = AF_INET};
		memcpy(&from->sa.v4.sin_addr, bytes.p, 4);
		memcpy(&from->sa.v4.sin_port, bytes.p + 8, 2);
		from->len = sizeof(from->sa.v4);
	} else if (family == FAMILY_INET6 && bytes.n >= 36) {
		from->sa.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
		memcpy(&from->sa.v6.sin6_addr, bytes.p, 16);
		memcpy(&from->sa.v6.sin6_port, bytes.p + 32, 2);
		from->len = sizeof(from->sa.v6);
	} else {
		return family != FAMILY_INET && family != FAMILY_INET6;
	}
	out->has_from = true;
	return true;
}

static enum proxy_verdict parse_version2(struct proxy_header *out, struct span bytes)
{
	if (bytes.n < FIXED)
		return PROXY_PART;
	int version = bytes.p[12] >> 4, command = bytes.p[12] & 15, family = bytes.p[13] >> 4;
	out->bytes = FIXED + be16(bytes.p + 14);
	if (version != 2 || command > COMMAND_PROXY || out->bytes > PROXY_HEADER_MAX)
		return PROXY_BAD;
	if (bytes.n < out->bytes)
		return PROXY_PART;
	if (command == COMMAND_LOCAL)
		return PROXY_WHOLE;
	struct span addresses = span_rest(span_head(bytes, out->bytes), FIXED);
	return parse_addresses(out, family, addresses) ? PROXY_WHOLE : PROXY_BAD;
}

enum proxy_verdict proxy_header_parse(struct proxy_header *out, struct span bytes)
{
	*out = (struct proxy_header){0};
	if (may_be(bytes, version1, sizeof(version1) - 1))
		return bytes.n < sizeof(version1) - 1 ? PROXY_PART : parse_version1(out, bytes);
	if (may_be(bytes, version2, sizeof(version2) - 1))
		return parse_version2(out, bytes);
	return PROXY_ABSENT;
}
