/* What the page in the program has to know: where what is to be had, and the streams. It is told to anybody, so
 * that names are only in it where the API would tell them, too: on a port of the API without a password,
 * and on others if the configuration says so. */
#include "api/api_route.h"
#include "base/version.h"
#include "cluster/relays.h"
#include "codec/url.h"
#include "service/http_session.h"

#include <string.h>

enum { STREAMS_MAX = 200 };

static bool may_name(const struct api_call *call)
{
	const struct conf *conf = call->conf;
	return conf->http_api.enabled && !conf->http_api.auth.enabled &&
	       (call->ports & HTTP_PORT_API || conf->http_server.page_streams);
}

static int port_of(const char *listen)
{
	struct hostport at;
	return hostport_listen(&at, listen) ? at.port : 0;
}

static void put_vhost(json_t *list, const struct conf_vhost *vhost, bool has_rtc)
{
	json_t *object = json_object();
	json_put_text(object, "name", vhost->name);
	if (vhost->http_remux.enabled)
		json_put_text(object, "remux", vhost->http_remux.mount);
	if (vhost->hls.enabled)
		json_put_text(object, "hls", vhost->hls.m3u8_file);
	json_put_bool(object, "rtc", has_rtc && vhost->rtc.enabled);
	json_array_append_new(list, object);
}

static void put_vhosts(json_t *data, const struct api_call *call)
{
	const struct conf *conf = call->conf;
	json_t *list = json_array();
	const struct conf_vhost *preset = conf_vhost_find(conf, DEFAULT_VHOST);
	if (preset && preset->enabled)
		put_vhost(list, preset, conf->rtc_server.enabled);
	for (int i = 0; may_name(call) && i < conf->vhost_count; i++)
		if (conf->vhosts[i].enabled && &conf->vhosts[i] != preset)
			put_vhost(list, &conf->vhosts[i], conf->rtc_server.enabled);
	json_object_set_new(data, "vhosts", list);
}

/* Ports of 0 are not served. The console is where the API is: port 0 is that of this answer. */
static void put_places(json_t *data, const struct api_call *call)
{
	const struct conf *conf = call->conf;
	const struct conf_http_server *files = &conf->http_server;
	const struct conf_http_api *api = &conf->http_api;
	json_put_bool(data, "files", call->ports & HTTP_PORT_FILES);
	json_put_int(data, "rtmp_port", server_rtmp_port(call->server));
	json_put_int(data, "http_port", files->enabled ? port_of(files->listen) : 0);
	json_put_int(data, "https_port", files->https.enabled ? port_of(files->https.listen) : 0);
	if (!api->enabled)
		return;
	json_t *console = json_put_object(data, "console");
	bool here = call->ports & HTTP_PORT_API;
	json_put_bool(console, "here", here);
	json_put_int(console, "http_port", port_of(api->listen));
	json_put_int(console, "https_port", api->https.enabled ? port_of(api->https.listen) : 0);
}

static json_t *stream_object(const struct server *server, const struct source *source)
{
	json_t *object = json_object();
	const struct stat_id *id = stat_stream_find(&server->stat, source->key);
	json_put_text(object, "vhost", source->vhost);
	json_put_text(object, "app", source->app);
	json_put_text(object, "name", source->stream);
	json_put_int(object, "clients", id ? id->clients : 0);
	api_put_codecs(object, source);
	api_put_relay(object, relays_facts(server->cluster, source));
	return object;
}

static int put_streams(json_t *list, struct api_call *call)
{
	int n = 0;
	for (struct map_iter it = map_begin(call->server->registry.sources); map_next(&it);) {
		const struct source *source = it.value;
		if (source_is_live(source) && n++ < STREAMS_MAX)
			json_array_append_new(list, stream_object(call->server, source));
	}
	return n > STREAMS_MAX ? n - STREAMS_MAX : 0;
}

enum api_code api_page(struct api_call *call)
{
	if (!call->conf->http_server.page)
		return API_RAW_OFF;
	json_t *data = json_put_object(call->answer, "data");
	json_put_text(data, "role", conf_is_edge(call->conf) ? "edge" : "origin");
	json_put_text(data, "version", version_number);
	put_places(data, call);
	put_vhosts(data, call);
	if (!may_name(call))
		return API_OK;
	json_t *streams = json_array();
	json_put_int(data, "left_out", put_streams(streams, call));
	json_object_set_new(data, "streams", streams);
	return API_OK;
}
