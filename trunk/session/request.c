#include "session/request.h"

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
	c->publish = r->publish;
	c->relay = r->is_relay;
	c->announce = r->is_relay ? r->announce : NULL;
	c->peer = r->peer;
}
