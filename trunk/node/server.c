#include "node/server.h"
#include "base/log.h"
#include "codec/url.h"
#include "node/arrivals.h"
#include "node/notice.h"

#include <stdlib.h>

/* The options of a vhost in the words of the layer below. */
static struct source_opts source_opts(const struct conf_vhost *vhost)
{
	const struct conf_play *play = &vhost->play;
	return (struct source_opts){
		.chunk_size = (uint32_t)vhost->chunk_size,
		/* A push starts at the last key frame, whatever players get. */
		.gop_cache = play->gop_cache || vhost->cluster.mode == MODE_REMOTE,
		.gop_max_messages = play->gop_cache_max_frames,
		.resume_window_ms = play->resume_window_ms,
		.backlog_ms = play->queue_length_ms,
		.jitter = play->time_jitter == JITTER_ZERO  ? TIMELINE_ZERO
			  : play->time_jitter == JITTER_OFF ? TIMELINE_OFF
							    : TIMELINE_FULL,
		.absolute_time = play->atc,
		.reduce_headers = play->reduce_sequence_header,
		.batch_ms = vhost->min_latency ? 0 : play->mw_latency_ms,
		.notify_end = play->notify_unpublish,
	};
}

struct source *server_source(struct server *server, const struct conf_vhost *vhost, const char *app,
			     const char *stream)
{
	char *key = stream_key(vhost->name, app, stream);
	struct source_opts opts = source_opts(vhost);
	struct source *s = registry_get(&server->registry, key, vhost->name, app, stream, &opts);
	free(key);
	return s;
}

bool server_is_proxy(const struct conf *conf, const struct addr *peer)
{
	for (int i = 0; i < conf->trusted_proxies.count; i++)
		if (addr_within(peer, conf->trusted_proxies.v[i]))
			return true;
	return false;
}

static struct place_limits place_limits(const struct conf *conf, const struct addr *peer)
{
	int per_address = conf->max_connections_per_address ?: (conf->max_connections + 1) / 2;
	return (struct place_limits){
		.all = conf->max_connections,
		.reserve = CONNECTIONS_RESERVED,
		.per_listener = conf->max_connections_per_listener,
		.per_address = server_is_proxy(conf, peer) ? 0 : per_address,
		.reserve_per_address = CONNECTIONS_RESERVED_PER_ADDRESS,
	};
}

static struct place_limits api_limits(const struct conf *conf, const struct addr *peer)
{
	return (struct place_limits){
		.all = CONNECTIONS_API,
		.per_address = server_is_proxy(conf, peer) ? 0 : CONNECTIONS_API / 2,
	};
}

bool server_may_arrive(struct server *server, const struct addr *peer)
{
	const struct conf *conf = server->conf;
	struct arrival_rate rate = {.per_s = conf->max_connection_rate_per_address,
				    .burst = conf->max_connection_burst_per_address};
	return addr_is_loopback(peer) || server_is_proxy(conf, peer) ||
	       arrivals_of_address(server->arrivals, peer, rate);
}

static bool may_listener_take(struct server *server, const char *listener, const struct addr *peer)
{
	struct arrival_rate rate = {.per_s = server->conf->max_connection_rate,
				    .burst = server->conf->max_connection_burst};
	return addr_is_loopback(peer) || arrivals_at_listener(server->arrivals, listener, rate);
}

bool server_take_place(struct server *server, struct conn_place *place, const char *listener,
		       const struct addr *peer)
{
	struct place_limits limits = place_limits(server->conf, peer);
	return server_may_arrive(server, peer) && may_listener_take(server, listener, peer) &&
	       place_take(place, &server->places, &limits, listener, peer);
}

bool server_take_api_place(struct server *server, struct conn_place *place, const struct addr *peer)
{
	struct place_limits limits = api_limits(server->conf, peer);
	return place_take(place, &server->api_places, &limits, "HTTP API", peer);
}

bool server_take_share(const struct conf *conf, struct conn_place *place, struct places *places,
		       const struct place_share *share, const struct addr *peer)
{
	struct place_limits limits = {.per_address =
					      server_is_proxy(conf, peer) ? 0 : share->per_address};
	if (place_take(place, places, &limits, share->what, peer) && !place->is_reserved)
		return true;
	place_give(place);
	return false;
}

bool server_move_place(struct server *server, struct conn_place *place, const struct addr *peer)
{
	struct place_limits limits = place->places == &server->api_places
					     ? api_limits(server->conf, peer)
					     : place_limits(server->conf, peer);
	return place_hand_over(place, &limits, peer);
}

static struct source *find_live(const struct server *server, const struct conf_vhost *vhost,
				const char *app, const char *stream)
{
	char *key = stream_key(vhost->name, app, stream);
	struct source *s = registry_find(&server->registry, key);
	free(key);
	return s && source_is_live(s) ? s : NULL;
}

struct source *server_live_source(const struct server *server, const struct conf_vhost *vhost,
				  const char *app, const char *stream)
{
	struct source *s = find_live(server, vhost, app, stream);
	char *cut = s ? NULL : stream_cut(stream);
	if (cut)
		s = find_live(server, vhost, app, cut);
	free(cut);
	return s;
}

struct source *server_source_to_play(struct server *server, const struct conf_vhost *vhost,
				     const char *app, const char *stream)
{
	struct source *s = server_live_source(server, vhost, app, stream);
	return s ? source_ref(s) : server_source(server, vhost, app, stream);
}

bool server_is_successor(const struct server *server, const struct addr *peer)
{
	return server->next.state == GENERATION_THERE && addr_is_loopback(peer);
}

bool server_relay_allowed(struct server *server, const struct conf_vhost *vhost,
			  const struct addr *peer)
{
	const struct text_list *relays = &vhost->cluster.relays;
	char ip[ADDR_TEXT_MAX];
	bool welcome = relays->count == 0 || server_is_successor(server, peer);
	for (int i = 0; i < relays->count && !welcome; i++)
		welcome = addr_within(peer, relays->v[i]);
	if (welcome)
		return true;
	addr_ip(ip, peer);
	server->stat.refused_relays++;
	if (notice_is_due(server->notices, ip))
		log_warn("a relay from %s is refused: cluster.relays has no such address", ip);
	return false;
}

bool server_relay_verified(struct server *server, enum sign_verdict verdict,
			   const struct addr *peer)
{
	char ip[ADDR_TEXT_MAX];
	addr_ip(ip, peer);
	if (verdict != SIGN_GOOD && notice_is_due(server->notices, ip))
		log_warn("the relay at %s is taken for a player or encoder: %s", ip,
			 sign_why(verdict));
	return verdict == SIGN_GOOD;
}

const char *server_advertise(const struct server *server)
{
	return server->conf->advertise;
}

int server_rtmp_port(const struct server *server)
{
	struct hostport at;
	const struct text_list *listen = &server->conf->listen;
	return listen->count && hostport_listen(&at, listen->v[0]) ? at.port : PORT_RTMP;
}
