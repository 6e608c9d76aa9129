#include "session/request.h"

void request_describe(const struct request *r, struct client *c)
{
	c->type = r->type;
	c->page_url = r->page_url;
	c->swf_url = r->swf_url;
	c->tc_url = r->tc_url;
	c->url = r->url;
	c->publish = r->publish;
	c->relay = r->is_relay;
	c->announce = r->is_relay ? r->announce : NULL;
	addr_ip(c->ip, r->peer);
}
