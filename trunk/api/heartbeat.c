#include "api/heartbeat.h"
#include "api/api_route.h"
#include "base/log.h"
#include "node/certs.h"
#include "node/hook.h"
#include "node/local_address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BODY_MAX = 65536, ANSWER_MS = 10000, LOOK_MS = 1000 };

struct heartbeat {
	struct server *server;
	bool fails; /* which was told */
};

/* ---- what is told ---- */

static void put_ports(json_t *o, const struct conf *c)
{
	json_t *rtmp = json_array(), *http = json_array(), *api = json_array();
	for (int i = 0; i < c->listen.count; i++)
		json_array_append_new(rtmp, json_string(c->listen.v[i]));
	if (c->http_server.enabled)
		json_array_append_new(http, json_string(c->http_server.listen));
	if (c->http_api.enabled)
		json_array_append_new(api, json_string(c->http_api.listen));
	json_object_set_new(o, "rtmp", rtmp);
	json_object_set_new(o, "http", http);
	json_object_set_new(o, "api", api);
}

static void write_body(struct buf *out, const struct server *server)
{
	const struct conf_heartbeat *conf = &server->conf->heartbeat;
	json_t *o = json_object();
	char pid[16], ip[ADDR_TEXT_MAX];
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	local_address(ip, server->conf->stats.network);
	json_put_text(o, "device_id", conf->device_id);
	json_put_text(o, "ip", ip);
	json_put_text(o, "server", server->server_id);
	json_put_text(o, "service", server->service_id);
	json_put_text(o, "pid", pid);
	if (conf->summaries)
		api_put_summaries(json_put_object(o, "summaries"), server);
	if (conf->ports)
		put_ports(o, server->conf);
	char *text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
	if (text)
		buf_put(out, text, strlen(text));
	free(text);
	json_decref(o);
}

/* ---- telling it ---- */

/* A service that stays away is told once, and once that it is there again. */
static void note(struct heartbeat *h, const char *url, enum hook_verdict verdict, const char *why)
{
	bool fails = verdict == HOOK_NO_ANSWER;
	if (fails && !h->fails)
		log_warn("heartbeat: %s cannot be told: %s", log_quote(url), why);
	else if (!fails && h->fails)
		log_info("heartbeat: %s is told again", log_quote(url));
	h->fails = fails;
}

static err beat(struct heartbeat *h)
{
	struct conf *conf = conf_ref(h->server->conf);
	struct buf body = {.max = BODY_MAX};
	char why[HOOK_WHY_MAX];
	enum hook_verdict verdict;
	write_body(&body, h->server);
	err e = hook_post(&(struct hook_call){.event = "heartbeat",
					      .url = conf->heartbeat.url,
					      .tls = certs_client(h->server->certs),
					      .tls_name = conf->heartbeat.tls_name,
					      .content_type = "application/json",
					      .body = buf_span(&body),
					      .deadline = clock_after(ANSWER_MS)},
			  &verdict, why);
	if (!e)
		note(h, conf->heartbeat.url, verdict, why);
	buf_free(&body);
	conf_unref(&conf);
	return e;
}

/* A reload may change the interval while it runs. */
static void heartbeat_main(void *arg)
{
	struct heartbeat h = {.server = arg};
	int64_t last_ms = clock_ms();
	for (;;) {
		const struct conf_heartbeat *conf = &h.server->conf->heartbeat;
		int64_t left = last_ms + conf->interval_ms - clock_ms();
		if (!conf->enabled)
			last_ms = clock_ms();
		if (conf->enabled && left <= 0) {
			last_ms = clock_ms();
			if (beat(&h) != OK)
				return;
		} else if (co_sleep(conf->enabled && left < LOOK_MS ? left : LOOK_MS) != OK) {
			return;
		}
	}
}

void heartbeat_start(struct server *server)
{
	if (!co_start_in(&server->services, "heartbeat", heartbeat_main, server))
		log_error("no heartbeat: there is no memory for another coroutine");
}
