/* Lists of vhosts, streams and clients. */
#include "api/api_list.h"
#include "api/api_route.h"
#include "base/mem.h"
#include "base/vec.h"
#include "cluster/relays.h"
#include "session/forward.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static const char default_schema[] = "rtmp://";

/* ---- what they have in common ---- */

static void put_bytes(json_t *object, const struct rate *rate, int64_t recv, int64_t send)
{
	json_put_int(object, "send_bytes", send);
	json_put_int(object, "recv_bytes", recv);
	json_t *kbps = json_put_object(object, "kbps");
	json_put_int(kbps, "recv_30s", rate_recv_kbps(rate, recv));
	json_put_int(kbps, "send_30s", rate_send_kbps(rate, send));
}

/* ---- streams ---- */

/* Streams have a number as long as anybody has to do with them. */
static struct stat_id *listed_id(struct server *server, const struct source *source)
{
	struct stat_id *id = map_get(server->stat.streams, source->key);
	if (source_is_live(source))
		return id ? id : stat_stream(&server->stat, source->key);
	return id && id->clients > 0 ? id : NULL;
}

/* Ids that were made here for streams without clients go when the stream has gone. */
static void forget_gone(struct server *server)
{
	for (struct map_iter it = map_begin(server->stat.streams); map_next(&it);) {
		struct stat_id *id = it.value;
		if (id->clients == 0 && !registry_find(&server->registry, it.key)) {
			map_remove(server->stat.streams, it.key);
			free(id);
		}
	}
}

/* A stream that is pulled has a publisher, but no client of this server is it. */
static void put_publish(json_t *object, const struct source *source, const char *cid)
{
	json_t *publish = json_put_object(object, "publish");
	json_put_bool(publish, "active", source_is_live(source));
	if (source_is_live(source))
		json_put_text(publish, "cid", cid);
}

/* 41 is 4.1. HEVC counts in thirtieths. */
static void put_level(json_t *video, const struct video_info *info)
{
	int tenths = info->codec == CODEC_HEVC ? info->level / 3 : info->level;
	char *text = tenths % 10 ? mem_printf("%d.%d", tenths / 10, tenths % 10)
				 : mem_printf("%d", tenths / 10);
	json_put_text(video, "level", tenths ? text : "Other");
	free(text);
}

void api_put_codecs(json_t *object, const struct source *source)
{
	json_object_set_new(object, "video", json_null());
	if (source->video.codec) {
		json_t *video = json_put_object(object, "video");
		json_put_text(video, "codec", codec_name(source->video.codec));
		json_put_text(video, "profile", video_profile_name(&source->video));
		put_level(video, &source->video);
		json_put_int(video, "width", source->video.width);
		json_put_int(video, "height", source->video.height);
		json_put_text(video, "key_frames", starts_name(source->starts.state));
		json_put_int(video, "gop_ms", source->starts.distance_ms);
	}
	json_object_set_new(object, "audio", json_null());
	if (source->audio.codec) {
		json_t *audio = json_put_object(object, "audio");
		json_put_text(audio, "codec", codec_name(source->audio.codec));
		json_put_int(audio, "sample_rate", source->audio.sample_rate);
		json_put_int(audio, "channel", source->audio.channels);
		json_put_text(audio, "profile", audio_profile_name(&source->audio));
	}
}

/* A pulled or pushed stream: where from or to, since when, how often that has changed and why. */
void api_put_relay(json_t *object, const struct relay_facts *facts)
{
	if (!facts)
		return;
	json_t *relay = json_put_object(object, "relay");
	json_put_text(relay, "kind", facts->kind);
	json_put_text(relay, "peer", facts->peer);
	json_put_int(relay, "since", facts->since_wall_ms);
	json_put_int(relay, "switches", (int64_t)facts->switches);
	json_put_text(relay, "reason", facts->reason);
	json_put_int(relay, "lost_ms",
		     facts->loss.since_ms ? clock_ms() - facts->loss.since_ms : 0);
	json_put_int(relay, "rounds_in_vain", facts->loss.rounds);
	api_put_hop(relay, facts);
}

static void put_forward(const struct forward_facts *facts, void *ctx)
{
	json_t *forward = json_object();
	json_put_text(forward, "url", facts->url);
	json_put_text(forward, "state", forward_state_name(facts->state));
	json_put_int(forward, "since", facts->since_wall_ms);
	json_put_int(forward, "attempts", facts->attempts);
	json_put_int(forward, "losses", (int64_t)facts->losses);
	json_put_text(forward, "reason", facts->reason);
	json_put_int(forward, "send_bytes", facts->send_bytes);
	json_put_int(forward, "lag_ms", facts->lag_ms);
	json_array_append_new(ctx, forward);
}

/* Where the stream goes on to (vhost.forward); no member when it goes nowhere. */
static void put_forwards(json_t *object, struct server *server, const struct source *source)
{
	json_t *list = json_array();
	forwards_each(server->forwards, source, put_forward, list);
	if (json_array_size(list))
		json_object_set_new(object, "forwards", list);
	else
		json_decref(list);
}

/* A stream of a list, and what is known of its publisher, who may have left when it is its turn. */
struct listed {
	struct source *source; /* counted */
	char cid[9];           /* "" where no client publishes it */
	char *tc_url;          /* likewise NULL */
};

static json_t *stream_object(struct api_call *call, const struct listed *listed)
{
	const struct source *source = listed->source;
	const struct stat_id *id = stat_stream(&call->server->stat, source->key);
	json_t *object = json_object();
	char *tc_url = mem_printf("%s%s/%s", default_schema, source->vhost, source->app);
	/* Bytes that a pull receives belong to no client. */
	int64_t recv = *listed->cid ? stat_stream_recv(id, source) : source->recv_bytes;
	json_put_text(object, "id", id->id);
	json_put_text(object, "name", source->stream);
	json_put_text(object, "vhost", stat_vhost(&call->server->stat, source->vhost)->id);
	json_put_text(object, "app", source->app);
	json_put_text(object, "tcUrl", listed->tc_url ? listed->tc_url : tc_url);
	json_put_text(object, "url", source->key);
	json_put_int(object, "live_ms", clock_wall_ms());
	json_put_int(object, "clients", id->clients);
	json_put_int(object, "frames", (int64_t)source->video_frames);
	put_bytes(object, &id->rate, recv, id->send_now);
	put_publish(object, source, listed->cid);
	api_put_codecs(object, source);
	api_put_relay(object, relays_facts(call->server->cluster, source));
	put_forwards(object, call->server, source);
	free(tc_url);
	return object;
}

/* Those of the page, or the one of that id. The publishers are found in one look at all clients. */
static void find_publishers(struct api_list *list, struct server *server)
{
	struct map *by_key = map_new();
	struct client *c;
	for (int i = 0; i < list->count; i++)
		map_set(by_key, list->found[i].source->key, &list->found[i]);
	DL_FOREACH (server->stat.clients, c) {
		struct listed *listed = c->publish && c->source && c->source->feeder
						? map_get(by_key, c->source->key)
						: NULL;
		if (!listed)
			continue;
		free(listed->tc_url);
		memcpy(listed->cid, c->id, sizeof(listed->cid));
		listed->tc_url = mem_strdup(c->tc_url);
	}
	map_free(&by_key);
}

static void add_stream(struct api_list *list, struct source *source)
{
	vec_reserve(list->found, list->room, list->count + 1);
	list->found[list->count++] = (struct listed){.source = source_ref(source)};
}

static void open_streams(struct api_list *list, struct api_call *call)
{
	struct server *server = call->server;
	stat_sum(&server->stat);
	forget_gone(server);
	for (struct map_iter it = map_begin(server->registry.sources); map_next(&it);) {
		const struct stat_id *id = listed_id(server, it.value);
		if (!id || (*call->tail && strcmp(id->id, call->tail) != 0))
			continue;
		if (list->skip > 0)
			list->skip--;
		else if (list->count < list->left)
			add_stream(list, it.value);
	}
	find_publishers(list, server);
}

static json_t *next_stream(struct api_list *list, struct api_call *call)
{
	return list->at < list->count ? stream_object(call, &list->found[list->at++]) : NULL;
}

static void close_streams(struct api_list *list, struct api_call *call)
{
	(void)call;
	for (int i = 0; i < list->count; i++) {
		source_unref(&list->found[i].source);
		free(list->found[i].tc_url);
	}
	free(list->found);
}

static enum api_code one_stream(struct api_call *call)
{
	struct api_list list = {.left = 1};
	open_streams(&list, call);
	json_t *object = next_stream(&list, call);
	if (object)
		json_object_set_new(call->answer, "stream", object);
	close_streams(&list, call);
	return object ? API_OK : API_NO_STREAM;
}

enum api_code api_streams(struct api_call *call)
{
	static const struct api_list list = {
		.name = "streams",
		.open = open_streams,
		.next = next_stream,
		.close = close_streams,
	};
	if (*call->tail)
		return one_stream(call);
	api_list_begin(call, &list);
	return API_OK;
}

/* ---- vhosts ---- */

static void count_streams(struct server *server)
{
	struct stats *stat = &server->stat;
	for (struct map_iter it = map_begin(stat->vhosts); map_next(&it);)
		((struct stat_id *)it.value)->streams = 0;
	for (struct map_iter it = map_begin(server->registry.sources); map_next(&it);) {
		const struct source *source = it.value;
		if (listed_id(server, source))
			stat_vhost(stat, source->vhost)->streams++;
	}
}

static json_t *vhost_object(struct api_call *call, const char *name, const struct stat_id *id)
{
	json_t *object = json_object();
	const struct conf_vhost *vhost = conf_vhost_find(call->conf, name);
	json_put_text(object, "id", id->id);
	json_put_text(object, "name", name);
	json_put_bool(object, "enabled", vhost && strcmp(vhost->name, name) == 0 && vhost->enabled);
	json_put_int(object, "clients", id->clients);
	json_put_int(object, "streams", id->streams);
	put_bytes(object, &id->rate, id->recv_now, id->send_now);
	json_put_bool(json_put_object(object, "hls"), "enabled", false);
	return object;
}

static void sum_vhosts(struct api_call *call)
{
	stat_sum(&call->server->stat);
	count_streams(call->server);
}

/* All of them, as in SRS: there are as many as the configuration has. */
static void open_vhosts(struct api_list *list, struct api_call *call)
{
	sum_vhosts(call);
	list->skip = 0;
	for (struct map_iter it = map_begin(call->server->stat.vhosts); map_next(&it);)
		api_list_add_name(list, it.key, false);
}

static json_t *next_vhost(struct api_list *list, struct api_call *call)
{
	const char *name;
	while ((name = api_list_next_name(list))) {
		const struct stat_id *id = map_get(call->server->stat.vhosts, name);
		if (id)
			return vhost_object(call, name, id);
	}
	return NULL;
}

static enum api_code one_vhost(struct api_call *call)
{
	sum_vhosts(call);
	for (struct map_iter it = map_begin(call->server->stat.vhosts); map_next(&it);) {
		const struct stat_id *id = it.value;
		if (strcmp(id->id, call->tail) != 0)
			continue;
		json_object_set_new(call->answer, "vhost", vhost_object(call, it.key, id));
		return API_OK;
	}
	return API_NO_VHOST;
}

enum api_code api_vhosts(struct api_call *call)
{
	static const struct api_list list = {
		.name = "vhosts",
		.open = open_vhosts,
		.next = next_vhost,
		.close = api_list_close_names,
	};
	if (*call->tail)
		return one_vhost(call);
	api_list_begin(call, &list);
	return API_OK;
}

/* ---- clients ---- */

static json_t *client_object(struct api_call *call, const struct client *c)
{
	struct stats *stat = &call->server->stat;
	char ip[ADDR_TEXT_MAX];
	json_t *object = json_object();
	client_ip(ip, c);
	json_put_text(object, "id", c->id);
	json_put_text(object, "vhost", stat_vhost(stat, c->source->vhost)->id);
	json_put_text(object, "stream", stat_stream(stat, c->source->key)->id);
	json_put_text(object, "ip", ip);
	json_put_text(object, "pageUrl", c->page_url);
	json_put_text(object, "swfUrl", c->swf_url);
	json_put_text(object, "tcUrl", c->tc_url);
	json_put_text(object, "url", c->source->key);
	json_put_text(object, "name", c->source->stream);
	json_put_text(object, "type", c->type);
	json_put_bool(object, "publish", c->publish);
	json_object_set_new(object, "alive", json_real((double)(clock_ms() - c->since_ms) / 1000));
	struct traffic traffic = client_traffic(c);
	put_bytes(object, &c->rate, traffic.recv, traffic.send);
	api_put_trace(object, c);
	return object;
}

static void open_clients(struct api_list *list, struct api_call *call)
{
	client_cursor_begin(&list->cursor, &call->server->stat);
}

static bool pass_client(struct api_list *list, struct api_call *call)
{
	(void)call;
	return client_cursor_next(&list->cursor);
}

static json_t *next_client(struct api_list *list, struct api_call *call)
{
	const struct client *c = client_cursor_next(&list->cursor);
	return c ? client_object(call, c) : NULL;
}

static void close_clients(struct api_list *list, struct api_call *call)
{
	client_cursor_end(&list->cursor, &call->server->stat);
}

enum api_code api_clients(struct api_call *call)
{
	static const struct api_list list = {
		.name = "clients",
		.open = open_clients,
		.pass = pass_client,
		.next = next_client,
		.close = close_clients,
	};
	struct client *c = *call->tail ? stat_find(&call->server->stat, call->tail) : NULL;
	bool kick = call->method == HTTP_METHOD_DELETE;
	if (!*call->tail && !kick) {
		api_list_begin(call, &list);
		return API_OK;
	}
	if (!c)
		return API_NO_CLIENT;
	if (kick)
		client_stop(c, ERR_KICKED);
	else
		json_object_set_new(call->answer, "client", client_object(call, c));
	return API_OK;
}
