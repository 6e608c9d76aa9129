#include "session/hook_body.h"
#include "base/mem.h"
#include "node/hook_form.h"

#include <stdlib.h>

const char *hook_event_name(enum hook_event event)
{
	static const char *const names[HOOK_EVENTS] = {
		[HOOK_ON_CONNECT] = "on_connect", [HOOK_ON_CLOSE] = "on_close",
		[HOOK_ON_PUBLISH] = "on_publish", [HOOK_ON_UNPUBLISH] = "on_unpublish",
		[HOOK_ON_PLAY] = "on_play",       [HOOK_ON_STOP] = "on_stop",
	};
	return names[event];
}

/* A text of a client may be anything; JSON takes UTF-8 only. */
static void put_param(json_t *o, const struct request *r)
{
	json_put_text(o, "param", r->target->param);
}

static void put_stream_ids(json_t *o, const struct request *r)
{
	char *key = stream_key(r->vhost->name, r->target->app, r->target->stream);
	char *url = mem_printf("%s%s", *key == '/' ? "" : "/", key);
	const struct stat_id *id = stat_stream_find(&r->server->stat, key);
	json_put_text(o, "stream_url", url);
	if (id)
		json_put_text(o, "stream_id", id->id);
	free(url);
	free(key);
}

static void put_head(json_t *o, const struct request *r, enum hook_event event)
{
	char ip[ADDR_TEXT_MAX];
	addr_ip(ip, r->peer);
	json_put_text(o, "server_id", r->server->server_id);
	json_put_text(o, "service_id", r->server->service_id);
	json_put_text(o, "action", hook_event_name(event));
	json_put_text(o, "client_id", co_id());
	json_put_text(o, "ip", ip);
	json_put_text(o, "vhost", r->vhost->name);
	json_put_text(o, "app", r->target->app);
}

static void put_stream(json_t *o, const struct request *r)
{
	json_put_text(o, "tcUrl", r->tc_url);
	json_put_text(o, "stream", r->target->stream);
	put_param(o, r);
}

static json_t *members(const struct request *r, enum hook_event event,
		       const struct traffic *traffic)
{
	json_t *o = json_object();
	put_head(o, r, event);
	switch (event) {
	case HOOK_ON_CONNECT:
		json_put_text(o, "stream", r->target->stream);
		put_param(o, r);
		json_put_text(o, "tcUrl", r->tc_url);
		json_put_text(o, "pageUrl", r->page_url);
		break;
	case HOOK_ON_CLOSE:
		json_put_int(o, "send_bytes", traffic ? traffic->send : 0);
		json_put_int(o, "recv_bytes", traffic ? traffic->recv : 0);
		break;
	case HOOK_ON_PLAY:
		json_put_text(o, "stream", r->target->stream);
		json_put_text(o, "tcUrl", r->tc_url);
		put_param(o, r);
		json_put_text(o, "pageUrl", r->page_url);
		put_stream_ids(o, r);
		break;
	default:
		put_stream(o, r);
		put_stream_ids(o, r);
		break;
	}
	return o;
}

const char *hook_body_write(struct buf *out, const struct request *r, enum hook_event event,
			    const struct traffic *traffic)
{
	json_t *o = members(r, event, traffic);
	const char *type = hook_form_write(out, o, r->vhost->http_hooks.format);
	json_decref(o);
	return type;
}
