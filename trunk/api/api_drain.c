/* /api/v1/drain: the graceful end of the server, as SIGQUIT begins it. */
#include "api/api_route.h"
#include "base/log.h"
#include <utlist.h>

enum { TIMEOUT_MAX_S = 7 * 24 * 3600 };

static void put_left(json_t *data, const struct server *server)
{
	int publishers = 0, players = 0;
	const struct client *c;
	DL_FOREACH (server->stat.clients, c) {
		publishers += c->publish;
		players += !c->publish;
	}
	json_put_int(data, "publishers", publishers);
	json_put_int(data, "players", players);
}

/* The other processes of an upgrade in place, where there are any. */
static void put_generation(json_t *data, const char *name, const struct generation *g)
{
	if (g->state == GENERATION_NONE || !g->pid)
		return;
	json_t *object = json_put_object(data, name);
	json_put_int(object, "pid", g->pid);
	json_put_text(object, "rtmp", g->rtmp);
	json_put_text(object, "api", g->api);
}

static void put_state(struct api_call *call)
{
	const struct drain *d = &call->server->drain;
	json_t *data = json_put_object(call->answer, "data");
	bool on = d->state != DRAIN_OFF;
	json_put_text(data, "state", drain_name(d->state));
	json_put_int(data, "since", on ? d->since_wall_ms : 0);
	json_put_int(data, "left_ms",
		     on && d->deadline_ms < CLOCK_NEVER ? d->deadline_ms - clock_ms() : 0);
	json_put_int(data, "asked_to_reconnect", d->asked);
	put_left(data, call->server);
	put_generation(data, "former", &call->server->former);
	put_generation(data, "next", &call->server->next);
}

static void wish(struct api_call *call, enum drain_wish wish)
{
	struct drain *d = &call->server->drain;
	int timeout = api_query_int(call, "timeout", -1, -1, TIMEOUT_MAX_S);
	d->wish = wish;
	d->wished_limit_ms = timeout < 0 ? -1 : (int64_t)timeout * 1000;
	if (call->server->on_drain)
		call->server->on_drain(call->server);
}

enum api_code api_drain(struct api_call *call)
{
	if (call->method == HTTP_METHOD_POST)
		wish(call, DRAIN_BEGIN);
	else if (call->method == HTTP_METHOD_DELETE)
		wish(call, DRAIN_CANCEL);
	put_state(call);
	return API_OK;
}
