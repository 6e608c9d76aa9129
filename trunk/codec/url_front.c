#include "codec/url_front.h"
#include "base/mem.h"
#include "codec/url.h"

static err parse_port(int *port, struct span digits)
{
	int64_t v = span_number(digits, 65535);
	if (v < 1)
		return err_fail(ERR_PROTOCOL, "a port that is no number from 1 to 65535");
	*port = (int)v;
	return OK;
}

/* The bytes in front of the last '@'; 0 when there is none. */
static size_t user_size(struct span authority)
{
	size_t n = authority.n;
	while (n > 0 && authority.p[n - 1] != '@')
		n--;
	return n ? n - 1 : 0;
}

err url_authority_parse(struct span *host, int *port, struct span s)
{
	size_t n = span_find(s, ":");
	*host = span_head(s, n);
	struct span behind = span_rest(s, n);
	if (span_starts(s, "[")) {
		n = span_find(s, "]");
		if (n == s.n)
			return err_fail(ERR_PROTOCOL, "an address with an open bracket");
		*host = span_head(span_rest(s, 1), n - 1);
		behind = span_rest(s, n + 1);
	}
	if (behind.n && *behind.p != ':')
		return err_fail(ERR_PROTOCOL, "something between an address and its port");
	return behind.n ? parse_port(port, span_rest(behind, 1)) : OK;
}

static int default_port(struct span schema)
{
	if (span_is(schema, "http"))
		return PORT_HTTP;
	return span_is(schema, "https") || span_is(schema, "rtmps") ? PORT_HTTPS : PORT_RTMP;
}

err url_front_parse(struct url_front *out, struct span s)
{
	size_t n = span_find(s, ":");
	struct span behind = span_rest(s, n);
	out->schema = span_head(s, n);
	if (n == 0 || !span_starts(behind, "://"))
		return err_fail(ERR_PROTOCOL, "a URL without a schema");
	behind = span_rest(behind, 3);
	n = span_find(behind, "/?#");
	struct span authority = span_head(behind, n);
	out->behind = span_rest(behind, n);
	n = user_size(authority);
	out->user = span_head(authority, n);
	out->port = default_port(out->schema);
	return url_authority_parse(&out->host, &out->port,
				   n ? span_rest(authority, n + 1) : authority);
}

static char *decoded(struct span s)
{
	char *text = mem_alloc(s.n + 1);
	if (url_unescape(text, s.n + 1, s) != OK) {
		memcpy(text, s.p, s.n);
		text[s.n] = '\0';
	}
	return text;
}

void url_take_user(char *url, char **user, char **password)
{
	struct url_front front = {0};
	err e = url_front_parse(&front, span_str(url));
	size_t colon = span_find(front.user, ":");
	*user = NULL;
	*password = NULL;
	if (e || !front.user.n)
		return;
	*user = decoded(span_head(front.user, colon));
	*password = decoded(span_rest(front.user, colon + 1));
	char *from = url + (front.user.p - (const uint8_t *)url);
	char *behind = from + front.user.n + 1;
	memmove(from, behind, strlen(behind) + 1);
}
