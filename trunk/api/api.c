/* The table of what the API has, and what all its answers have in common. */
#include "api/api.h"
#include "api/access.h"
#include "api/api_list.h"
#include "api/api_proc.h"
#include "api/api_route.h"
#include "base/budget.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	UNSENT_MAX = 64 << 20, /* of all long answers that were not taken yet */
	SHORT_BYTES = 16 << 10,
};

/* ---- what there is ---- */

static const struct api_route routes[];

/* "name": "help" of the routes below a path. */
static void put_links(json_t *urls, const char *below)
{
	for (const struct api_route *r = routes; r->path; r++) {
		size_t n = strlen(below);
		if (!r->help || strncmp(r->path, below, n) != 0)
			continue;
		const char *name = r->path + n, *slash = strchr(name, '/');
		if (slash && strcmp(slash, "/<id>") != 0)
			continue;
		char *key = mem_strndup(name, slash ? (size_t)(slash - name) : strlen(name));
		json_put_text(urls, key, r->help);
		free(key);
	}
}

static enum api_code root(struct api_call *call)
{
	json_put_text(json_put_object(call->answer, "urls"), "api", "the api root");
	return API_OK;
}

static enum api_code versions_of_api(struct api_call *call)
{
	json_put_text(json_put_object(call->answer, "urls"), "v1", "the api version 1.0");
	return API_OK;
}

static enum api_code index_of_v1(struct api_call *call)
{
	put_links(json_put_object(call->answer, "urls"), "/api/v1/");
	put_links(json_put_object(call->answer, "tests"), "/api/v1/tests/");
	return API_OK;
}

/* The row exists for the sake of the guard: below /api/, what is unknown is told to nobody else. */
static err serve_unknown(struct http_session *s, bool *found)
{
	*found = false;
	if (s->ports & HTTP_PORT_FILES)
		return OK;
	*found = true;
	return http_respond_text(s->sock, s->request, 404, "There is nothing at this path.",
				 s->cors);
}

static err serve_redirect(struct http_session *s, bool *found)
{
	(void)found;
	return http_respond(s->sock, s->request, 301, NULL, span_str(""),
			    "Location: /api/v1/tests/errors\r\n");
}

/* ---- routes ---- */

static const struct api_route routes[] = {
	{"/", HTTP_ANY, root, NULL, ROUTE_OPEN},
	{"/api", HTTP_ANY, versions_of_api, NULL, 0},
	{"/api/v1", HTTP_ANY, index_of_v1, NULL, 0},
	{"/api/v1/versions", HTTP_ANY, api_versions, "the version of this server", ROUTE_PUBLIC},
	{"/api/v1/page", HTTP_GET, api_page, "what the page in the program shows",
	 ROUTE_PUBLIC | ROUTE_OPEN},
	{"/api/v1/summaries", HTTP_ANY, api_summaries,
	 "the server: pid, memory, CPU, connections, cluster", 0},
	{"/api/v1/rusages", HTTP_ANY, api_rusages, "resources used, as getrusage(2) has them", 0},
	{"/api/v1/self_proc_stats", HTTP_ANY, api_self_proc_stats, "the process: /proc/self/stat",
	 0},
	{"/api/v1/system_proc_stats", HTTP_ANY, api_system_proc_stats, "the processors: /proc/stat",
	 0},
	{"/api/v1/meminfos", HTTP_ANY, api_meminfos, "the memory: /proc/meminfo", 0},
	{"/api/v1/authors", HTTP_ANY, api_authors, "license and contributors", 0},
	{"/api/v1/features", HTTP_ANY, api_features, "what was built in", 0},
	{"/api/v1/rtc", HTTP_GET, api_rtc,
	 "WebRTC: ports, sessions, and those that have just ended, with the reason; "
	 "?start=0&count=10",
	 0},
	{"/api/v1/srt", HTTP_GET, api_srt,
	 "SRT: ports, sessions, and what their lines are like; ?start=0&count=10", 0},
	{"/api/v1/gb/devices/<id>", HTTP_GET, api_gb_devices,
	 "GB28181: devices that have registered, their channels and calls, or one: "
	 "gb/devices/<id>; ?start=0&count=10",
	 0},
	{"/api/v1/certificates", HTTP_GET, api_certificates,
	 "certificates in use for TLS, until when, and handshakes", 0},
	{"/api/v1/requests", HTTP_ANY, api_requests, "this request, as it was understood", 0},
	{"/api/v1/vhosts/<id>", HTTP_GET, api_vhosts,
	 "vhosts that had a client, or one: vhosts/<id>", 0},
	{"/api/v1/streams/<id>", HTTP_GET, api_streams,
	 "streams, or one: streams/<id>; ?start=0&count=10", 0},
	{"/api/v1/clients/<id>", HTTP_GET | HTTP_DELETE, api_clients,
	 "clients, or one: clients/<id>; ?start=0&count=10; DELETE clients/<id> disconnects it",
	 ROUTE_KICKS},
	{"/api/v1/recordings", HTTP_GET | HTTP_POST | HTTP_DELETE, api_recordings,
	 "what is being recorded, and files: ?vhost=&start=0&count=100; POST and DELETE with "
	 "?vhost=&app=&stream= begin and end a recording",
	 ROUTE_ACTS},
	{"/api/v1/drain", HTTP_GET | HTTP_POST | HTTP_DELETE, api_drain,
	 "POST: nobody new is let in, and the server ends when all have left, or ?timeout= seconds "
	 "later; DELETE: it goes on",
	 ROUTE_ACTS},
	{"/api/v1/children", HTTP_GET, api_children,
	 "programs that run beside the server (ingest, exec, transcode), and streams that it "
	 "fetches",
	 0},
	{"/api/v1/raw", HTTP_ANY, api_raw, "?rpc=raw, ?rpc=reload, ?rpc=reload-fetch", 0},
	{"/api/v1/clusters", HTTP_ANY, api_clusters,
	 "where a stream is: ?vhost=&app=&stream=&ip=&coworker=", ROUTE_BARE | ROUTE_SIGNED},
	{"/api/v1/clusters/streams", HTTP_GET, api_cluster_streams,
	 "streams of the whole cluster as trees of servers: ?vhost=&app=&stream=; left_out says "
	 "how many more there are, and in a tree how many servers",
	 ROUTE_SIGNED},
	{"/api/v1/clusters/nodes", HTTP_GET, api_cluster_nodes,
	 "the servers around this one, and how fast they answer", ROUTE_SIGNED},
	{"/api/v1/clusters/clients/<id>", HTTP_DELETE, api_cluster_clients,
	 "DELETE clusters/clients/<id> disconnects a client of any server",
	 ROUTE_SIGNED | ROUTE_KICKS},
	{"/gb/v1/publish", HTTP_POST | HTTP_DELETE, api_gb_publish, NULL, ROUTE_BARE | ROUTE_ACTS},
	{"/api/v1/tests/requests", HTTP_ANY, api_requests, "this request, as it was understood", 0},
	{"/api/v1/tests/errors", HTTP_ANY, api_errors, "always code 100", 0},
	{0},
};

/* ---- answering ---- */

static void put_common(struct api_call *call)
{
	const struct server *server = call->server;
	char *pid = mem_printf("%d", (int)getpid());
	json_put_text(call->answer, "server", server->server_id);
	json_put_text(call->answer, "service", server->service_id);
	json_put_text(call->answer, "pid", pid);
	free(pid);
}

/* The object that answers the call. A code other than 0 stands alone. */
static void fill(struct api_call *call, const struct api_route *route)
{
	json_put_int(call->answer, "code", 0);
	if (!(route->flags & ROUTE_BARE))
		put_common(call);
	enum api_code code = route->fn(call);
	if (code == API_OK)
		return;
	json_object_clear(call->answer);
	json_put_int(call->answer, "code", code);
}

static bool is_callback(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-";
	return strspn(name, letters) == strlen(name);
}

/* JSONP: a script that calls the page's function. A browser runs it with the reader's password and for
 * any site, so it is read-only, and only where there is no password. */
static char *read_callback(const struct api_call *call)
{
	const struct conf_http_api *api = &call->conf->http_api;
	bool may = api->jsonp && !api->auth.enabled && call->method == HTTP_METHOD_GET;
	return may ? api_query(call, "callback") : mem_strdup("");
}

static bool write_body(struct buf *body, struct api_call *call, const char *callback)
{
	if (*callback)
		buf_printf(body, "%s(", callback);
	bool good = call->list ? api_list_write(body, call) : json_write_long(body, call->answer);
	if (*callback)
		buf_printf(body, ")");
	return good && buf_ok(body);
}

/* Long answers that lie unread must not keep the queries of coworkers from being answered. Those are
 * short: how many of those there can be, the number of connections says. */
static bool may_wait(struct quota *unsent, size_t n)
{
	return n <= SHORT_BYTES || quota_take(unsent, n);
}

/* The answer waits for its reader as a text, which is much smaller than the values it is made of. */
static err send_answer(struct http_session *s, struct api_call *call, const char *callback)
{
	static struct budget unsent = {.max = UNSENT_MAX};
	struct quota quota = {.from = &unsent};
	struct buf body = {.max = UNSENT_MAX};
	const char *type = *callback ? "text/javascript" : "application/json";
	bool good = write_body(&body, call, callback) && may_wait(&quota, body.n);
	/* Others wait for the room of an answer that has taken some; that is given back at once. */
	if (call->quota.taken)
		json_decref(call->answer);
	else
		json_free_long(call->answer);
	quota_empty(&call->quota);
	if (!good) {
		buf_free(&body);
		buf_printf(&body, "{\"code\":%d}", API_BUSY);
		type = "application/json";
	}
	err e = http_respond(s->sock, s->request, 200, type, buf_span(&body), s->cors);
	buf_free(&body);
	quota_empty(&quota);
	return e;
}

static err serve(struct http_session *s, bool *found)
{
	const struct api_route *route = s->route->arg;
	struct api_call call = {
		.server = s->server,
		.conf = s->conf,
		.request = s->request,
		.peer = sock_peer(s->sock),
		.ports = s->ports,
		.method = s->request->method,
		.tail = s->tail,
	};
	(void)found;
	char *callback = read_callback(&call);
	bool bad = !is_callback(callback);
	call.answer = json_object();
	if (bad)
		json_put_int(call.answer, "code", API_BAD_CALLBACK);
	else
		fill(&call, route);
	access_audit(s, json_integer_value(json_object_get(call.answer, "code")));
	err e = send_answer(s, &call, bad ? "" : callback);
	free(call.list);
	free(callback);
	return e;
}

void api_mount(struct http_router *router)
{
	proc_begin();
	for (const struct api_route *r = routes; r->path; r++)
		http_router_add(router,
				&(struct http_route){
					.pattern = r->path,
					.methods = r->methods,
					.ports = HTTP_PORT_API |
						 (r->flags & ROUTE_PUBLIC ? HTTP_PORT_FILES : 0),
					.flags = HTTP_ROUTE_WHEN_FULL,
					.guard = r->flags & ROUTE_OPEN ? NULL : access_check,
					.serve = serve,
					.arg = r,
				});
	http_router_add(router, &(struct http_route){.pattern = "/api/v1/tests/redirects",
						     .methods = HTTP_ANY,
						     .ports = HTTP_PORT_API,
						     .flags = HTTP_ROUTE_WHEN_FULL,
						     .guard = access_check,
						     .serve = serve_redirect});
	http_router_add(router, &(struct http_route){.pattern = "/api/*",
						     .methods = HTTP_ANY,
						     .ports = HTTP_PORT_API | HTTP_PORT_FILES,
						     .flags = HTTP_ROUTE_WHEN_FULL,
						     .guard = access_check,
						     .serve = serve_unknown});
}
