/* Alive is who answers: one thread serves, so an answer means that it goes round. Ready is who wants new
 * clients. Neither depends on others being there, but for an edge none of whose origins answers. */
#include "service/health.h"
#include "cluster/upstream.h"
#include "codec/media_memory.h"

static bool is_not_draining(const struct server *server)
{
	return server->drain.state == DRAIN_OFF;
}

static bool has_places(const struct server *server)
{
	return server->conf->max_connections <= 0 ||
	       server->places.count < server->conf->max_connections;
}

static bool has_memory(const struct server *server)
{
	(void)server;
	return media_memory_state() != MEDIA_MEMORY_FULL;
}

static bool has_origins(const struct server *server)
{
	return !conf_is_edge(server->conf) || !upstreams_are_down(server->cluster);
}

static const struct {
	const char *name;
	bool (*is_good)(const struct server *server);
} checks[] = {
	{"not draining", is_not_draining},
	{"max_connections", has_places},
	{"max_memory", has_memory},
	{"origins", has_origins},
};

static err respond(struct http_session *s, int status, struct buf *body)
{
	struct buf extra = {.max = 8192};
	buf_printf(&extra, "Cache-Control: no-store\r\n%s%s",
		   status == 503 ? "Retry-After: 1\r\n" : "", s->cors);
	err e = http_respond(s->sock, s->request, status, "text/plain; charset=utf-8",
			     buf_span(body), buf_text(&extra));
	buf_free(&extra);
	return e;
}

static err serve_alive(struct http_session *s, bool *found)
{
	struct buf body = {.max = 16};
	(void)found;
	buf_printf(&body, "ok\n");
	err e = respond(s, 200, &body);
	buf_free(&body);
	return e;
}

static err serve_ready(struct http_session *s, bool *found)
{
	struct buf lines = {.max = 1024}, body = {.max = 2048};
	bool ready = true;
	(void)found;
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		bool good = checks[i].is_good(s->server);
		ready = ready && good;
		buf_printf(&lines, "[%c] %s\n", good ? '+' : '-', checks[i].name);
	}
	buf_printf(&body, "%s%s", ready ? "ok\n" : "not ready\n", buf_text(&lines));
	err e = respond(s, ready ? 200 : 503, &body);
	buf_free(&body);
	buf_free(&lines);
	return e;
}

void health_mount(struct http_router *router)
{
	static const struct {
		const char *path;
		err (*serve)(struct http_session *s, bool *found);
	} rows[] = {{"/healthz", serve_alive}, {"/readyz", serve_ready}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		http_router_add(router, &(struct http_route){
						.pattern = rows[i].path,
						.methods = HTTP_GET,
						.ports = HTTP_PORT_API | HTTP_PORT_FILES |
							 HTTP_PORT_METRICS,
						.flags = HTTP_ROUTE_WHEN_FULL,
						.serve = rows[i].serve,
					});
}
