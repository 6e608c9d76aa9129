/* The story of a request for a live stream over HTTP: which stream it means, whether another server
 * makes it; then it is played (flv_play.c). */
#include "service/flv.h"
#include "base/mem.h"
#include "cluster/link.h"
#include "cluster/upstream_request.h"
#include "node/signed_request.h"
#include "service/flv_answer.h"
#include "service/flv_play.h"
#include "service/flv_request.h"
#include "session/permit.h"

#include <stdlib.h>
#include <string.h>

struct visit {
	struct http_session *s;
	struct flv_request request;
	bool is_relay; /* another server: signed, where there is a secret */
};

/* ---- another server ---- */

static enum sign_verdict check_claim(const struct visit *v)
{
	char *claim = link_flv_claim(v->request.path, v->request.via);
	enum sign_verdict verdict =
		signed_request_check(v->s->server->signer, v->s->request, span_str(claim));
	free(claim);
	return verdict;
}

/* Who names the servers that it came by says that it is one. *refused: it may not ask, and has been told
 * so. */
static err judge_relay(struct visit *v, bool *refused)
{
	struct http_session *s = v->s;
	const struct flv_request *r = &v->request;
	v->is_relay = *r->path;
	*refused = true;
	if (v->is_relay && !server_relay_allowed(s->server, r->vhost, sock_peer(s->sock)))
		return flv_refuse(s, 403, "Other servers are not accepted from this address.");
	if (v->is_relay && signer_has(s->server->signer, r->vhost->name)) {
		enum sign_verdict verdict = check_claim(v);
		if (verdict == SIGN_MISDIRECTED)
			return signed_request_refuse(s->sock, s->request, verdict,
						     s->server->service_id, s->cors);
		v->is_relay = server_relay_verified(s->server, verdict, sock_peer(s->sock));
	}
	/* A reason to refuse, also when it is not proven. */
	err e = upstream_check_path(s->server, r->vhost, r->path, r->via);
	if (e)
		return flv_refuse(s, 403, err_trail(e));
	*refused = false;
	return OK;
}

static err check_permit(struct visit *v, const struct request *request, bool *refused)
{
	struct outcome outcome = {0};
	err e = permit_check(request, &outcome);
	*refused = outcome.code != OUTCOME_NONE;
	return *refused ? flv_tell(v->s, request->vhost, &outcome) : e;
}

/* ---- the story ---- */

static err get(struct visit *v)
{
	const struct flv_request *r = &v->request;
	struct http_session *s = v->s;
	bool refused;
	s->request->keep_alive = false;
	TRY(judge_relay(v, &refused));
	if (refused)
		return OK;
	struct request request = {
		.server = s->server,
		.conf = s->conf,
		.vhost = r->vhost,
		.target = &r->target,
		.peer = sock_peer(s->sock),
		.type = "flv-play",
		.tc_url = r->tc_url,
		.page_url = r->page_url,
		.swf_url = "",
		.url = r->url,
		.http = true,
		.tls = sock_is_encrypted(s->sock),
		.path = r->path,
		.via = r->via,
		.redirected = "",
		.says_relay = *r->path,
		.is_relay = v->is_relay,
		.path_asked = r->path_asked,
		.proof = r->proof,
	};
	TRY(check_permit(v, &request, &refused));
	return refused ? OK : flv_play(s, &request);
}

static err serve(struct visit *v, bool *found)
{
	struct http_session *s = v->s;
	*found = true;
	err e = flv_request_read(&v->request, s->conf, s->request, sock_local(s->sock));
	if (e)
		return flv_refuse(s, 400, err_trail(e));
	*found = v->request.vhost != NULL;
	if (!*found)
		return OK;
	if (s->request->method == HTTP_METHOD_HEAD)
		return flv_answer_head(s);
	if (s->request->method != HTTP_METHOD_GET)
		return flv_refuse(s, 405, "Only GET and HEAD are possible here.");
	e = get(v);
	/* The connection ends in any case; one that has ended its stream has ended well. */
	return e == ERR_ENDED ? OK : e;
}

/* The coroutine's stack stays as large as it was at its deepest: what is large is allocated. */
err flv_serve(struct http_session *s, bool *found)
{
	struct visit *v = mem_new(struct visit);
	v->s = s;
	err e = serve(v, found);
	flv_request_fini(&v->request);
	free(v);
	return e;
}
