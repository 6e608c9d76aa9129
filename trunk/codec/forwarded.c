#include "codec/forwarded.h"

#include <strings.h>

static struct span trim(struct span s)
{
	while (s.n && byte_is_one_of(*s.p, " \t"))
		s = span_rest(s, 1);
	while (s.n && byte_is_one_of(s.p[s.n - 1], " \t"))
		s.n--;
	return s;
}

/* "ip", "ip:port", "[v6]", "[v6]:port"; a name is none. */
static bool parse_node(struct addr *out, struct span node)
{
	char text[ADDR_TEXT_MAX];
	struct hostport at;
	if (node.n == 0 || node.n >= sizeof(text) || memchr(node.p, 0, node.n))
		return false;
	memcpy(text, node.p, node.n);
	text[node.n] = '\0';
	if (addr_literal(out, text, 0))
		return true;
	return hostport_parse(&at, text, 0) == OK && addr_literal(out, at.host, at.port);
}

static void take_node(struct forwarded *f, struct span node)
{
	struct addr addr;
	bool known = parse_node(&addr, node);
	bool trusted = known && f->is_trusted(f->ctx, &addr);
	if (!known)
		(void)addr_literal(&addr, "0.0.0.0", 0);
	if (!trusted || !f->any)
		f->client = addr;
	f->settled = f->settled || !trusted;
	f->any = true;
}

void forwarded_take_addresses(struct forwarded *f, struct span value)
{
	while (value.n) {
		size_t n = span_find(value, ",");
		struct span node = trim(span_head(value, n));
		if (node.n)
			take_node(f, node);
		value = span_rest(value, n + 1);
	}
}

/* The end of what ends at one of these bytes outside of quotes. */
static size_t find_unquoted(struct span s, const char *ends)
{
	bool quoted = false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			quoted = !quoted;
		else if (quoted && s.p[i] == '\\')
			i++;
		else if (!quoted && byte_is_one_of(s.p[i], ends))
			return i;
	}
	return s.n;
}

static struct span unquote(struct span s)
{
	bool quoted = s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"';
	return quoted ? span_of(s.p + 1, s.n - 2) : s;
}

/* The value of "for" in "for=a;by=b"; empty when there is none. */
static struct span for_of(struct span element)
{
	while (element.n) {
		size_t n = find_unquoted(element, ";");
		struct span pair = trim(span_head(element, n));
		if (pair.n >= 4 && strncasecmp((const char *)pair.p, "for=", 4) == 0)
			return unquote(span_rest(pair, 4));
		element = span_rest(element, n + 1);
	}
	return (struct span){0};
}

void forwarded_take_elements(struct forwarded *f, struct span value)
{
	while (value.n) {
		size_t n = find_unquoted(value, ",");
		struct span element = trim(span_head(value, n));
		if (element.n)
			take_node(f, for_of(element));
		value = span_rest(value, n + 1);
	}
}
