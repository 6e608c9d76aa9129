#include "session/request.h"
#include "base/mem.h"
#include "session/outcome.h"

#include <stdio.h>
#include <stdlib.h>

void request_init(struct request *out, struct server *server, struct conf *conf,
		  const struct target *target)
{
	*out = (struct request){
		.server = server,
		.conf = conf,
		.vhost = conf_vhost_find(conf, target->vhost),
		.target = target,
		.type = "",
		.tc_url = "",
		.page_url = "",
		.swf_url = "",
		.url = "",
		.path_asked = "",
		.proof = "",
		.path = "",
		.via = "",
		.redirected = "",
	};
}

char *request_key(const struct request *r, const struct target *target)
{
	return stream_key(r->vhost ? r->vhost->name : target->vhost, target->app, target->stream);
}

bool request_is_proven_relay(const struct request *r)
{
	return r->is_relay && (signer_has(r->server->signer, r->vhost->name) ||
			       r->vhost->cluster.relays.count > 0);
}

void request_describe(const struct request *r, struct client *c)
{
	c->request = r;
	c->type = r->type;
	c->page_url = r->page_url;
	c->swf_url = r->swf_url;
	c->tc_url = r->tc_url;
	c->url = r->url;
	c->param = r->target->param;
	c->publish = r->publish;
	c->relay = r->is_relay;
	c->announce = r->is_relay ? r->announce : NULL;
	c->hop = r->is_relay ? r->hop : NULL;
	c->peer = r->peer;
}

void request_refused(const struct request *r, int64_t asked_ms, err e, const struct outcome *o)
{
	struct client *c = mem_new(struct client);
	bool has_said = o && o->code;
	if (r->vhost)
		request_describe(r, c);
	c->asked_ms = asked_ms;
	c->ended = has_said ? outcome_err(o->code) : e;
	c->why = has_said ? o->text : err_trail(e);
	snprintf(c->id, sizeof(c->id), "%s", co_id());
	if (r->vhost)
		stat_refuse(&r->server->stat, c);
	free(c);
}
