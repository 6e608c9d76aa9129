/* Answers to players: from the memory of an origin, from the cache of an edge, or the way to another server. */
#include "base/mem.h"
#include "cluster/coworker.h"
#include "cluster/upstream_get.h"
#include "output/hls_paths.h"
#include "service/flv_answer.h"
#include "service/hls_answer.h"
#include "service/hls_serve.h"
#include "service/hls_visitor.h"
#include "session/admit.h"
#include "session/signed_link.h"

#include <stdlib.h>
#include <string.h>

/* ---- where it is ---- */

static const struct hls_item *item_of(const struct hls_visitor *v)
{
	return hls_find(v->serve->hls, v->asked.vhost->name, v->s->request->path);
}

static bool is_on_demand(const struct hls_visitor *v, const struct hls_name *name)
{
	int64_t since;
	return strcmp(v->s->request->path + 1, name->list_path) == 0 &&
	       maker_can(&v->s->server->maker, v->asked.vhost, name->app, name->stream, &since);
}

static enum hls_place place_by_path(const struct hls_visitor *v, const struct hls_name *name)
{
	const struct conf_vhost *vhost = v->asked.vhost;
	if (vhost->cluster.mode == MODE_REMOTE)
		return HLS_AT_ORIGINS;
	if (hls_expects(v->serve->hls, vhost->name, name, v->s->request->path))
		return HLS_HERE;
	bool is_here = server_live_source(v->s->server, vhost, name->app, name->stream) != NULL;
	if (!is_here && is_on_demand(v, name))
		return HLS_ON_DEMAND;
	return vhost->cluster.origin_cluster && !is_here ? HLS_AT_COWORKERS : HLS_NOWHERE;
}

void hls_find_place(struct hls_visitor *v)
{
	struct hls_asked *a = &v->asked;
	struct hls_name name = {0};
	if (!a->vhost || !a->vhost->enabled || !a->vhost->hls.enabled)
		return;
	const struct hls_item *item = item_of(v);
	if (item) {
		v->place = HLS_HERE;
		a->type = item->type;
		name = hls_name_of(item);
	} else if (hls_name_by_path(a->vhost, v->s->request->path, &name, &a->type)) {
		v->place = place_by_path(v, &name);
	}
	if (v->place != HLS_NOWHERE)
		hls_asked_name(a, v->s, &name);
	hls_name_fini(&name);
}

static struct hls_serve_counts totals;

const struct hls_serve_counts *hls_serve_counts(void)
{
	return &totals;
}

static bool is_media(const char *type)
{
	return type == hls_type_ts || type == hls_type_mp4;
}

static void count(const char *type)
{
	totals.lists += type == hls_type_list;
	totals.keys += type == hls_type_key;
	totals.media += is_media(type) || type == hls_type_init;
}

/* ---- bytes ---- */

/* The query behind the URIs of the player's playlist: its session, and the proof of a signed link, for us or
 * for the origin that we ask. */
static char *query_for(const struct hls_visitor *v)
{
	const struct hls_asked *a = &v->asked;
	bool signs = *a->param && !strchr(a->param, '"') &&
		     (signed_link_applies(&a->vhost->signed_links, LINK_PLAY) ||
		      admit_asks_origin(&a->request));
	bool counts =
		a->vhost->hls.ctx && a->vhost->hls.ts_ctx && *a->session && !a->request.says_relay;
	return mem_printf("%s%s%s%s", counts ? "hls_ctx=" : "", counts ? a->session : "",
			  counts && signs ? "&" : "", signs ? a->param + 1 : "");
}

static void note_media(struct hls_visitor *v, err e, bool sent)
{
	bool gets = v->s->request->method == HTTP_METHOD_GET;
	v->has_media |= !e && sent && gets && is_media(v->asked.type);
}

static err send_file(struct hls_visitor *v, const char *type)
{
	err e = hls_answer_file(v->s, type, v->asked.vhost->hls.path);
	note_media(v, e, true);
	return e;
}

static err send_bytes(struct hls_visitor *v, struct span bytes, const char *variant)
{
	const char *type = v->asked.type;
	struct buf list = {0};
	size_t sent = 0;
	char *query = type == hls_type_list ? query_for(v) : NULL;
	if (query && *query) {
		list = hls_list_with(bytes, query);
		bytes = buf_span(&list);
	}
	free(query);
	err e = hls_answer_bytes(v->s, type, bytes, v->asked.request.says_relay ? variant : NULL,
				 &sent);
	buf_free(&list);
	note_media(v, e, sent > 0);
	return e;
}

static struct blob *blob_of(const struct hls_visitor *v, const struct hls_item *item)
{
	const struct hls_asked *a = &v->asked;
	bool skips = a->is_list && a->want.skips;
	struct blob *delta = skips ? hls_delta(v->serve->hls, a->vhost->name, &a->name) : NULL;
	return blob_ref(delta ? delta : item->blob);
}

static err send_item(struct hls_visitor *v, const struct hls_item *item)
{
	if (v->wants_master)
		return hls_answer_master(v->s, &v->asked, item->tag);
	if (!item->blob)
		return send_file(v, item->type);
	/* The item may go while it is sent. */
	struct blob *blob = blob_of(v, item);
	char *variant = v->asked.is_list ? mem_strdup(item->tag) : NULL;
	struct span bytes =
		v->asked.is_list ? blob_span(blob) : span_of(blob->p + item->from, item->n);
	err e = send_bytes(v, bytes, variant);
	free(variant);
	blob_unref(&blob);
	return e;
}

static err deliver_item(struct hls_visitor *v, bool *found)
{
	const struct hls_asked *a = &v->asked;
	enum hls_awaited awaited;
	maker_touch(&v->s->server->maker, a->vhost, a->name.app, a->name.stream);
	totals.waiting++;
	err e = hls_await(v->serve->hls, a->vhost->name, &a->name, v->s->request->path, &a->want,
			  &awaited);
	totals.waiting--;
	TRY(e);
	if (awaited == HLS_TOO_FAR)
		return flv_refuse(v->s, 400, "That is too far ahead of the stream.");
	if (awaited == HLS_TOO_LATE)
		return flv_refuse(v->s, 503, "It has not come in time.");
	const struct hls_item *item = item_of(v);
	*found = item != NULL; /* it may have gone meanwhile */
	return item ? send_item(v, item) : OK;
}

/* ---- on demand ---- */

/* Until the first segment is there. */
static err wait_for_list(struct hls_visitor *v, struct making *making)
{
	enum { PATIENCE_MS = 15000, STEP_MS = 50 };
	int64_t until = clock_after(PATIENCE_MS);
	while (!item_of(v)) {
		if (making->failed)
			return ERR_NOTFOUND;
		if (sock_hung_up(v->s->sock))
			return err_fail(ERR_CLOSED, "the player has left before there was a list");
		if (clock_ms() >= until)
			return ERR_TIMEOUT;
		err e = co_wait(clock_after(STEP_MS));
		if (e && e != ERR_TIMEOUT)
			return e;
	}
	return OK;
}

static err deliver_made(struct hls_visitor *v, bool *found)
{
	const struct hls_asked *a = &v->asked;
	const struct maker *maker = &v->s->server->maker;
	struct making making = {.co = co_self()};
	if (!maker_want(maker, a->vhost, a->name.app, a->name.stream, &making))
		return flv_refuse(v->s, 503, "The device cannot be called now.");
	if (*making.stream) { /* each playlist has one name, and those that it names */
		maker_leave(maker, &making);
		*found = true;
		return flv_redirect_stream(v->s, a->name.stream, making.stream);
	}
	err e = wait_for_list(v, &making);
	maker_leave(maker, &making);
	if (e == ERR_NOTFOUND)
		return flv_refuse(v->s, 404, making.why);
	if (e == ERR_TIMEOUT)
		return flv_refuse(v->s, 503, "The device has sent nothing in time.");
	return e ? e : deliver_item(v, found);
}

/* ---- of another server ---- */

/* The player is told in words of its own: whoever named the file may not be the one who asks. */
static err tell(struct hls_visitor *v, err e, bool *found)
{
	if (e == ERR_STOPPED)
		return e;
	*found = e != ERR_NOTFOUND || v->asked.is_list;
	if (e == ERR_LIMIT && v->asked.want.waits)
		return flv_refuse(v->s, 400, "That is too far ahead of the stream.");
	if (e == ERR_NOTFOUND)
		return *found ? flv_refuse(v->s, 404, "No origin has this stream.") : OK;
	return flv_refuse(v->s, 503, "No origin can be had for this stream now.");
}

static err deliver_cached(struct hls_visitor *v, bool *found)
{
	struct hls_file file = {0};
	err e = hls_cache_get(v->serve->cache, &v->asked, v->s->request->path, &file);
	if (e)
		return tell(v, e, found);
	if (v->wants_master)
		e = hls_answer_master(v->s, &v->asked,
				      *file.variant ? file.variant
						    : "BANDWIDTH=1,AVERAGE-BANDWIDTH=1");
	else
		e = send_bytes(v, blob_span(file.blob), file.variant);
	hls_file_fini(&file);
	return e;
}

/* A player comes once without a session: at the other server it gets one. */
static void note_redirect(const struct hls_visitor *v, int64_t asked_ms, const char *to)
{
	const struct hls_asked *a = &v->asked;
	if (a->is_list && !*a->session && !a->request.says_relay)
		request_refused(&a->request, asked_ms,
				err_fail(ERR_REDIRECT, "the stream /%s/%s is at %s", a->name.app,
					 a->name.stream, to),
				NULL);
}

static err redirect(struct hls_visitor *v, bool *found)
{
	const struct hls_asked *a = &v->asked;
	int64_t asked_ms = clock_ms();
	struct coworker_answer *answer = mem_new(struct coworker_answer);
	err e = coworker_find(v->s->server->cluster, a->vhost, &a->target, COWORKER_KEPT,
			      a->request.peer, answer);
	const char *to = a->request.tls ? answer->https : answer->http;
	*found = e == OK && *to;
	if (*found) {
		note_redirect(v, asked_ms, to);
		e = flv_redirect(v->s, a->vhost, to);
	} else if (e != ERR_STOPPED) {
		e = OK;
	}
	free(answer);
	return e;
}

err hls_deliver(struct hls_visitor *v, bool *found)
{
	count(v->asked.type);
	switch (v->place) {
	case HLS_AT_ORIGINS:
		return deliver_cached(v, found);
	case HLS_AT_COWORKERS:
		return redirect(v, found);
	case HLS_ON_DEMAND:
		return deliver_made(v, found);
	default:
		return deliver_item(v, found);
	}
}
