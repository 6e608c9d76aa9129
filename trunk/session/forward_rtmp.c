/* A forwarded stream over RTMP and RTMPS. */
#include "base/mem.h"
#include "cluster/upstream_connect.h"
#include "session/forward_way.h"

#include <stdlib.h>
#include <string.h>

enum { SLICE_MESSAGES = 64 };

struct rtmp_way {
	struct forward_way base;
	struct link *link;
};

static struct rtmp_way *way_of(struct forward_way *way)
{
	return container_of(way, struct rtmp_way, base);
}

static struct forward_way *on_make(void)
{
	return &mem_new(struct rtmp_way)->base;
}

/* ---- an attempt ---- */

static struct upstream_request request_of(const struct forward_order *o)
{
	const char *own = o->vhost->name;
	bool is_named = strcmp(own, DEFAULT_VHOST) != 0 && !forward_url_stream(o->place->text);
	return (struct upstream_request){
		.protocol = o->place->protocol,
		.server = o->server,
		.vhost = o->vhost,
		.target = &o->place->target,
		.tc_vhost = is_named ? own : o->place->target.vhost,
		.tls_name = o->vhost->forward.tls_name,
		.page_url = "",
		.swf_url = "",
		.path = o->path,
		.redirected = o->redirection->path,
		.publish = true,
	};
}

/* The place itself, or where it has redirected to. */
static err reach(struct rtmp_way *w, const struct upstream_request *request, int64_t deadline)
{
	struct forward_redirection *r = w->base.order->redirection;
	const char *name = w->base.order->place->name;
	if (*r->said.redirect)
		return upstream_follow(&w->link, name, r->count++, request, deadline, r->path,
				       sizeof(r->path), &r->said);
	r->said = (struct link_refusal){0};
	return link_open(
		&w->link,
		&(struct link_opts){.name = name, .request = request, .deadline = deadline},
		&r->said);
}

static err on_open(struct forward_way *way, int64_t deadline)
{
	struct rtmp_way *w = way_of(way);
	const struct forward_order *o = way->order;
	struct upstream_request request = request_of(o);
	TRY(reach(w, &request, deadline));
	sock_attach(w->link->sock);
	sock_set_deadline(w->link->sock, deadline);
	err e = w->link->ops->publish(w->link, &request, o->source->opts.chunk_size,
				      &o->redirection->said);
	sock_set_deadline(w->link->sock, CLOCK_NEVER);
	return e;
}

/* ---- while it takes the stream ---- */

static void on_join(struct forward_way *way, struct cursor *cursor)
{
	struct link *link = way_of(way)->link;
	sock_attach(link->sock);
	sock_set_quick(link->sock, false);
	source_cursor_open(way->order->source, cursor,
			   &(struct cursor_opts){
				   .format = &wire_rtmp,
				   .stream_id = link->stream_id,
				   .from_start = true,
				   .for_server = *link->node != '\0',
			   });
}

/* It sends statuses alone. */
static err on_take(struct forward_way *way)
{
	struct link *link = way_of(way)->link;
	for (int n = 0; n < SLICE_MESSAGES; n++) {
		struct link_media media;
		err e = link->ops->next(link, &media, &way->order->redirection->said);
		msg_unref(&media.msg);
		if (e)
			return e == ERR_AGAIN ? OK : e;
	}
	co_wake(co_self());
	return OK;
}

static err on_send(struct forward_way *way, struct cursor *cursor)
{
	struct link *link = way_of(way)->link;
	return link->ops->send(link, &way->monitor, cursor);
}

static err on_check(struct forward_way *way, int64_t stalled_ms, int64_t *deadline)
{
	return send_monitor_check(&way->monitor, way_of(way)->link->sock, stalled_ms, deadline);
}

static void on_finish(struct forward_way *way, int64_t ms)
{
	struct link *link = way_of(way)->link;
	char *name = upstream_stream_name(
		&(struct upstream_request){.target = &way->order->place->target});
	link->ops->finish(link, name, ms);
	free(name);
}

static int64_t on_sent(const struct forward_way *way)
{
	const struct link *link = container_of_const(way, struct rtmp_way, base)->link;
	return link && link->sock ? sock_wire_sent(link->sock) : 0;
}

static void on_free(struct forward_way *way)
{
	struct rtmp_way *w = way_of(way);
	link_free(&w->link);
	free(w);
}

const struct forward_way_ops forward_rtmp = {
	.make = on_make,
	.open = on_open,
	.join = on_join,
	.take = on_take,
	.send = on_send,
	.check = on_check,
	.finish = on_finish,
	.sent = on_sent,
	.free = on_free,
};
