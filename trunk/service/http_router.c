/* The table is short and looked at once per request, so it is walked. */
#include "service/http_router.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

void http_router_add(struct http_router *router, const struct http_route *row)
{
	vec_reserve(router->rows, router->room, router->count + 1);
	router->rows[router->count++] = *row;
}

void http_router_fini(struct http_router *router)
{
	free(router->rows);
	*router = (struct http_router){0};
}

/* ---- patterns ---- */

/* "/a/<id>": the part before the id, and whether there is one. */
static size_t fixed_part(const char *pattern, bool *has_id)
{
	static const char id[] = "/<id>";
	size_t n = strlen(pattern);
	*has_id = n > strlen(id) && strcmp(pattern + n - strlen(id), id) == 0;
	return *has_id ? n - strlen(id) : n;
}

static bool fits_exactly(const char *pattern, const char *path, const char **tail)
{
	bool has_id;
	size_t n = fixed_part(pattern, &has_id);
	if (strncmp(path, pattern, n) != 0 || (path[n] && path[n] != '/'))
		return false;
	*tail = path[n] ? path + n + 1 : path + n;
	return !**tail || (has_id && !strchr(*tail, '/'));
}

static bool fits(const char *pattern, const char *path, const char **tail)
{
	size_t n = strlen(pattern), len = strlen(path);
	if (*pattern == '*') {
		*tail = path;
		return len > n - 1 && strcmp(path + len - (n - 1), pattern + 1) == 0;
	}
	if (pattern[n - 1] != '*')
		return fits_exactly(pattern, path, tail);
	n -= strlen("/*");
	if (len < n || strncmp(path, pattern, n) != 0 || (path[n] && path[n] != '/'))
		return false;
	*tail = path[n] ? path + n + 1 : path + n;
	return true;
}

const struct http_route *http_router_find(const struct http_router *router,
					  const struct http_route *after, unsigned ports,
					  const char *path, const char **tail)
{
	size_t first = after ? (size_t)(after - router->rows) + 1 : 0;
	for (size_t i = first; i < router->count; i++) {
		const struct http_route *row = &router->rows[i];
		if (row->ports & ports && fits(row->pattern, path, tail))
			return row;
	}
	return NULL;
}

/* ---- methods ---- */

static const struct {
	int bit, method;
	const char *text;
} methods[] = {
	{HTTP_GET, HTTP_METHOD_GET, "GET, HEAD"}, {HTTP_GET, HTTP_METHOD_HEAD, NULL},
	{HTTP_POST, HTTP_METHOD_POST, "POST"},    {HTTP_PUT, HTTP_METHOD_PUT, "PUT"},
	{HTTP_PATCH, HTTP_METHOD_PATCH, "PATCH"}, {HTTP_DELETE, HTTP_METHOD_DELETE, "DELETE"},
};

int http_method_bit(int method)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (methods[i].method == method)
			return methods[i].bit;
	return 0;
}

void http_route_methods(struct buf *out, int bits)
{
	const char *before = "";
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (!methods[i].text || !(bits & methods[i].bit))
			continue;
		buf_printf(out, "%s%s", before, methods[i].text);
		before = ", ";
	}
}

static err refuse_method(struct http_session *s, const struct http_route *row)
{
	struct buf extra = {.max = 2048};
	buf_printf(&extra, "Allow: ");
	http_route_methods(&extra, row->methods);
	buf_printf(&extra, "\r\n%s", s->cors);
	err e = http_respond_text(s->sock, s->request, 405, "This method is not possible here.",
				  buf_text(&extra));
	buf_free(&extra);
	return e;
}

/* ---- a request ---- */

static err refuse_full(struct http_session *s)
{
	s->request->keep_alive = false;
	return http_respond_text(s->sock, s->request, 503, "The server is full (max_connections).",
				 s->cors);
}

static err serve_row(struct http_session *s, bool *found)
{
	const struct http_route *row = s->route;
	bool refused = false;
	if (row->guard)
		TRY(row->guard(s, &refused));
	if (refused)
		return OK;
	if (row->methods != HTTP_ANY && !(row->methods & http_method_bit(s->request->method)))
		return refuse_method(s, row);
	if (s->place.is_reserved && !(row->flags & HTTP_ROUTE_WHEN_FULL))
		return refuse_full(s);
	return row->serve(s, found);
}

err http_router_serve(const struct http_router *router, struct http_session *s)
{
	const struct http_route *row = NULL;
	while ((row = http_router_find(router, row, s->ports, s->request->path, &s->tail))) {
		bool found = true;
		s->route = row;
		err e = serve_row(s, &found);
		if (e || found)
			return e;
	}
	return http_respond_text(s->sock, s->request, 404, "There is nothing at this path.",
				 s->cors);
}
