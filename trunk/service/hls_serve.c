/* The story of a request: whose stream it is of, whether the player may have it, and what it gets. */
#include "service/hls_serve.h"
#include "base/mem.h"
#include "service/flv_answer.h"
#include "service/hls_visitor.h"
#include "session/outcome.h"

#include <stdlib.h>

struct hls_serve *hls_serve_new(struct server *server, struct hls *hls)
{
	struct hls_serve *serve = mem_new(struct hls_serve);
	serve->hls = hls;
	serve->visits = hls_visits_new();
	serve->players = hls_players_new(server);
	serve->cache = hls_cache_new(server);
	return serve;
}

void hls_serve_end(struct hls_serve *serve)
{
	if (serve)
		hls_players_end(serve->players);
}

void hls_serve_free(struct hls_serve **serve)
{
	if (!*serve)
		return;
	hls_visits_free(&(*serve)->visits);
	hls_players_free(&(*serve)->players);
	hls_cache_free(&(*serve)->cache);
	free(*serve);
	*serve = NULL;
}

/* ---- who may ---- */

/* Without a session: whoever says whether it may is asked about each request. */
static err admit_request(struct hls_visitor *v, bool asks, struct outcome *outcome)
{
	TRY(hls_again_admit(&v->asked, &v->s->place, v->s->request, outcome));
	return hls_visits_check(v->serve->visits, &v->asked.request, asks, outcome);
}

/* A player: its session, or one that begins with this request. What a playlist names may be asked for
 * without one (hls_ts_ctx), as far as rules and links allow it. Whoever is sent elsewhere has its session
 * there. */
static err admit_player(struct hls_visitor *v, struct outcome *outcome)
{
	struct hls_asked *a = &v->asked;
	bool had_session = *a->session;
	enum hls_player_state state = hls_players_touch(v->serve->players, a);
	if (state == HLS_PLAYER_OUT)
		return outcome_refuse(outcome, OUTCOME_NOT_FOUND, "this session was ended");
	if (state == HLS_PLAYER_IN)
		return hls_visits_check(v->serve->visits, &a->request, false, outcome);
	if (!a->is_list || v->place == HLS_AT_COWORKERS)
		return admit_request(v, false, outcome);
	TRY(hls_players_begin(v->serve->players, a, &v->s->place, v->s->request, outcome));
	v->wants_master = !had_session;
	return OK;
}

static err admit(struct hls_visitor *v, struct outcome *outcome)
{
	struct hls_asked *a = &v->asked;
	if (!a->request.says_relay && a->vhost->hls.ctx)
		return admit_player(v, outcome);
	bool asks = a->is_list && v->place != HLS_AT_COWORKERS;
	if (!a->request.says_relay)
		return admit_request(v, asks, outcome);
	TRY(hls_relay_admit(a, &v->s->place, v->s->request, outcome));
	return hls_visits_check(v->serve->visits, &a->request, asks, outcome);
}

/* A player that may not is told so. */
static err enter(struct hls_visitor *v, bool *entered)
{
	struct outcome *outcome = mem_new(struct outcome); /* too large for a stack that waits */
	err e = admit(v, outcome);
	*entered = e == OK && !outcome->code;
	if (outcome->code)
		e = flv_tell(v->s, v->asked.vhost, outcome);
	free(outcome);
	return e;
}

/* ---- the story ---- */

static err deliver(struct hls_visitor *v, bool *found)
{
	const struct sock *sock = v->s->sock;
	int64_t before = sock_send_bytes(sock);
	err e = hls_deliver(v, found);
	hls_players_sent(v->serve->players, &v->asked, sock_send_bytes(sock) - before,
			 v->has_media);
	return e;
}

static err visit(struct hls_visitor *v, bool *found)
{
	struct http_session *s = v->s;
	hls_asked_read(&v->asked, s);
	hls_find_place(v);
	*found = v->place != HLS_NOWHERE;
	if (!*found)
		return OK;
	if (s->request->method != HTTP_METHOD_GET && s->request->method != HTTP_METHOD_HEAD)
		return http_respond_text(s->sock, s->request, 405, "It can only be read.",
					 "Allow: GET, HEAD\r\n");
	if (v->asked.is_bad)
		return flv_refuse(s, 400, "The directives of this request mean nothing.");
	bool entered;
	err e = enter(v, &entered);
	return entered ? deliver(v, found) : e;
}

static err serve(struct http_session *s, bool *found)
{
	struct hls_visitor *v = mem_new(struct hls_visitor);
	v->serve = (struct hls_serve *)(uintptr_t)s->route->arg;
	v->s = s;
	err e = visit(v, found);
	hls_asked_fini(&v->asked);
	free(v);
	return e;
}

void hls_serve_mount(struct http_router *router, struct hls_serve *serve_hls)
{
	http_router_add(router, &(struct http_route){.pattern = "*",
						     .methods = HTTP_ANY,
						     .ports = HTTP_PORT_FILES,
						     .serve = serve,
						     .arg = serve_hls});
}
