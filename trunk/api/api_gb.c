/* GB28181: devices and channels, streams that other programs announce. */
#include "api/api_list.h"
#include "api/api_route.h"
#include "service/gb_call.h"
#include "service/gb_external.h"
#include "service/gb_hub.h"

#include <stdlib.h>
#include <string.h>

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

static json_t *next_device(struct api_list *list, struct api_call *call)
{
	const struct gb_devices *devices = gb_hub_devices(call->server->gb);
	const char *id;
	while ((id = api_list_next_name(list))) {
		const struct gb_device *d = devices ? gb_device_find(devices, id) : NULL;
		if (d)
			return device_object(call->server->gb, d);
	}
	return NULL;
}

static void open_devices(struct api_list *list, struct api_call *call)
{
	const struct gb_devices *devices = gb_hub_devices(call->server->gb);
	if (!devices)
		return;
	for (struct map_iter it = map_begin(devices->by_id); map_next(&it);)
		api_list_add_name(list, it.key, true);
}

static void put_hub(json_t *object, struct gb_hub *h)
{
	const struct gb_devices *devices = gb_hub_devices(h);
	int64_t online = 0;
	json_put_bool(object, "enabled", h->server->conf->caster.enabled);
	json_put_int(object, "media_port", gb_hub_media_port(h));
	if (devices)
		for (struct map_iter it = map_begin(devices->by_id); map_next(&it);)
			online += ((const struct gb_device *)it.value)->is_online;
	json_put_int(object, "devices", devices ? (int64_t)map_count(devices->by_id) : 0);
	json_put_int(object, "online", online);
	json_put_int(object, "channels", devices ? (int64_t)devices->channel_count : 0);
	json_put_int(object, "calls", h->call_count);
	json_put_int(object, "streams", h->stream_count);
	json_put_int(object, "invited", h->invited);
	json_put_int(object, "refused", h->refused);
	json_put_int(object, "unanswered", h->unanswered);
	json_put_int(object, "unknown_media", h->unknown_media);
}

static void put_sip(json_t *object, const struct gb_hub *h)
{
	const struct sip_counts *c = sip_endpoint_counts(h->endpoint);
	const struct gb_registrar_counts *r = &h->registrar.counts;
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

enum api_code api_gb_devices(struct api_call *call)
{
	struct gb_hub *h = call->server->gb;
	const struct gb_devices *devices = gb_hub_devices(h);
	if (*call->tail) {
		const struct gb_device *d = devices ? gb_device_find(devices, call->tail) : NULL;
		if (!d)
			return API_NO_STREAM;
		json_object_set_new(call->answer, "device", device_object(h, d));
		return API_OK;
	}
	put_hub(json_put_object(call->answer, "gb28181"), h);
	if (h->endpoint)
		put_sip(json_put_object(call->answer, "sip"), h);
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

static enum api_code announce(struct api_call *call, const char *id, const char *ssrc_text)
{
	struct gb_hub *h = call->server->gb;
	uint32_t ssrc;
	if (!id || !ssrc_text || !read_ssrc(&ssrc, ssrc_text))
		return API_BAD_BODY;
	if (!call->conf->caster.enabled)
		return API_BUSY_STREAM;
	err e = gb_external_open(h, id, ssrc);
	if (e)
		return e == ERR_PROTOCOL ? API_BAD_BODY : API_BUSY_STREAM;
	json_put_int(call->answer, "port", gb_hub_media_port(h));
	json_put_bool(call->answer, "is_tcp", call->conf->caster.media != CASTER_UDP);
	return API_OK;
}

enum api_code api_gb_publish(struct api_call *call)
{
	if (call->method == HTTP_METHOD_DELETE) {
		char *id = api_query(call, "id");
		bool was = gb_external_close(call->server->gb, id);
		free(id);
		return was ? API_OK : API_NO_STREAM;
	}
	json_t *body = read_body(call);
	enum api_code code = announce(call, json_string_value(json_object_get(body, "id")),
				      json_string_value(json_object_get(body, "ssrc")));
	json_decref(body);
	return code;
}
