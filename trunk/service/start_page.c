/* A page without scripts: the addresses of this server as a reader can use them, and who is live. What
 * it lists is what the API tells anybody; where the API is off or asks for a password, nothing is. */
#include "service/start_page.h"
#include "codec/url.h"
#include "http/files.h"

#include <string.h>

enum { PAGE_MAX = 256 * 1024, STREAMS_MAX = 100 };

static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n"
	"<title>Live streaming server</title>\n"
	"<style>body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;"
	"padding:0 1rem}code{background:#eee;padding:.1em .3em}table{border-collapse:collapse}"
	"td{padding:.2rem 1rem .2rem 0}</style>\n"
	"<h1>Live streaming server</h1>\n";

/* The hash is that of the style above. */
const char start_page_headers[] =
	"Content-Security-Policy: default-src 'none'; "
	"style-src 'sha256-Jw0ygWnfpnIz37FXQImIEs7MXGqT4RDir6c7oAH23cM='; "
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
	"X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
	"Cache-Control: no-store\r\n";

static void put_text(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("<>&\"'", *text))
			buf_printf(out, "&#%d;", *text);
		else
			buf_u8(out, (uint8_t)*text);
	}
}

/* The host as the reader's browser has it, without its port. */
static void put_host(struct buf *out, const char *host)
{
	struct hostport hp;
	bool named = *host && hostport_parse(&hp, host, 0) == OK;
	const char *name = named ? hp.host : "127.0.0.1";
	bool v6 = strchr(name, ':');
	buf_printf(out, "%s", v6 ? "[" : "");
	put_text(out, name);
	buf_printf(out, "%s", v6 ? "]" : "");
}

static void put_base(struct buf *out, const struct server *server, const char *host)
{
	buf_printf(out, "rtmp://");
	put_host(out, host);
	if (server_rtmp_port(server) != PORT_RTMP)
		buf_printf(out, ":%d", server_rtmp_port(server));
}

static const struct conf_vhost *remuxed(const struct conf *conf)
{
	const struct conf_vhost *vhost = conf_vhost_find(conf, DEFAULT_VHOST);
	return vhost && vhost->enabled && vhost->http_remux.enabled ? vhost : NULL;
}

static void put_how(struct buf *out, const struct server *server, const struct conf *conf,
		    const char *host)
{
	buf_printf(out, "<h2>Publish</h2>\n<p>In OBS: service <i>Custom</i>, server <code>");
	put_base(out, server, host);
	buf_printf(out, "/live</code>, stream key <code>livestream</code>. With ffmpeg:</p>\n"
			"<p><code>ffmpeg -re -i FILE -c copy -f flv ");
	put_base(out, server, host);
	buf_printf(out, "/live/livestream</code></p>\n<h2>Play</h2>\n<p><code>ffplay ");
	put_base(out, server, host);
	buf_printf(out, "/live/livestream</code></p>\n");
	if (!remuxed(conf))
		return;
	buf_printf(out, "<p><code>ffplay http://");
	put_text(out, *host ? host : "127.0.0.1");
	buf_printf(out, "/live/livestream.flv</code></p>\n");
}

static void put_path(struct buf *out, const struct source *source)
{
	struct buf path = {.max = 4 * URL_MAX};
	buf_u8(&path, '/');
	url_escape(&path, source->app);
	buf_u8(&path, '/');
	url_escape(&path, source->stream);
	put_text(out, buf_text(&path));
	buf_free(&path);
}

static void put_stream(struct buf *out, const struct server *server, const struct conf *conf,
		       const char *host, const struct source *source)
{
	buf_printf(out, "<tr><td>");
	put_text(out, source->app);
	buf_u8(out, '/');
	put_text(out, source->stream);
	buf_printf(out, "<td><a href=\"");
	put_base(out, server, host);
	put_path(out, source);
	buf_printf(out, "\">RTMP</a>");
	if (remuxed(conf)) {
		buf_printf(out, "<td><a href=\"");
		put_path(out, source);
		buf_printf(out, ".flv\">HTTP-FLV</a>");
	}
	buf_printf(out, "\n");
}

static bool is_listed(const struct source *source)
{
	return source_is_live(source) && strcmp(source->vhost, DEFAULT_VHOST) == 0;
}

static void put_streams(struct buf *out, struct server *server, const struct conf *conf,
			const char *host)
{
	int n = 0;
	if (!conf->http_api.enabled || conf->http_api.auth.enabled)
		return;
	buf_printf(out, "<h2>Streams</h2>\n<table>\n");
	for (struct map_iter it = map_begin(server->registry.sources); map_next(&it);)
		if (is_listed(it.value) && n++ < STREAMS_MAX)
			put_stream(out, server, conf, host, it.value);
	buf_printf(out, "</table>\n");
	if (n == 0)
		buf_printf(out, "<p>Nobody publishes.</p>\n");
	else if (n > STREAMS_MAX)
		buf_printf(out, "<p>And %d more.</p>\n", n - STREAMS_MAX);
}

void start_page_write(struct buf *out, struct server *server, const struct conf *conf,
		      const char *host)
{
	buf_printf(out, "%s", head);
	put_how(out, server, conf, host);
	put_streams(out, server, conf, host);
	buf_printf(out, "<p><small>A page of your own goes into <code>");
	put_text(out, conf->http_server.dir);
	buf_printf(out, "/index.html</code>.</small></p>\n</html>\n");
}

static err serve(struct http_session *s, bool *found)
{
	struct buf page = {.max = PAGE_MAX}, extra = {.max = 4096};
	err e = http_try_file(s->sock, s->request, s->conf->http_server.dir, s->cors, found);
	if (*found)
		return e;
	*found = true;
	start_page_write(&page, s->server, s->conf, s->request->host);
	buf_printf(&extra, "%s%s", start_page_headers, s->cors);
	e = http_respond(s->sock, s->request, 200, "text/html; charset=utf-8", buf_span(&page),
			 buf_text(&extra));
	buf_free(&page);
	buf_free(&extra);
	return e;
}

void start_page_mount(struct http_router *router)
{
	http_router_add(router, &(struct http_route){.pattern = "/",
						     .methods = HTTP_GET,
						     .ports = HTTP_PORT_FILES,
						     .serve = serve});
}
