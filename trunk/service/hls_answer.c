#include "service/hls_answer.h"
#include "base/mem.h"
#include "cluster/upstream_get.h"
#include "http/files.h"
#include "http/range.h"

#include <stdlib.h>
#include <string.h>

enum {
	PIECE = 256 * 1024,
	PIECE_MS = 15000,
	EXTRA_MAX = 4096,
	LIST_MAX = 4 << 20,
};

/* In pieces, each with a time of its own: how long a segment takes is the client's business. The first goes
 * together with the head: a call and a packet less, and hundreds of playlists may be due at once. */
static err send_bytes(struct sock *sock, struct span head, struct span s)
{
	int64_t outer = sock_deadline(sock);
	err e = OK;
	while (head.n + s.n > 0 && e == OK) {
		struct span piece = span_head(s, PIECE);
		struct iovec iov[] = {{(void *)(uintptr_t)head.p, head.n},
				      {(void *)(uintptr_t)piece.p, piece.n}};
		sock_set_deadline(sock, clock_after(PIECE_MS));
		e = sock_sendv(sock, iov, 2);
		head = (struct span){0};
		s = span_rest(s, piece.n);
	}
	sock_set_deadline(sock, outer);
	return e;
}

static err send_part(struct http_session *s, int status, const char *type, struct span part,
		     const char *extra)
{
	struct buf head = {.max = 2 * EXTRA_MAX};
	http_write_head(&head, s->request, status, type, (int64_t)part.n, extra);
	if (s->request->method == HTTP_METHOD_HEAD)
		part = (struct span){0};
	err e = buf_ok(&head) ? send_bytes(s->sock, buf_span(&head), part)
			      : err_fail(ERR_LIMIT, "the head of an HTTP answer is too long");
	buf_free(&head);
	return e;
}

/* Names of segments are never used again; a list is another one in a moment. */
static const char *cache_lines(const char *type)
{
	if (type == hls_type_list)
		return "Cache-Control: no-cache\r\n";
	if (type == hls_type_key)
		return "Cache-Control: no-store\r\n";
	return "Cache-Control: public, max-age=3600\r\nAccept-Ranges: bytes\r\n";
}

static err send_range(struct http_session *s, const char *type, struct span all, struct buf *extra,
		      size_t *sent)
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
	if (kind == HTTP_RANGE_NONE) {
		*sent = all.n;
		return send_part(s, 200, type, all, buf_text(extra));
	}
	buf_printf(extra, "Content-Range: bytes %lld-%lld/%zu\r\n", (long long)from, (long long)to,
		   all.n);
	*sent = (size_t)(to - from + 1);
	return send_part(s, 206, type, span_of(all.p + from, *sent), buf_text(extra));
}

err hls_answer_bytes(struct http_session *s, const char *type, struct span bytes,
		     const char *variant, size_t *sent)
{
	struct buf extra = {.max = EXTRA_MAX};
	*sent = 0;
	buf_puts(&extra, cache_lines(type));
	buf_puts(&extra, s->cors);
	if (variant)
		http_write_header(&extra, HLS_VARIANT_HEADER, variant);
	err e = send_range(s, type, bytes, &extra, sent);
	buf_free(&extra);
	return e;
}

err hls_answer_file(struct http_session *s, const char *type, const char *folder)
{
	struct buf extra = {.max = EXTRA_MAX};
	buf_printf(&extra, "%s%s",
		   type == hls_type_list || type == hls_type_key
			   ? cache_lines(type)
			   : "Cache-Control: public, max-age=3600\r\n",
		   s->cors);
	err e = http_send_file(s->sock, s->request, folder, buf_text(&extra));
	buf_free(&extra);
	return e;
}

/* ---- playlists of one player ---- */

static void put_query(struct buf *out, struct span uri, const char *query)
{
	bool has_one = memchr(uri.p, '?', uri.n) != NULL;
	buf_printf(out, "%s%s", has_one ? "&" : "?", query);
}

/* The line with the parameters behind each URI: the line itself, or the one in URI="…". */
static void put_line(struct buf *out, struct span line, const char *query)
{
	const char *p = (const char *)line.p;
	const char *uri = line.n && *p == '#' ? memmem(p, line.n, "URI=\"", 5) : NULL;
	const char *end = uri ? memchr(uri + 5, '"', line.n - (size_t)(uri + 5 - p)) : NULL;
	if (end) {
		buf_put(out, p, (size_t)(end - p));
		put_query(out, span_of(uri + 5, (size_t)(end - uri - 5)), query);
		buf_put(out, end, line.n - (size_t)(end - p));
	} else {
		buf_put(out, p, line.n);
		if (line.n && *p != '#')
			put_query(out, line, query);
	}
	buf_u8(out, '\n');
}

struct buf hls_list_with(struct span list, const char *query)
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

err hls_answer_master(struct http_session *s, const struct hls_asked *asked, const char *variant)
{
	const char *path = asked->path_asked;
	struct buf text = {.max = LIST_MAX};
	size_t sent;
	buf_printf(&text, "#EXTM3U\n#EXT-X-STREAM-INF:%s\n", variant);
	url_escape(&text, asked->vhost->hls.relative_master ? strrchr(path, '/') + 1 : path);
	buf_printf(&text, "?hls_ctx=%s%s%s\n", asked->session, *asked->param ? "&" : "",
		   *asked->param ? asked->param + 1 : "");
	err e = hls_answer_bytes(s, hls_type_list, buf_span(&text), NULL, &sent);
	buf_free(&text);
	return e;
}
