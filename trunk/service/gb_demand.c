#include "service/gb_demand.h"
#include "service/gb_call.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

/* Whether the output makes this stream of a device of that id. */
static bool is_output(const struct gb_hub *h, const struct conf_vhost *vhost, const char *app,
		      const char *stream)
{
	struct own_publish p;
	if (!gb_is_id(span_str(stream)))
		return false;
	bool is = gb_publish_init(&p, h, stream, NULL) == OK &&
		  strcmp(p.request.vhost->name, vhost->name) == 0 && strcmp(p.to.app, app) == 0;
	own_publish_fini(&p);
	return is;
}

/* The device of this caster that can be called for it now. */
static struct gb_device *find_device(struct gb_hub *h, const struct conf_vhost *vhost,
				     const char *app, const char *stream, const char **channel)
{
	struct gb_devices *devices = gb_hub_devices(h);
	if (!devices || h->is_ending || !gb_hub_is_on(h) || h->caster->sip.invite == CASTER_NEVER ||
	    h->server->drain.state != DRAIN_OFF || !is_output(h, vhost, app, stream))
		return NULL;
	struct gb_device *d = gb_devices_route(devices, stream, channel);
	return d && d->is_online && d->flow && sip_flow_is_open(d->flow) ? d : NULL;
}

static bool can(void *ctx, const struct conf_vhost *vhost, const char *app, const char *stream,
		int64_t *since_wall_ms)
{
	const struct server *server = ctx;
	struct gb_hub *h;
	const char *channel;
	DL_FOREACH (server->gb, h) {
		const struct gb_device *d = find_device(h, vhost, app, stream, &channel);
		if (!d)
			continue;
		*since_wall_ms = d->since_wall_ms;
		return true;
	}
	return false;
}

/* All who want one channel wait for one call. */
static struct gb_call *call_of(struct server *server, const struct conf_vhost *vhost,
			       const char *app, const char *stream)
{
	struct gb_hub *h;
	const char *channel;
	DL_FOREACH (server->gb, h) {
		const struct gb_device *d = find_device(h, vhost, app, stream, &channel);
		if (!d)
			continue;
		struct gb_call *call = gb_call_find(h, channel);
		return call ? call : gb_call_start(h, d, channel, stream, true);
	}
	return NULL;
}

static bool want(void *ctx, const struct conf_vhost *vhost, const char *app, const char *stream,
		 struct making *making)
{
	struct gb_call *call = call_of(ctx, vhost, app, stream);
	if (!call || call->is_over)
		return false;
	making->of = call;
	*making->stream = '\0';
	if (strcmp(call->name, stream) != 0) /* a device, and its only channel */
		snprintf(making->stream, sizeof(making->stream), "%s", call->name);
	making->begun = call->state == GB_CALL_LIVE;
	making->failed = false;
	DL_APPEND(call->waiting, making);
	return true;
}

static void leave(void *ctx, struct making *making)
{
	struct gb_call *call = making->of;
	(void)ctx;
	making->of = NULL;
	DL_DELETE(call->waiting, making);
}

static void touch(void *ctx, const struct conf_vhost *vhost, const char *app, const char *stream)
{
	const struct server *server = ctx;
	const struct gb_hub *h;
	struct gb_call *call;
	DL_FOREACH (server->gb, h)
		DL_FOREACH (h->calls, call)
			if (strcmp(call->name, stream) == 0 && is_output(h, vhost, app, stream))
				call->watched_ms = clock_ms();
}

const struct maker_ops gb_demand_ops = {can, want, leave, touch};
