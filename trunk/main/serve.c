#include "main/serve.h"
#include "api/api.h"
#include "api/heartbeat.h"
#include "api/metrics.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/memory_limit.h"
#include "cluster/cluster.h"
#include "cluster/members.h"
#include "codec/media_memory.h"
#include "http/client.h"
#include "main/notify.h"
#include "main/server_id.h"
#include "net/dns.h"
#include "node/arrivals.h"
#include "node/certs.h"
#include "node/guesses.h"
#include "node/hook_queue.h"
#include "node/notice.h"
#include "node/sign.h"
#include "output/live_format.h"
#include "service/gb_hub.h"
#include "service/health.h"
#include "service/hls_serve.h"
#include "service/http_service.h"
#include "service/page.h"
#include "service/rtc_hub.h"
#include "service/srt_hub.h"
#include "service/whip.h"
#include "session/forward.h"
#include "session/hooks.h"
#include "session/publication.h"
#include "task/tasks.h"

#include <stdlib.h>

enum { LAST_WORDS_MS = 3000 };

static void name_self(struct server *server)
{
	co_new_id(server->service_id);
	co_new_id(server->path_id);
	server->server_id = server_id_get(server->conf);
}

static void limit_memory(const struct conf *conf)
{
	size_t limit = (size_t)conf->max_memory_mb << 20;
	media_memory_limit(limit ? limit : memory_limit("") / 2);
}

static err listen_as(struct serve *serve, const struct conf *conf, struct inherit *inherit)
{
	struct endpoints want;
	if (serve->server.drain.state == DRAIN_HANDED)
		want = (struct endpoints){0};
	else if (serve->server.drain.state == DRAIN_ON)
		endpoints_draining(&want, conf);
	else
		endpoints_of(&want, conf);
	err e = listeners_apply(&serve->listeners, &want, inherit);
	endpoints_free(&want);
	return e;
}

/* What HTTP requests are for, in this order. */
static void mount(struct serve *serve)
{
	health_mount(&serve->router);
	page_mount(&serve->router);
	metrics_mount(&serve->router);
	whip_mount(&serve->router, serve->server.rtc);
	api_mount(&serve->router);
	hls_serve_mount(&serve->router, serve->hls_serve);
	http_service_mount(&serve->router);
}

err serve_start(struct serve *serve, struct conf *conf, struct inherit *inherit)
{
	struct server *server = &serve->server;
	serve->listeners = (struct listeners){.server = server, .router = &serve->router};
	server->conf = conf_ref(conf);
	server->started_ms = clock_ms();
	name_self(server);
	registry_init(&server->registry);
	server->registry.on_exhausted = publication_on_exhausted;
	registry_serve(&server->registry);
	limit_memory(conf);
	stat_init(&server->stat, &server->registry);
	access_log_init(&server->access_log, &server->stat, conf->access_log.format == ACCESS_JSON);
	figures_init(&server->figures, &server->stat, &server->registry);
	places_init(&server->places);
	places_init(&server->api_places);
	server->cluster = cluster_new(server);
	server->signer = signer_new(server->service_id);
	server->notices = notices_new();
	server->guesses = guesses_new();
	server->arrivals = arrivals_new();
	server->certs = certs_new();
	server->hook_queue = hook_queue_new(&server->messengers, server->certs);
	server->hooks = hooks_new(server);
	server->rtc = rtc_hub_new(server);
	server->srt = srt_hub_new(server);
	gb_hub_init(server);
	server->forwards = forwards_new(server, &wire_ts);
	server->tasks = tasks_new(server);
	serve->hls = hls_new(server);
	serve->hls_serve = hls_serve_new(server, serve->hls);
	server->dvr = dvr_new(server);
	mount(serve);
	err e = signer_load(server->signer, conf);
	if (!e)
		e = certs_load(server->certs, conf);
	if (!e)
		e = dns_init(*conf->resolver ? conf->resolver : NULL);
	if (!e)
		e = listen_as(serve, conf, inherit);
	inherit_close(inherit);
	if (e) {
		serve_stop(serve);
		return e;
	}
	members_follow(server->cluster);
	certs_watch(server);
	tasks_serve(server->tasks);
	heartbeat_start(server);
	return OK;
}

void serve_stop(struct serve *serve)
{
	struct server *server = &serve->server;
	gb_hub_stop(server); /* its ports are needed for good-byes */
	listeners_close(&serve->listeners);
	tasks_stop(server->tasks);
	co_group_stop(&server->sessions);
	hls_serve_end(serve->hls_serve);
	co_group_stop(&server->services);
	rtc_hub_free(&server->rtc);
	srt_hub_free(&server->srt);
	gb_hub_free(server);
	hooks_free(&server->hooks);
	forwards_free(&server->forwards);
	tasks_free(&server->tasks);
	/* Of the sessions and recordings that have just ended. */
	if (server->hook_queue)
		hook_queue_drain(server->hook_queue, clock_after(LAST_WORDS_MS));
	co_group_stop(&server->messengers);
	hook_queue_free(&server->hook_queue);
	hls_serve_free(&serve->hls_serve);
	hls_free(&serve->hls);
	dvr_free(&server->dvr);
	http_client_pool_close();
	dns_fini();
	cluster_free(&server->cluster);
	certs_free(&server->certs);
	signer_free(&server->signer);
	notices_free(&server->notices);
	guesses_free(&server->guesses);
	arrivals_free(&server->arrivals);
	figures_fini(&server->figures);
	access_log_fini(&server->access_log);
	stat_fini(&server->stat);
	places_fini(&server->places);
	places_fini(&server->api_places);
	generation_forget(&server->former);
	generation_forget(&server->next);
	registry_fini(&server->registry);
	http_router_fini(&serve->router);
	conf_unref(&server->conf);
	free(server->reload.why);
	free(server->server_id);
	server->server_id = NULL;
}

void serve_keep_sockets(const struct serve *serve)
{
	int fds[INHERIT_MAX];
	notify_store(fds, listeners_fds(&serve->listeners, fds, INHERIT_MAX));
}

void serve_drain(struct serve *serve)
{
	struct endpoints want;
	notify_store(NULL, 0);
	tasks_drain(serve->server.tasks);
	endpoints_draining(&want, serve->server.conf);
	(void)!listeners_apply(&serve->listeners, &want, NULL); /* what is wanted is open */
	endpoints_free(&want);
}

void serve_undrain(struct serve *serve)
{
	err e = listen_as(serve, serve->server.conf, NULL);
	tasks_serve(serve->server.tasks);
	gb_hub_resume(&serve->server);
	if (e)
		log_error("not everything is listened on again: %s", err_trail(e));
	serve_keep_sockets(serve);
}

static err open_for(struct serve *serve, struct conf *conf)
{
	TRY(certs_load(serve->server.certs, conf));
	gb_hub_prepare(&serve->server, conf);
	return listen_as(serve, conf, NULL);
}

/* A configuration that is refused must not leave its certificates, nor whom it trusts. */
static err take_back(struct server *server, err e)
{
	char *why = mem_strdup(err_trail(e));
	if (certs_load(server->certs, server->conf) != OK)
		log_error("the certificates in use stay: %s", err_trail(ERR_CONFIG));
	(void)err_fail(e, "%s", why);
	free(why);
	return e;
}

err serve_set_conf(struct serve *serve, struct conf *conf)
{
	struct server *server = &serve->server;
	err refused = open_for(serve, conf);
	if (refused)
		return take_back(server, refused);
	conf_ref(conf);
	conf_unref(&server->conf);
	server->conf = conf;
	limit_memory(conf);
	srt_hub_reload(server->srt);
	gb_hub_reload(server);
	err e = signer_load(server->signer, conf);
	if (e)
		log_error("the secrets in use stay: %s", err_trail(e));
	members_follow(server->cluster);
	forwards_reload(server->forwards);
	tasks_reload(server->tasks);
	return OK;
}
