#include "service/hls_serve.h"
#include "base/mem.h"
#include "codec/url.h"
#include "http/range.h"

#include <stdlib.h>

enum { PIECE = 256 * 1024, PIECE_MS = 15000, EXTRA_MAX = 4096 };

/* The vhost that the request's host, or its query, names. */
static const struct conf_vhost *vhost_of(const struct http_session *s)
{
	char *base = mem_printf("http://%s", *s->request->host ? s->request->host : "localhost");
	char *name = mem_printf("x?%s", s->request->query);
	struct target t = {0};
	const struct conf_vhost *vhost = NULL;
	if (target_parse(&t, base, name) == OK)
		vhost = conf_vhost_find(s->conf, t.vhost);
	target_fini(&t);
	free(base);
	free(name);
	return vhost;
}

/* In pieces, each with a time of its own: how long a segment takes is the client's business. */
static err send_bytes(struct sock *sock, struct span s)
{
	int64_t outer = sock_deadline(sock);
	err e = OK;
	while (s.n > 0 && e == OK) {
		size_t n = s.n < PIECE ? s.n : PIECE;
		sock_set_deadline(sock, clock_after(PIECE_MS));
		e = sock_send(sock, s.p, n);
		s = span_of(s.p + n, s.n - n);
	}
	sock_set_deadline(sock, outer);
	return e;
}

static err send_part(struct http_session *s, int status, const char *type, struct span part,
		     const char *extra)
{
	struct buf head = {.max = 2 * EXTRA_MAX};
	http_write_head(&head, s->request, status, type, (int64_t)part.n, extra);
	err e = buf_ok(&head) ? sock_send(s->sock, head.p, head.n)
			      : err_fail(ERR_LIMIT, "the head of an HTTP answer is too long");
	buf_free(&head);
	if (e == OK && s->request->method != HTTP_METHOD_HEAD)
		e = send_bytes(s->sock, part);
	return e;
}

/* Names of segments are never used again; a list is another one in a moment. */
static const char *cache_lines(const struct hls_item *item)
{
	if (item->type == hls_type_list)
		return "Cache-Control: no-cache\r\n";
	if (item->type == hls_type_key)
		return "Cache-Control: no-store\r\n";
	return "Cache-Control: public, max-age=3600\r\nAccept-Ranges: bytes\r\n";
}

static err send_blob(struct http_session *s, const char *type, struct span all, struct buf *extra)
{
	const char *range = http_header_get(s->request, "Range");
	int64_t from = 0, to = 0;
	enum http_range kind = HTTP_RANGE_NONE;
	if (range && s->request->method == HTTP_METHOD_GET && type != hls_type_list)
		kind = http_range_parse(range, (int64_t)all.n, &from, &to);
	if (kind == HTTP_RANGE_UNSATISFIABLE) {
		buf_printf(extra, "Content-Range: bytes */%zu\r\n", all.n);
		return http_respond_text(s->sock, s->request, 416, "It is not that long.",
					 buf_text(extra));
	}
	if (kind == HTTP_RANGE_NONE)
		return send_part(s, 200, type, all, buf_text(extra));
	buf_printf(extra, "Content-Range: bytes %lld-%lld/%zu\r\n", (long long)from, (long long)to,
		   all.n);
	return send_part(s, 206, type, span_of(all.p + from, (size_t)(to - from + 1)),
			 buf_text(extra));
}

static err serve(struct http_session *s, bool *found)
{
	const struct hls *hls = s->route->arg;
	const struct conf_vhost *vhost = vhost_of(s);
	const struct hls_item *item = vhost ? hls_find(hls, vhost->name, s->request->path) : NULL;
	*found = item != NULL;
	if (!item)
		return OK;
	if (s->request->method != HTTP_METHOD_GET && s->request->method != HTTP_METHOD_HEAD)
		return http_respond_text(s->sock, s->request, 405, "It can only be read.",
					 "Allow: GET, HEAD\r\n");
	struct buf extra = {.max = EXTRA_MAX};
	struct blob *blob = blob_ref(item->blob); /* the item may go while it is sent */
	buf_printf(&extra, "%s%s", cache_lines(item), s->cors);
	err e = send_blob(s, item->type, blob_span(blob), &extra);
	blob_unref(&blob);
	buf_free(&extra);
	return e;
}

void hls_serve_mount(struct http_router *router, const struct hls *hls)
{
	http_router_add(router, &(struct http_route){.pattern = "*",
						     .methods = HTTP_ANY,
						     .ports = HTTP_PORT_FILES,
						     .serve = serve,
						     .arg = hls});
}
