#include "service/hls_serve.h"
#include "base/mem.h"
#include "codec/url.h"
#include "http/range.h"
#include "service/flv_answer.h"
#include "service/hls_visits.h"
#include "session/signed_link.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE = 256 * 1024, PIECE_MS = 15000, EXTRA_MAX = 4096, LIST_MAX = 4 << 20 };

struct hls_serve {
	const struct hls *hls;
	struct hls_visits *visits;
};

struct hls_serve *hls_serve_new(const struct hls *hls)
{
	struct hls_serve *serve = mem_new(struct hls_serve);
	serve->hls = hls;
	serve->visits = hls_visits_new();
	return serve;
}

void hls_serve_free(struct hls_serve **serve)
{
	if (*serve)
		hls_visits_free(&(*serve)->visits);
	free(*serve);
	*serve = NULL;
}

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

/* ---- who may ---- */

/* What is asked for, in no protocol's words. The texts of `target` are to be released. */
static struct request request_of(const struct http_session *s, const struct conf_vhost *vhost,
				 struct target *target, const char *list_path)
{
	const char *page = http_header_get(s->request, "Referer");
	return (struct request){
		.server = s->server,
		.conf = s->conf,
		.vhost = vhost,
		.target = target,
		.peer = sock_peer(s->sock),
		.type = "hls-play",
		.tc_url = "",
		.page_url = page ? page : "",
		.swf_url = "",
		.url = s->request->path,
		.path_asked = list_path,
		.proof = "",
		.http = true,
		.path = "",
		.via = "",
		.redirected = "",
	};
}

/* Borrowed by nobody afterwards: the item may go while a web service is asked. */
static err check(struct http_session *s, const struct conf_vhost *vhost,
		 const struct hls_item *item, struct outcome *outcome)
{
	const struct hls_serve *serve = s->route->arg;
	struct hls_stream_name name = hls_stream_of(item);
	struct target target = {
		.schema = mem_strdup("http"),
		.host = mem_strdup(s->request->host),
		.vhost = mem_strdup(vhost->name),
		.app = mem_strdup(name.app),
		.stream = mem_strdup(name.stream),
		.param = *s->request->query ? mem_printf("?%s", s->request->query) : mem_strdup(""),
	};
	char *list_path = mem_printf("/%s", name.list_path);
	struct request request = request_of(s, vhost, &target, list_path);
	err e = hls_visits_check(serve->visits, &request, item->type == hls_type_list, outcome);
	free(list_path);
	target_fini(&target);
	return e;
}

/* ---- a playlist whose link is signed ---- */

/* The line with the parameters behind each URI: the line itself, or the one in URI="…". */
static void put_line(struct buf *out, struct span line, const char *query)
{
	const char *p = (const char *)line.p;
	const char *uri = line.n && *p == '#' ? memmem(p, line.n, "URI=\"", 5) : NULL;
	const char *end = uri ? memchr(uri + 5, '"', line.n - (size_t)(uri + 5 - p)) : NULL;
	if (end) {
		buf_put(out, p, (size_t)(end - p));
		buf_printf(out, "?%s", query);
		buf_put(out, end, line.n - (size_t)(end - p));
	} else {
		buf_put(out, p, line.n);
		if (line.n && *p != '#')
			buf_printf(out, "?%s", query);
	}
	buf_u8(out, '\n');
}

static struct buf list_with(struct span list, const char *query)
{
	struct buf out = {.max = LIST_MAX};
	while (list.n) {
		const uint8_t *end = memchr(list.p, '\n', list.n);
		size_t n = end ? (size_t)(end - list.p) : list.n;
		put_line(&out, span_of(list.p, n), query);
		n += end != NULL;
		list = span_of(list.p + n, list.n - n);
	}
	return out;
}

static bool hands_on(const struct http_session *s, const struct conf_vhost *vhost, const char *type)
{
	return type == hls_type_list && *s->request->query && !strchr(s->request->query, '"') &&
	       signed_link_applies(&vhost->signed_links, LINK_PLAY);
}

/* ---- the story ---- */

static err send_item(struct http_session *s, const struct conf_vhost *vhost,
		     const struct hls_item *item)
{
	struct buf extra = {.max = EXTRA_MAX}, list = {0};
	struct blob *blob = blob_ref(item->blob); /* the item may go while it is sent */
	const char *type = item->type;
	struct span all = blob_span(blob);
	buf_printf(&extra, "%s%s", cache_lines(item), s->cors);
	if (hands_on(s, vhost, type)) {
		list = list_with(all, s->request->query);
		all = buf_span(&list);
	}
	err e = send_blob(s, type, all, &extra);
	blob_unref(&blob);
	buf_free(&list);
	buf_free(&extra);
	return e;
}

static err serve(struct http_session *s, bool *found)
{
	const struct hls *hls = ((const struct hls_serve *)s->route->arg)->hls;
	const struct conf_vhost *vhost = vhost_of(s);
	const struct hls_item *item = vhost ? hls_find(hls, vhost->name, s->request->path) : NULL;
	*found = item != NULL;
	if (!item)
		return OK;
	if (s->request->method != HTTP_METHOD_GET && s->request->method != HTTP_METHOD_HEAD)
		return http_respond_text(s->sock, s->request, 405, "It can only be read.",
					 "Allow: GET, HEAD\r\n");
	struct outcome *outcome = mem_new(struct outcome);
	err e = check(s, vhost, item, outcome);
	if (outcome->code)
		e = flv_tell(s, vhost, outcome);
	else if (!e && (item = hls_find(hls, vhost->name, s->request->path)))
		e = send_item(s, vhost, item);
	else if (!e)
		*found = false; /* it has gone meanwhile */
	free(outcome);
	return e;
}

void hls_serve_mount(struct http_router *router, struct hls_serve *serve_hls)
{
	http_router_add(router, &(struct http_route){.pattern = "*",
						     .methods = HTTP_ANY,
						     .ports = HTTP_PORT_FILES,
						     .serve = serve,
						     .arg = serve_hls});
}
