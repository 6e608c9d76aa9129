#include "base/mem.h"
#include "codec/url.h"
#include "codec/url_front.h"

#include <stdlib.h>

enum { TEXT_MAX = URL_MAX - 1 }; /* one more byte is the NUL */

/* Blanks and control characters could end a header line of the request that is made of it. */
static err check_http_text(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] == 0x7F)
			return err_fail(ERR_PROTOCOL, "a blank or control character in a URL");
	return OK;
}

static err put_text(char *out, size_t cap, struct span s)
{
	if (s.n >= cap)
		return err_fail(ERR_LIMIT, "a URL's part of more than %zu bytes", cap - 1);
	if (s.n)
		memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return OK;
}

/* The path is made absolute, and loses the fragment, which is the client's own business. */
static err put_http_path(char *out, size_t cap, struct span s)
{
	s = span_head(s, span_find(s, "#"));
	if (s.n && *s.p == '/')
		return put_text(out, cap, s);
	out[0] = '/';
	return put_text(out + 1, cap - 1, s);
}

err http_url_parse(struct http_url *out, const char *text)
{
	struct span all = span_str(text);
	struct url_front front = {0};
	if (all.n > TEXT_MAX + sizeof(out->host))
		return err_fail(ERR_LIMIT, "a URL of more than %d bytes", TEXT_MAX);
	TRY(check_http_text(all));
	TRY(url_front_parse(&front, all));
	if (!span_is(front.schema, "http") && !span_is(front.schema, "https"))
		return err_fail(ERR_PROTOCOL, "a URL that is not of HTTP");
	if (front.host.n == 0 || front.user.n)
		return err_fail(ERR_PROTOCOL, "a URL without a host, or with a user");
	struct http_url *url = mem_new(struct http_url);
	url->port = front.port;
	err e = put_text(url->schema, sizeof(url->schema), front.schema);
	if (!e)
		e = put_text(url->host, sizeof(url->host), front.host);
	if (!e)
		e = put_http_path(url->path, sizeof(url->path), front.behind);
	if (!e)
		*out = *url;
	free(url);
	return e;
}
