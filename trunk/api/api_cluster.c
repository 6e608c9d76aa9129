/* The coworker query: where a stream is. */
#include "api/api_route.h"
#include "base/mem.h"
#include "cluster/coworker.h"
#include "codec/url.h"
#include "net/addr.h"
#include "session/publication.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_here(const struct source *source, const struct conf_vhost *vhost)
{
	if (!source || !source_is_live(source))
		return false;
	/* A stream that an origin relays from a coworker is that coworker's to answer for; SRS counts an edge's
	 * pull. */
	return vhost->cluster.mode == MODE_REMOTE || !source->feeder ||
	       source->feeder->kind != FEEDER_RELAY;
}

/* NULL when it is not here. */
static const struct source *find_here(const struct api_call *call, const struct conf_vhost *vhost,
				      const char *app, const char *stream)
{
	char *key = stream_key(vhost->name, app, stream);
	char *rival = api_query(call, "rival"), *exact = api_query(call, "exact");
	const struct source *source =
		*rival || *exact ? registry_find(&call->server->registry, key)
				 : server_live_source(call->server, vhost, app, stream);
	/* A rival has the stream of this very name: that nobody has it is not true any more. */
	if (*rival)
		coworker_forget(call->server->cluster, key);
	free(exact);
	free(rival);
	free(key);
	return is_here(source, vhost) ? source : NULL;
}

static bool is_anywhere(const char *host)
{
	static const char *const texts[] = {"", "0.0.0.0", "::", "127.0.0.1", "::1"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(host, texts[i]) == 0)
			return true;
	return false;
}

/* By which name others reach us: what is configured; else the address we listen on, if it is one
 * of a kind; else the name by which the asker has reached us, which works behind NAT too. */
static void find_self(const struct api_call *call, struct hostport *self)
{
	const struct text_list *listen = &call->conf->listen;
	int port = server_rtmp_port(call->server);
	char local[ADDR_TEXT_MAX];
	struct hostport at;
	if (*call->conf->advertise && hostport_parse(self, call->conf->advertise, port) == OK)
		return;
	self->port = port;
	if (listen->count && hostport_listen(&at, listen->v[0]) && !is_anywhere(at.host)) {
		snprintf(self->host, sizeof(self->host), "%s", at.host);
		return;
	}
	struct hostport asked = {0};
	char *coworker = api_query(call, "coworker");
	bool named = *coworker && hostport_parse(&asked, coworker, 0) == OK && *asked.host;
	if (!named)
		addr_of_host(local);
	snprintf(self->host, sizeof(self->host), "%s", named ? asked.host : local);
	free(coworker);
}

/* "host:port" of a listener of ours: its own host if it is one of a kind. */
static void put_listener(json_t *origin, const char *key, const char *listen,
			 const struct hostport *self)
{
	struct hostport at;
	struct hostport hp = *self;
	char text[HOST_MAX + 8];
	if (!hostport_listen(&at, listen))
		return;
	if (!is_anywhere(at.host))
		snprintf(hp.host, sizeof(hp.host), "%s", at.host);
	hp.port = at.port;
	hostport_text(text, &hp);
	json_put_text(origin, key, text);
}

/* Since when, and whether its publisher is alive: which of two publishers keeps the stream. */
static void put_publish(const struct api_call *call, json_t *origin, const struct source *source)
{
	struct publication_facts facts;
	char *rival = api_query(call, "rival");
	bool by_rival = *rival && strcmp(rival, call->server->service_id) != 0;
	if (publication_facts(source, by_rival, &facts)) {
		json_put_int(origin, "since_ms", facts.since_wall_ms);
		json_put_int(origin, "silent_ms", facts.silent_ms);
		json_put_int(origin, "unanswered_ms", facts.unanswered_ms);
	}
	free(rival);
}

static void put_tls_listeners(json_t *origin, const struct conf *conf,
			      const struct conf_vhost *vhost, const struct hostport *self)
{
	if (conf->rtmps.enabled && conf->rtmps.listen.count)
		put_listener(origin, "rtmps", conf->rtmps.listen.v[0], self);
	if (conf->http_server.enabled && conf->http_server.https.enabled &&
	    vhost->http_remux.enabled)
		put_listener(origin, "https", conf->http_server.https.listen, self);
}

static json_t *origin_object(const struct api_call *call, const struct conf_vhost *vhost,
			     const struct source *source)
{
	json_t *origin = json_object();
	struct hostport *self = mem_new(struct hostport);
	find_self(call, self);
	json_put_text(origin, "ip", self->host);
	json_put_int(origin, "port", self->port);
	json_put_text(origin, "vhost", vhost->name);
	put_listener(origin, "api", call->conf->http_api.listen, self);
	json_t *routers = json_array();
	json_array_append(routers, json_object_get(origin, "api"));
	json_object_set_new(origin, "routers", routers);
	if (call->conf->http_server.enabled && vhost->http_remux.enabled)
		put_listener(origin, "http", call->conf->http_server.listen, self);
	put_tls_listeners(origin, call->conf, vhost, self);
	if (source)
		put_publish(call, origin, source);
	free(self);
	return origin;
}

/* What the process before this one has is here for all others: it is relayed. */
static bool former_has(const struct api_call *call, const struct conf_vhost *vhost, const char *app,
		       const char *stream)
{
	char *key = stream_key(vhost->name, app, stream);
	bool has = generation_has(&call->server->former, key);
	free(key);
	return has;
}

/* A device that is registered here can be called for it. */
static bool could_make(const struct api_call *call, const struct conf_vhost *vhost, const char *app,
		       const char *stream)
{
	int64_t since;
	return maker_can(&call->server->maker, vhost, app, stream, &since);
}

enum api_code api_clusters(struct api_call *call)
{
	static const char *const names[] = {"ip", "vhost", "app", "stream"};
	enum { IP, VHOST, APP, STREAM, NAMES };
	char *asked[NAMES];
	json_t *data = json_put_object(call->answer, "data");
	json_t *query = json_put_object(data, "query");
	for (int i = 0; i < NAMES; i++) {
		asked[i] = api_query(call, names[i]);
		json_put_text(query, names[i], asked[i]);
	}
	const struct conf_vhost *vhost = conf_vhost_find(call->conf, asked[VHOST]);
	const struct source *source = vhost && vhost->enabled && *asked[STREAM]
					      ? find_here(call, vhost, asked[APP], asked[STREAM])
					      : NULL;
	json_object_set_new(data, "origin",
			    source ? origin_object(call, vhost, source) : json_null());
	if (vhost && vhost->enabled && !source && *asked[STREAM] &&
	    (former_has(call, vhost, asked[APP], asked[STREAM]) ||
	     could_make(call, vhost, asked[APP], asked[STREAM])))
		json_object_set_new(data, "origin", origin_object(call, vhost, NULL));
	char *whoever = api_query(call, "whoever");
	if (!source && vhost && vhost->enabled && *whoever)
		json_object_set_new(data, "self", origin_object(call, vhost, NULL));
	free(whoever);
	if (call->server->drain.state != DRAIN_OFF)
		json_put_bool(data, "draining", true);
	/* Ids by which a server recognises itself, and others the servers that they have asked. */
	json_put_text(data, "server", call->server->server_id);
	json_put_text(data, "service", call->server->service_id);
	for (int i = 0; i < NAMES; i++)
		free(asked[i]);
	return API_OK;
}
