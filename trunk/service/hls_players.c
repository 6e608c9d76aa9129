#include "service/hls_players.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/link.h"
#include "node/signed_request.h"
#include "session/admit.h"
#include "session/hooks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	/* Until it has been asked with: anybody can have a session made, and then be gone. */
	UNPROVEN_MS = 30000,
	STEP_MS = 1000,
};

struct hls_player {
	struct hls_player *prev, *next; /* those not asked with yet, oldest first */
	struct hls_players *players;
	struct client client;
	struct conn_place share; /* of its address */
	struct request request;
	struct target target;
	struct addr peer;
	struct conf *conf;
	struct source *source;
	char *tc_url, *page_url, *url;
	int64_t sent, until_ms;
	bool is_proven; /* its session was asked with */
	bool is_out;
	bool is_told; /* the log has its begin, so that it gets its end */
};

/* A session on its way in: web services are asked, which takes its time. */
struct beginning {
	struct beginning *prev, *next;
	const struct hls_asked *asked;
};

struct hls_players {
	struct server *server;
	struct beginning *beginning;
	struct map *by_id;
	struct places shares;
	struct hls_player *unproven;
	struct co *keeper; /* ends those that are over; NULL while there are none */
};

/* ---- one player ---- */

static void player_stop(struct client *client, err why)
{
	struct hls_player *p = container_of(client, struct hls_player, client);
	p->is_out = true;
	if (!p->client.ended)
		p->client.ended = why;
	/* Whoever comes again while the server is drained is sent elsewhere. */
	if (why == ERR_DRAINED)
		p->until_ms = 0;
	if (p->players->keeper)
		co_wake(p->players->keeper);
}

static struct traffic player_count(const struct client *client)
{
	return (struct traffic){
		.send = container_of_const(client, struct hls_player, client)->sent};
}

static const struct client_ops player_ops = {.stop = player_stop, .count = player_count};

static int64_t patience_ms(const struct hls_player *p)
{
	return p->is_proven ? 2 * p->request.vhost->hls.window_ms : UNPROVEN_MS;
}

static void refresh(struct hls_player *p)
{
	if (!p->is_proven)
		DL_DELETE(p->players->unproven, p);
	p->is_proven = true;
	p->until_ms = clock_after(patience_ms(p));
}

/* A copy of what it asked for, which outlives the connection. */
static struct hls_player *player_new(struct hls_players *players, const struct hls_asked *a)
{
	const struct request *r = &a->request;
	struct hls_player *p = mem_new(struct hls_player);
	p->players = players;
	p->peer = *r->peer;
	p->conf = conf_ref(r->conf);
	p->tc_url = mem_strdup(r->tc_url);
	p->page_url = mem_strdup(r->page_url);
	p->url = mem_strdup(r->url);
	p->target = target_copy(r->target);
	p->request = *r;
	p->request.target = &p->target;
	p->request.peer = &p->peer;
	p->request.tc_url = p->tc_url;
	p->request.page_url = p->page_url;
	p->request.url = p->url;
	p->request.path_asked = p->request.path = p->request.via = "";
	p->source = server_source(r->server, r->vhost, r->target->app, r->target->stream);
	return p;
}

/* Leaves the statistics, under its own id: web services are told of it by that. The first reason counts. */
static void leave(struct hls_player *p, err why, const char *text)
{
	char id[9];
	if (!p->client.source)
		return;
	if (!p->client.ended) {
		p->client.ended = why;
		p->client.why = text;
	}
	snprintf(id, sizeof(id), "%s", co_id());
	co_set_id(p->client.id);
	if (p->is_told)
		log_info("hls-play of %s ends: %s", p->source->key, client_why(&p->client));
	stat_leave(&p->players->server->stat, &p->client);
	co_set_id(id);
}

static void player_free(struct hls_player *p, err why, const char *text)
{
	leave(p, why, text);
	(void)map_remove(p->players->by_id, p->client.id);
	if (!p->is_proven)
		DL_DELETE(p->players->unproven, p);
	place_give(&p->share);
	source_unref(&p->source);
	target_fini(&p->target);
	conf_unref(&p->conf);
	free(p->tc_url);
	free(p->page_url);
	free(p->url);
	free(p);
}

/* ---- all of them ---- */

struct hls_players *hls_players_new(struct server *server)
{
	struct hls_players *players = mem_new(struct hls_players);
	players->server = server;
	players->by_id = map_new();
	places_init(&players->shares);
	return players;
}

void hls_players_end(struct hls_players *players)
{
	for (struct map_iter it = map_begin(players->by_id); map_next(&it);)
		player_free(it.value, ERR_STOPPED, NULL);
}

void hls_players_free(struct hls_players **players)
{
	if (!*players)
		return;
	hls_players_end(*players);
	map_free(&(*players)->by_id);
	places_fini(&(*players)->shares);
	free(*players);
	*players = NULL;
}

/* A player says no good-bye: it asks for nothing more. */
static void lapse(struct hls_player *p)
{
	char why[80];
	snprintf(why, sizeof(why), "nothing was asked with its session for %lld s",
		 (long long)patience_ms(p) / 1000);
	player_free(p, ERR_CLOSED, why);
}

/* A session that was ended is remembered for as long as it would have lived, and stays refused. */
static void end_those_over(struct hls_players *players)
{
	int64_t now = clock_ms();
	for (struct map_iter it = map_begin(players->by_id); map_next(&it);) {
		struct hls_player *p = it.value;
		if (p->until_ms <= now)
			lapse(p);
		else if (p->is_out)
			leave(p, p->client.ended, NULL);
	}
}

static void keeper_main(void *arg)
{
	struct hls_players *players = arg;
	err e = OK;
	while (e != ERR_STOPPED && map_count(players->by_id) > 0) {
		e = co_wait(clock_after(STEP_MS));
		end_those_over(players);
	}
	players->keeper = NULL;
}

static void keep(struct hls_players *players)
{
	if (!players->keeper)
		players->keeper = co_start_in(&players->server->services, "hls-players",
					      keeper_main, players);
}

/* ---- a request ---- */

static struct hls_player *find_in_any_app(const struct hls_players *players,
					  const struct hls_asked *a)
{
	struct hls_player *p = *a->session ? map_get(players->by_id, a->session) : NULL;
	bool is_of_stream = p && p->request.vhost &&
			    strcmp(p->request.vhost->name, a->vhost->name) == 0 &&
			    strcmp(p->target.stream, a->name.stream) == 0;
	return is_of_stream ? p : NULL;
}

static struct hls_player *find(const struct hls_players *players, const struct hls_asked *a)
{
	struct hls_player *p = find_in_any_app(players, a);
	return p && strcmp(p->target.app, a->name.app) == 0 ? p : NULL;
}

enum hls_player_state hls_players_touch(struct hls_players *players, const struct hls_asked *a)
{
	struct hls_player *p = find(players, a);
	if (!p)
		return HLS_PLAYER_NONE;
	if (p->is_out)
		return HLS_PLAYER_OUT;
	refresh(p);
	return HLS_PLAYER_IN;
}

void hls_players_sent(struct hls_players *players, const struct hls_asked *a, int64_t bytes,
		      bool has_media)
{
	/* Names of files need not say the app. */
	struct hls_player *p = *a->name.app ? find(players, a) : find_in_any_app(players, a);
	if (!p)
		return;
	p->sent += bytes;
	if (has_media && p->client.source && !p->client.first_ms)
		stat_first(&players->server->stat, &p->client);
}

struct proof {
	const struct hls_asked *asked;
	const struct http_message *message;
};

static enum sign_verdict verify(void *ctx)
{
	const struct proof *p = ctx;
	const struct request *r = &p->asked->request;
	char *claim = link_flv_claim(r->path, r->via);
	enum sign_verdict verdict =
		signed_request_check(r->server->signer, p->message, span_str(claim));
	free(claim);
	return verdict;
}

/* An edge asks its origin in the words of connect. */
static err admit_by(err (*check)(struct admission *admission), struct hls_asked *a,
		    struct conn_place *place, const struct http_message *message,
		    struct outcome *outcome)
{
	const struct target *t = &a->target;
	char *tc_url = mem_printf("rtmp://%s/%s%s", t->vhost, t->app, t->param);
	err e = check(&(struct admission){
		.request = &a->request,
		.place = place,
		.verify = verify,
		.ctx = &(struct proof){a, message},
		.can_correct = true,
		.token = &(struct token_words){.app = t->app,
					       .tc_url = tc_url,
					       .page_url = a->request.page_url,
					       .swf_url = ""},
		.outcome = outcome,
	});
	free(tc_url);
	return e;
}

static err admit(struct hls_asked *a, struct conn_place *place, const struct http_message *message,
		 struct outcome *outcome)
{
	return admit_by(admit_stream, a, place, message, outcome);
}

err hls_relay_admit(struct hls_asked *a, struct conn_place *place,
		    const struct http_message *message, struct outcome *outcome)
{
	return admit(a, place, message, outcome);
}

err hls_again_admit(struct hls_asked *a, struct conn_place *place,
		    const struct http_message *message, struct outcome *outcome)
{
	return admit_by(admit_again, a, place, message, outcome);
}

static bool is_same_stream(const struct hls_asked *a, const struct hls_asked *b)
{
	return a->vhost == b->vhost && strcmp(a->name.app, b->name.app) == 0 &&
	       strcmp(a->name.stream, b->name.stream) == 0;
}

/* Two requests for one stream may begin one session; those for two streams would have the same id. */
static bool is_taken(const struct hls_players *players, const struct hls_asked *a)
{
	const struct beginning *b;
	DL_FOREACH (players->beginning, b)
		if (strcmp(b->asked->session, a->session) == 0 && !is_same_stream(b->asked, a))
			return true;
	return map_get(players->by_id, a->session) || stat_find(&players->server->stat, a->session);
}

/* The client's own id is kept where it can be, so that a player can go on at another server with it. */
static void choose_id(const struct hls_players *players, struct hls_asked *a)
{
	if (*a->session && !is_taken(players, a))
		return;
	co_new_id(a->session);
}

static void enter(struct hls_players *players, const struct hls_asked *a, struct conn_place *share,
		  int64_t asked_ms)
{
	struct hls_player *p = player_new(players, a);
	p->share = *share;
	*share = (struct conn_place){0};
	p->client.ops = &player_ops;
	p->client.source = p->source;
	p->client.accepted = true;
	p->client.asked_ms = asked_ms;
	request_describe(&p->request, &p->client);
	stat_enter(&players->server->stat, &p->client); /* the coroutine has the session's id */
	(void)map_set(players->by_id, a->session, p);
	DL_APPEND(players->unproven, p);
	p->until_ms = clock_after(patience_ms(p));
	p->is_told = !co_muted();
	log_info("hls-play of %s", p->source->key);
	keep(players);
}

/* Sessions that nobody has asked with make room for others. */
static bool make_room(struct hls_players *players)
{
	if (map_count(players->by_id) >= HLS_PLAYERS_MAX && players->unproven)
		player_free(players->unproven, ERR_CLOSED,
			    "its place was needed, and nothing was asked with its session");
	return map_count(players->by_id) < HLS_PLAYERS_MAX;
}

/* No single address may take all places: two requests make a session that lasts. */
static bool take_share(struct hls_players *players, struct conn_place *share,
		       const struct hls_asked *a)
{
	static const struct place_share what = {"HLS", HLS_PLAYERS_PER_ADDRESS};
	return server_take_share(a->request.conf, share, &players->shares, &what, a->request.peer);
}

static err begin(struct hls_players *players, struct hls_asked *a, int64_t asked_ms,
		 struct outcome *outcome)
{
	struct conn_place share;
	TRY(hooks_ask(&a->request, HOOK_ON_PLAY, outcome));
	if (find(players, a)) /* another request of its has come first */
		return OK;
	if (!take_share(players, &share, a))
		return outcome_refuse(outcome, OUTCOME_FULL,
				      "there are too many players of HLS at that address");
	if (!make_room(players)) {
		place_give(&share);
		return outcome_refuse(outcome, OUTCOME_FULL, "there are too many players of HLS");
	}
	enter(players, a, &share, asked_ms);
	return OK;
}

err hls_players_begin(struct hls_players *players, struct hls_asked *a, struct conn_place *place,
		      const struct http_message *message, struct outcome *outcome)
{
	char id[9];
	int64_t asked_ms = clock_ms();
	snprintf(id, sizeof(id), "%s", co_id());
	struct beginning self = {.asked = a};
	choose_id(players, a);
	DL_APPEND(players->beginning, &self);
	co_set_id(a->session);
	err e = admit(a, place, message, outcome);
	if (!e) {
		e = begin(players, a, asked_ms, outcome);
		if (e)
			request_refused(&a->request, asked_ms, e, outcome);
	}
	DL_DELETE(players->beginning, &self);
	co_set_id(id);
	return e;
}
