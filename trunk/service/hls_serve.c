/* The story of a request: whose stream it is of, whether the player may have it, and what it gets. */
#include "service/hls_serve.h"
#include "base/mem.h"
#include "service/flv_answer.h"
#include "service/hls_answer.h"
#include "service/hls_players.h"
#include "service/hls_visits.h"
#include "session/signed_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hls_serve {
	struct hls *hls;
	struct hls_visits *visits;
	struct hls_players *players;
};

/* One request. Too large for a stack that waits. */
struct hls_visitor {
	struct hls_serve *serve;
	struct http_session *s;
	struct hls_asked asked;
	struct outcome outcome;
	bool wants_master; /* it has no session yet */
};

struct hls_serve *hls_serve_new(struct server *server, struct hls *hls)
{
	struct hls_serve *serve = mem_new(struct hls_serve);
	serve->hls = hls;
	serve->visits = hls_visits_new();
	serve->players = hls_players_new(server);
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
	free(*serve);
	*serve = NULL;
}

/* ---- who may ---- */

/* A player: its session, or one that begins with this request. What a playlist names may be asked for
 * without one (hls_ts_ctx), as far as rules and links allow it. */
static err admit_player(struct hls_visitor *v)
{
	struct hls_asked *a = &v->asked;
	bool had_session = *a->session;
	enum hls_player_state state = hls_players_touch(v->serve->players, a);
	if (state == HLS_PLAYER_OUT)
		return outcome_refuse(&v->outcome, OUTCOME_NOT_FOUND, "this session was ended");
	if (state == HLS_PLAYER_IN || !a->is_list)
		return hls_visits_check(v->serve->visits, &a->request, false, &v->outcome);
	TRY(hls_players_begin(v->serve->players, a, &v->s->place, v->s->request, &v->outcome));
	v->wants_master = !had_session;
	return OK;
}

static err admit(struct hls_visitor *v)
{
	struct hls_asked *a = &v->asked;
	if (!a->request.says_relay && a->vhost->hls.ctx)
		return admit_player(v);
	if (a->request.says_relay)
		TRY(hls_relay_admit(a, &v->s->place, v->s->request, &v->outcome));
	return hls_visits_check(v->serve->visits, &a->request, a->is_list, &v->outcome);
}

/* ---- what it gets ---- */

/* What stands behind the URIs of its playlist: its session, and the proof of a signed link. */
static char *query_for(const struct hls_visitor *v)
{
	const struct hls_asked *a = &v->asked;
	bool signs = *a->param && !strchr(a->param, '"') &&
		     signed_link_applies(&a->vhost->signed_links, LINK_PLAY);
	bool counts =
		a->vhost->hls.ctx && a->vhost->hls.ts_ctx && *a->session && !a->request.says_relay;
	return mem_printf("%s%s%s%s", counts ? "hls_ctx=" : "", counts ? a->session : "",
			  counts && signs ? "&" : "", signs ? a->param + 1 : "");
}

static err send_bytes(struct hls_visitor *v, const char *type, struct span bytes)
{
	struct buf list = {0};
	size_t sent = 0;
	char *query = type == hls_type_list ? query_for(v) : NULL;
	if (query && *query) {
		list = hls_list_with(bytes, query);
		bytes = buf_span(&list);
	}
	free(query);
	err e = hls_answer_bytes(v->s, type, bytes, &sent);
	buf_free(&list);
	hls_players_sent(v->serve->players, v->asked.session, (int64_t)sent);
	return e;
}

static err send_item(struct hls_visitor *v, const struct hls_item *item)
{
	const char *type = item->type;
	if (v->wants_master)
		return hls_answer_master(v->s, &v->asked, item->tag);
	if (!item->blob)
		return hls_answer_file(v->s, type, v->asked.vhost->hls.path);
	struct blob *blob = blob_ref(item->blob); /* the item may go while it is sent */
	err e = send_bytes(v, type, blob_span(blob));
	blob_unref(&blob);
	return e;
}

/* ---- the story ---- */

static const struct hls_item *item_of(const struct hls_visitor *v)
{
	return hls_find(v->serve->hls, v->asked.vhost->name, v->s->request->path);
}

static err visit(struct hls_visitor *v, bool *found)
{
	struct http_session *s = v->s;
	hls_asked_read(&v->asked, s);
	const struct hls_item *item = v->asked.vhost ? item_of(v) : NULL;
	*found = item != NULL;
	if (!item)
		return OK;
	if (s->request->method != HTTP_METHOD_GET && s->request->method != HTTP_METHOD_HEAD)
		return http_respond_text(s->sock, s->request, 405, "It can only be read.",
					 "Allow: GET, HEAD\r\n");
	struct hls_name name = hls_name_of(item);
	hls_asked_name(&v->asked, s, &name);
	err e = admit(v);
	if (v->outcome.code)
		return flv_tell(s, v->asked.vhost, &v->outcome);
	if (e)
		return e;
	item = item_of(v);
	if (item)
		return send_item(v, item);
	*found = false; /* it has gone meanwhile */
	return OK;
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
