/* GB28181: devices and channels, streams that other programs announce. */
#include "api/api_list.h"
#include "api/api_route.h"
#include "service/gb_call.h"
#include "service/gb_external.h"
#include "service/gb_totals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* ---- devices ---- */

static void put_call(json_t *object, const struct gb_hub *h, const char *channel)
{
	const struct gb_call *c = gb_call_find(h, channel);
	if (!c) {
		json_put_text(object, "call", "none");
		return;
	}
	json_put_text(object, "call", gb_call_state_text(c->state));
	json_put_text(object, "stream", c->name);
	json_put_bool(object, "on_demand", c->on_demand);
	if (*c->why && c->state == GB_CALL_PAUSING)
		json_put_text(object, "why", c->why);
}

static json_t *channel_object(const struct gb_hub *h, const struct gb_channel *c)
{
	json_t *object = json_object();
	json_put_text(object, "id", c->id);
	json_put_text(object, "name", c->name);
	json_put_text(object, "manufacturer", c->maker);
	json_put_text(object, "model", c->model);
	json_put_text(object, "parent", c->parent);
	json_put_bool(object, "on", c->is_on);
	put_call(object, h, c->id);
	return object;
}

static json_t *device_object(const struct gb_hub *h, const struct gb_device *d)
{
	json_t *object = json_object(), *channels = json_array();
	char peer[ADDR_TEXT_MAX] = "";
	json_put_text(object, "id", d->id);
	json_put_text(object, "caster", h->name);
	json_put_bool(object, "online", d->is_online);
	if (!d->is_online && d->left_why)
		json_put_text(object, "why", d->left_why);
	json_put_int(object, "since_ms", d->since_wall_ms);
	json_put_int(object, "heard_ms_ago", clock_ms() - d->heard_ms);
	if (d->flow) {
		addr_text(peer, sip_flow_peer(d->flow));
		json_put_text(object, "transport", sip_transport_name(sip_flow_transport(d->flow)));
		json_put_bool(object, "reachable", sip_flow_is_open(d->flow));
	}
	json_put_text(object, "address", peer);
	json_put_text(object, "user_agent", d->agent);
	put_call(object, h, d->id);
	for (size_t i = 0; i < d->channel_count; i++)
		json_array_append_new(channels, channel_object(h, d->channels[i]));
	json_object_set_new(object, "channels", channels);
	return object;
}

static struct gb_device *device_at(const struct gb_hub *h, const char *id)
{
	return h->endpoint ? gb_device_find(&h->registrar.devices, id) : NULL;
}

/* One that has registered at several casters is that of each: the list has "caster/id". */
static json_t *next_device(struct api_list *list, struct api_call *call)
{
	const char *name;
	while ((name = api_list_next_name(list))) {
		char caster[CASTER_NAME_MAX];
		const char *id = strrchr(name, '/') + 1;
		snprintf(caster, sizeof(caster), "%.*s", (int)(id - name - 1), name);
		const struct gb_hub *h = gb_hub_named(call->server, caster);
		const struct gb_device *d = h ? device_at(h, id) : NULL;
		if (d)
			return device_object(h, d);
	}
	return NULL;
}

static void open_devices(struct api_list *list, struct api_call *call)
{
	const struct gb_hub *h;
	DL_FOREACH (call->server->gb, h) {
		if (!h->endpoint)
			continue;
		for (struct map_iter it = map_begin(h->registrar.devices.by_id); map_next(&it);) {
			char name[CASTER_NAME_MAX + GB_ID + 2];
			snprintf(name, sizeof(name), "%s/%s", h->name, it.key);
			api_list_add_name(list, name, true);
		}
	}
}

static void put_totals(json_t *object, const struct gb_totals *t)
{
	json_put_int(object, "devices", t->devices);
	json_put_int(object, "online", t->online);
	json_put_int(object, "channels", t->channels);
	json_put_int(object, "calls", t->calls);
	json_put_int(object, "streams", t->streams);
	json_put_int(object, "invited", t->invited);
	json_put_int(object, "refused", t->refused);
	json_put_int(object, "unanswered", t->unanswered);
	json_put_int(object, "unknown_media", t->unknown_media);
}

static json_t *caster_object(const struct gb_hub *h)
{
	struct gb_totals totals = {0};
	json_t *object = json_object();
	gb_totals_add(&totals, h);
	json_put_text(object, "name", h->name);
	json_put_bool(object, "enabled", gb_hub_is_on(h));
	json_put_int(object, "media_port", gb_hub_media_port(h));
	put_totals(object, &totals);
	return object;
}

/* The first one that is on; NULL. */
static struct gb_hub *first_on(const struct server *server)
{
	struct gb_hub *h;
	DL_FOREACH (server->gb, h)
		if (gb_hub_is_on(h))
			break;
	return h;
}

static void put_all(json_t *object, const struct server *server, const struct gb_totals *t)
{
	const struct gb_hub *first = first_on(server), *h;
	json_t *casters = json_array();
	json_put_bool(object, "enabled", first != NULL);
	json_put_int(object, "media_port", first ? gb_hub_media_port(first) : 0);
	put_totals(object, t);
	DL_FOREACH (server->gb, h)
		json_array_append_new(casters, caster_object(h));
	json_object_set_new(object, "casters", casters);
}

static void put_sip(json_t *object, const struct gb_totals *t)
{
	const struct sip_counts *c = &t->sip;
	const struct gb_registrar_counts *r = &t->registrar;
	json_put_int(object, "requests", c->requests);
	json_put_int(object, "responses", c->responses);
	json_put_int(object, "malformed", c->malformed);
	json_put_int(object, "repeated", c->repeated);
	json_put_int(object, "dropped", c->dropped);
	json_put_int(object, "timeouts", c->timeouts);
	json_put_int(object, "connections", c->connections);
	json_put_int(object, "strangers", c->strangers);
	json_put_int(object, "refused_connections", c->refused);
	json_put_int(object, "registrations", r->registrations);
	json_put_int(object, "refused_registrations", r->refused);
	json_put_int(object, "keepalives", r->keepalives);
	json_put_int(object, "unknown_requests", r->unknown);
}

static enum api_code one_device(struct api_call *call)
{
	const struct gb_hub *h;
	DL_FOREACH (call->server->gb, h) {
		const struct gb_device *d = device_at(h, call->tail);
		if (!d)
			continue;
		json_object_set_new(call->answer, "device", device_object(h, d));
		return API_OK;
	}
	return API_NO_STREAM;
}

enum api_code api_gb_devices(struct api_call *call)
{
	if (*call->tail)
		return one_device(call);
	struct gb_totals totals = gb_totals_of(call->server);
	put_all(json_put_object(call->answer, "gb28181"), call->server, &totals);
	if (totals.has_sip)
		put_sip(json_put_object(call->answer, "sip"), &totals);
	api_list_begin(call, &(struct api_list){.name = "devices",
						.next = next_device,
						.open = open_devices,
						.close = api_list_close_names});
	return API_OK;
}

/* ---- streams that others announce ---- */

static json_t *read_body(const struct api_call *call)
{
	struct span body = buf_span(&call->request->body);
	return body.n ? json_loadb((const char *)body.p, body.n, 0, NULL) : NULL;
}

static bool read_ssrc(uint32_t *out, const char *text)
{
	char *end;
	unsigned long long value = strtoull(text, &end, 10);
	*out = (uint32_t)value;
	return *text >= '0' && *text <= '9' && !*end && value > 0 && value <= UINT32_MAX;
}

static enum api_code announce(struct api_call *call, const char *caster, const char *id,
			      const char *ssrc_text)
{
	struct gb_hub *h = caster ? gb_hub_named(call->server, caster) : first_on(call->server);
	uint32_t ssrc;
	if (!id || !ssrc_text || !read_ssrc(&ssrc, ssrc_text))
		return API_BAD_BODY;
	if (!h || !gb_hub_is_on(h))
		return API_BUSY_STREAM;
	err e = gb_external_open(h, id, ssrc);
	if (e)
		return e == ERR_PROTOCOL ? API_BAD_BODY : API_BUSY_STREAM;
	json_put_int(call->answer, "port", gb_hub_media_port(h));
	json_put_bool(call->answer, "is_tcp", h->caster->media != CASTER_UDP);
	return API_OK;
}

static enum api_code end_announced(struct api_call *call)
{
	struct gb_hub *h;
	char *id = api_query(call, "id");
	bool was = false;
	DL_FOREACH (call->server->gb, h)
		was = was || gb_external_close(h, id);
	free(id);
	return was ? API_OK : API_NO_STREAM;
}

static const char *text_of(const json_t *body, const char *name)
{
	return json_string_value(json_object_get(body, name));
}

enum api_code api_gb_publish(struct api_call *call)
{
	if (call->method == HTTP_METHOD_DELETE)
		return end_announced(call);
	json_t *body = read_body(call);
	enum api_code code =
		announce(call, text_of(body, "caster"), text_of(body, "id"), text_of(body, "ssrc"));
	json_decref(body);
	return code;
}
