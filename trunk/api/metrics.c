#include "api/metrics.h"
#include "api/access.h"
#include "service/http_session.h"

#include <stdio.h>

enum {
	TEXT_MAX = 64 << 20,
	EXPORTER_OFF = 1090, /* as SRS says it */
	TURN_STEP_MS = 5,
	SLICE = 200,
};

static err refuse(struct http_session *s)
{
	char text[32];
	snprintf(text, sizeof(text), "{\"code\":%d}", EXPORTER_OFF);
	return http_respond(s->sock, s->request, 200, "application/json", span_str(text), s->cors);
}

void metrics_slice(size_t i)
{
	if (i % SLICE == SLICE - 1)
		co_yield ();
}

void metrics_put_all(struct buf *out, struct server *server, int most)
{
	struct metrics_roles roles;
	metrics_count_clients(&roles, server);
	metrics_put_server(out, server);
	co_yield ();
	metrics_put_activity(out, server, &roles);
	co_yield ();
	metrics_put_rtc(out, server);
	metrics_put_srt(out, server);
	co_yield ();
	metrics_put_gb(out, server);
	co_yield ();
	metrics_put_streams(out, server, most);
}

/* One scrape at a time: what is too many streams is counted up from one to the next. */
static err serve(struct http_session *s, bool *found)
{
	static bool busy;
	struct buf out = {.max = TEXT_MAX};
	(void)found;
	if (!s->conf->exporter.enabled)
		return refuse(s);
	while (busy)
		TRY(co_sleep(TURN_STEP_MS));
	busy = true;
	metrics_put_all(&out, s->server, s->conf->exporter.streams);
	busy = false;
	err e = http_respond(s->sock, s->request, buf_ok(&out) ? 200 : 503,
			     "text/plain; version=0.0.4; charset=utf-8", buf_span(&out), s->cors);
	buf_free(&out);
	return e;
}

/* On the port of the API whoever may read that; on a port of its own anybody, as with SRS. */
void metrics_mount(struct http_router *router)
{
	static const struct {
		unsigned port;
		err (*guard)(struct http_session *s, bool *refused);
	} rows[] = {{HTTP_PORT_API, access_check}, {HTTP_PORT_METRICS, NULL}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		http_router_add(router, &(struct http_route){.pattern = "/metrics",
							     .methods = HTTP_GET,
							     .ports = rows[i].port,
							     .flags = HTTP_ROUTE_WHEN_FULL,
							     .guard = rows[i].guard,
							     .serve = serve});
}
