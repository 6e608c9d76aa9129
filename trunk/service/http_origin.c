#include "service/http_origin.h"
#include "service/http_router.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { REQUESTED_MAX = 1024 };

static bool is_listed(const struct conf *conf, const char *origin)
{
	const struct text_list *list = &conf->http_api.allowed_origins;
	for (int i = 0; i < list->count; i++)
		if (strcasecmp(list->v[i], origin) == 0)
			return true;
	return false;
}

static bool same_host(const char *a, const char *b)
{
	struct hostport x, y;
	return hostport_parse(&x, a, 0) == OK && hostport_parse(&y, b, 0) == OK &&
	       strcasecmp(x.host, y.host) == 0;
}

/* The part behind "scheme://". */
static const char *authority_of(const char *origin)
{
	const char *p = strstr(origin, "://");
	return p ? p + 3 : "";
}

/* An address cannot be made to point elsewhere; a name is ours when the configuration has it. */
static bool is_own_host(const struct conf *conf, const char *host)
{
	const struct text_list *list = &conf->http_api.allowed_origins;
	struct hostport hp;
	struct addr ip;
	if (hostport_parse(&hp, host, 0) != OK)
		return false;
	if (addr_literal(&ip, hp.host, 0) || strcasecmp(hp.host, "localhost") == 0)
		return true;
	if (*conf->advertise && same_host(conf->advertise, host))
		return true;
	for (int i = 0; i < list->count; i++)
		if (same_host(authority_of(list->v[i]), host))
			return true;
	return false;
}

enum page_kind http_page_kind(const struct http_message *request, const struct conf *conf)
{
	const char *origin = http_header_get(request, "Origin");
	const char *site = http_header_get(request, "Sec-Fetch-Site");
	if (!origin && (!site || strcmp(site, "none") == 0))
		return PAGE_NONE;
	if (origin && is_listed(conf, origin))
		return PAGE_LISTED;
	bool same = site ? strcmp(site, "same-origin") == 0
			 : strcasecmp(authority_of(origin), request->host) == 0;
	return same && is_own_host(conf, request->host) ? PAGE_OWN : PAGE_FOREIGN;
}

/* The setting of the HTTP server counts for both, as in SRS; the API's own can only forbid. */
static bool allows_reading(const struct http_session *s)
{
	return s->conf->http_server.crossdomain &&
	       (s->ports & HTTP_PORT_FILES || s->conf->http_api.crossdomain);
}

void http_origin_put(struct buf *out, const struct http_session *s)
{
	const char *origin = http_header_get(s->request, "Origin");
	if (!origin)
		return;
	if (is_listed(s->conf, origin)) {
		http_write_header(out, "Access-Control-Allow-Origin", origin);
		buf_printf(out, "Access-Control-Allow-Credentials: true\r\n"
				"Access-Control-Expose-Headers: Content-Length, Content-Range, "
				"Date, ETag, Link, Location, Retry-After, "
				"WWW-Authenticate\r\nVary: Origin\r\n");
	} else if (allows_reading(s)) {
		buf_printf(out, "Access-Control-Allow-Origin: *\r\n"
				"Access-Control-Expose-Headers: *\r\n");
	}
}

/* A row that no page of another site may use but for reading, when there is none. */
static const struct http_route *row_of(const struct http_session *s)
{
	static const struct http_route none = {.methods = HTTP_GET};
	const char *tail;
	const struct http_route *row =
		http_router_find(s->router, NULL, s->ports, s->request->path, &tail);
	return row ? row : &none;
}

/* Names of headers, as a browser lists them. */
static bool is_name_list(const char *text)
{
	static const char chars[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_, ";
	return *text && strlen(text) <= REQUESTED_MAX && strspn(text, chars) == strlen(text);
}

static bool has_name(const char *list, const char *name)
{
	size_t n = strlen(name);
	for (const char *at = list; *at;) {
		at += strspn(at, ", ");
		size_t length = strcspn(at, ", ");
		if (length == n && strncasecmp(at, name, n) == 0)
			return true;
		at += length;
	}
	return false;
}

/* The names that it asks for: whether "*" stands for Authorization depends on the browser. A site that is not
 * listed may not send that. */
static void put_headers(struct buf *out, const char *names, bool listed)
{
	if (names && is_name_list(names) && (listed || !has_name(names, "Authorization")))
		http_write_header(out, "Access-Control-Allow-Headers", names);
}

static void put_permissions(struct buf *out, const struct http_session *s, bool listed)
{
	const char *names = http_header_get(s->request, "Access-Control-Request-Headers");
	const char *private = http_header_get(s->request, "Access-Control-Request-Private-Network");
	const struct http_route *row = row_of(s);
	bool all = listed || row->flags & HTTP_ROUTE_ANY_SITE;
	buf_printf(out, "Access-Control-Allow-Methods: ");
	http_route_methods(out, all ? row->methods : row->methods & HTTP_GET);
	buf_printf(out, "\r\nAccess-Control-Max-Age: 600\r\n");
	put_headers(out, names, all);
	if (private && (listed || !(s->ports & HTTP_PORT_API)))
		buf_printf(out, "Access-Control-Allow-Private-Network: true\r\n");
}

err http_origin_preflight(struct http_session *s)
{
	const char *origin = http_header_get(s->request, "Origin");
	bool listed = origin && is_listed(s->conf, origin);
	struct buf extra = {.max = 4 * REQUESTED_MAX};
	if (!listed && !allows_reading(s))
		return http_respond_text(s->sock, s->request, 405,
					 "Requests from other origins are off.", NULL);
	buf_printf(&extra, "%s", s->cors);
	if (origin)
		put_permissions(&extra, s, listed);
	err e = http_respond(s->sock, s->request, 200, NULL, span_str(""), buf_text(&extra));
	buf_free(&extra);
	return e;
}
