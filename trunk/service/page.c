#include "service/page.h"
#include "http/files.h"
#include "service/page_files.h"

const char page_headers[] =
	"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
	"connect-src 'self'; img-src 'self' data:; media-src 'self' blob:; base-uri 'none'; "
	"form-action 'none'; frame-ancestors 'none'\r\n"
	"X-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\n"
	"Cross-Origin-Opener-Policy: same-origin\r\nCache-Control: no-cache\r\n";

static err send_page(struct http_session *s, const char *name, bool *found)
{
	struct page_file file;
	struct buf extra = {.max = 8192};
	*found = s->conf->http_server.page && page_file_find(&file, name);
	if (!*found)
		return OK;
	buf_printf(&extra, "%s%s", page_headers, s->cors);
	err e = http_respond(s->sock, s->request, 200, file.type, file.text, buf_text(&extra));
	buf_free(&extra);
	return e;
}

/* A file of the operator's goes before ours. */
static err serve(struct http_session *s, const char *name, bool *found)
{
	*found = false;
	if (s->ports & HTTP_PORT_FILES) {
		err e = http_try_file(s->sock, s->request, s->conf->http_server.dir, s->cors,
				      found);
		if (e || *found)
			return e;
	}
	return send_page(s, name, found);
}

static err serve_root(struct http_session *s, bool *found)
{
	return serve(s, "", found);
}

static err serve_below(struct http_session *s, bool *found)
{
	return serve(s, s->tail, found);
}

void page_mount(struct http_router *router)
{
	http_router_add(router, &(struct http_route){.pattern = "/",
						     .methods = HTTP_GET,
						     .ports = HTTP_PORT_FILES,
						     .serve = serve_root});
	http_router_add(router, &(struct http_route){.pattern = "/page/*",
						     .methods = HTTP_GET,
						     .ports = HTTP_PORT_FILES | HTTP_PORT_API,
						     .serve = serve_below});
}
