#include "main/serve.h"
#include "api/http_service.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/cluster.h"
#include "cluster/members.h"
#include "http/client.h"
#include "net/dns.h"
#include "net/listen.h"
#include "node/notice.h"
#include "node/sign.h"
#include "service/http_session.h"
#include "service/rtmp_service.h"

#include <stdlib.h>
#include <string.h>

enum { LISTENERS_MAX = 16 };

static struct listener *listeners[LISTENERS_MAX];
static int listener_count;
static struct http_role files_role, api_role;

static err open_one(const char *text, const char *what, bool reuse_port,
		    void (*on_accept)(void *ctx, struct sock *sock), void *ctx)
{
	if (listener_count == LISTENERS_MAX)
		return err_fail(ERR_CONFIG, "more than %d addresses to listen on", LISTENERS_MAX);
	TRY(listener_open(&listeners[listener_count], &(struct listen_opts){
							      .text = text,
							      .reuse_port = reuse_port,
							      .what = what,
							      .on_accept = on_accept,
							      .ctx = ctx,
						      }));
	listener_count++;
	return OK;
}

static bool shares_ports(const struct conf *conf)
{
	return conf->reuse_port == CONF_ON || (conf->reuse_port == CONF_AUTO && conf_is_edge(conf));
}

static err open_all(struct server *server, const struct conf *conf)
{
	bool share = shares_ports(conf);
	bool one_port = conf->http_api.enabled && conf->http_server.enabled &&
			strcmp(conf->http_api.listen, conf->http_server.listen) == 0;
	for (int i = 0; i < conf->listen.count; i++)
		TRY(open_one(conf->listen.v[i], "RTMP", share, rtmp_service_accept, server));
	files_role = (struct http_role){.server = server, .files = true, .api = one_port};
	api_role = (struct http_role){.server = server, .api = true};
	if (conf->http_server.enabled)
		TRY(open_one(conf->http_server.listen, "HTTP", share && !one_port,
			     http_service_accept, &files_role));
	if (conf->http_api.enabled && !one_port)
		TRY(open_one(conf->http_api.listen, "HTTP API", false, http_service_accept,
			     &api_role));
	return OK;
}

void serve_close_listeners(void)
{
	for (int i = 0; i < listener_count; i++)
		listener_close(&listeners[i]);
	listener_count = 0;
}

static void name_self(struct server *server)
{
	char text[9];
	co_new_id(server->service_id);
	co_new_id(server->path_id);
	co_new_id(text);
	server->server_id = *server->conf->server_id ? mem_strdup(server->conf->server_id)
						     : mem_printf("vid-%.7s", text);
}

err serve_start(struct server *server, struct conf *conf)
{
	server->conf = conf_ref(conf);
	server->started_wall_ms = clock_wall_ms();
	name_self(server);
	registry_init(&server->registry);
	stat_init(&server->stat, &server->registry);
	server->cluster = cluster_new(server);
	server->signer = signer_new(server->service_id);
	server->notices = notices_new();
	err e = signer_load(server->signer, conf);
	if (!e)
		e = dns_init(*conf->resolver ? conf->resolver : NULL);
	if (!e)
		e = open_all(server, conf);
	if (e) {
		serve_stop(server);
		return e;
	}
	members_follow(server->cluster);
	for (int i = 0; i < listener_count; i++)
		listener_start(listeners[i]);
	return OK;
}

void serve_stop(struct server *server)
{
	serve_close_listeners();
	co_group_stop(&server->sessions);
	co_group_stop(&server->services);
	http_client_pool_close();
	dns_fini();
	cluster_free(&server->cluster);
	signer_free(&server->signer);
	notices_free(&server->notices);
	stat_fini(&server->stat);
	registry_fini(&server->registry);
	conf_unref(&server->conf);
	free(server->server_id);
	server->server_id = NULL;
}

void serve_set_conf(struct server *server, struct conf *conf)
{
	conf_ref(conf);
	conf_unref(&server->conf);
	server->conf = conf;
	err e = signer_load(server->signer, conf);
	if (e)
		log_error("the secrets in use stay: %s", err_trail(e));
	members_follow(server->cluster);
}
