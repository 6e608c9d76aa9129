#include "session/own_publish.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static void make_request(struct own_publish *p, struct server *server, const char *type,
			 const struct conf_vhost *vhost)
{
	request_init(&p->request, server, p->conf, &p->to);
	p->request.vhost = vhost;
	p->request.peer = &p->peer;
	p->request.type = type;
	p->request.tc_url = p->tc_url;
	p->request.url = p->key;
	p->request.publish = true;
}

err own_publish_init(struct own_publish *p, struct server *server, const char *type,
		     const char *output, const struct addr *peer)
{
	const char *stream = strrchr(output, '/');
	*p = (struct own_publish){.conf = conf_ref(server->conf)};
	if (peer)
		p->peer = *peer;
	else
		(void)addr_literal(&p->peer, "127.0.0.1", 0);
	if (!stream)
		return err_fail(ERR_PROTOCOL, "%s names no stream", output);
	p->tc_url = mem_strndup(output, (size_t)(stream - output));
	TRY(target_parse(&p->to, p->tc_url, stream + 1));
	const struct conf_vhost *vhost = conf_vhost_find(p->conf, p->to.vhost);
	if (!vhost || !vhost->enabled)
		return err_fail(ERR_NOTFOUND, "there is no vhost %s", p->to.vhost);
	p->key = stream_key(vhost->name, p->to.app, p->to.stream);
	make_request(p, server, type, vhost);
	return OK;
}

void own_publish_fini(struct own_publish *p)
{
	target_fini(&p->to);
	free(p->tc_url);
	free(p->key);
	if (p->conf)
		conf_unref(&p->conf);
	*p = (struct own_publish){0};
}
