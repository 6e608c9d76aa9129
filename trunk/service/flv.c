/* The story of a request for a live stream over HTTP: which stream it means, and whether it may have it; then
 * it is played (flv_play.c). */
#include "service/flv.h"
#include "base/mem.h"
#include "cluster/link.h"
#include "http/websocket.h"
#include "node/signed_request.h"
#include "service/flv_answer.h"
#include "service/flv_play.h"
#include "service/flv_request.h"
#include "session/admit.h"

#include <stdlib.h>
#include <string.h>

struct flv_visit {
	struct http_session *s;
	struct flv_request asked;
	struct request request;
};

static enum sign_verdict verify(void *ctx)
{
	const struct flv_visit *v = ctx;
	char *claim = link_flv_claim(v->asked.path, v->asked.via);
	enum sign_verdict verdict =
		signed_request_check(v->s->server->signer, v->s->request, span_str(claim));
	free(claim);
	return verdict;
}

/* A client that names the servers it came by says that it is one. */
static void make_request(struct flv_visit *v)
{
	const struct flv_request *r = &v->asked;
	v->request = (struct request){
		.server = v->s->server,
		.conf = v->s->conf,
		.vhost = r->vhost,
		.target = &r->target,
		.peer = sock_peer(v->s->sock),
		.type = "flv-play",
		.tc_url = r->tc_url,
		.page_url = r->page_url,
		.swf_url = "",
		.url = r->url,
		.path_asked = r->path_asked,
		.proof = r->proof,
		.http = true,
		.tls = sock_is_encrypted(v->s->sock),
		.hop = r->hop,
		.had_until = r->had_until,
		.path = r->path,
		.via = r->via,
		.redirected = "",
		.says_relay = *r->path,
	};
}

/* An origin is asked as over RTMP: its words are those of connect. */
static err admit(struct flv_visit *v, struct outcome *outcome)
{
	const struct target *t = &v->asked.target;
	char *tc_url = mem_printf("rtmp://%s/%s%s", t->vhost, t->app, t->param);
	err e = admit_stream(&(struct admission){
		.request = &v->request,
		.place = &v->s->place,
		.verify = verify,
		.ctx = v,
		.can_correct = true,
		.token =
			&(struct token_words){
				.app = t->app,
				.tc_url = tc_url,
				.page_url = v->asked.page_url,
				.swf_url = "",
			},
		.outcome = outcome,
	});
	free(tc_url);
	return e;
}

/* An outcome is large: it goes before the stream is played, which may take days. */
static err ask_admission(struct flv_visit *v, bool *refused)
{
	struct outcome *outcome = mem_new(struct outcome);
	err e = admit(v, outcome);
	*refused = outcome->code != OUTCOME_NONE;
	if (*refused)
		e = flv_tell(v->s, v->asked.vhost, outcome);
	free(outcome);
	return e;
}

/* The connection is the stream's, or ends. */
static err serve(struct flv_visit *v)
{
	bool refused;
	v->s->request->keep_alive = false;
	err e = ask_admission(v, &refused);
	return e || refused ? e : flv_play(v->s, &v->request);
}

static err read_and_serve(struct flv_visit *v, bool *found)
{
	struct http_session *s = v->s;
	int method = s->request->method;
	err e = flv_request_read(&v->asked, s->conf, s->request, sock_local(s->sock));
	if (e)
		return flv_refuse(s, 400, err_trail(e));
	*found = v->asked.vhost != NULL;
	if (!*found)
		return OK;
	if (method != HTTP_METHOD_GET && method != HTTP_METHOD_HEAD)
		return flv_refuse(s, 405, "Only GET and HEAD are possible here.");
	enum websocket_asked asked = websocket_asked(s->request);
	if (asked == WEBSOCKET_VERSION)
		return http_respond_text(s->sock, s->request, 426,
					 "Only version 13 of WebSocket is spoken here.",
					 "Sec-WebSocket-Version: 13\r\n");
	if (asked == WEBSOCKET_BAD)
		return flv_refuse(s, 400, "The request for a WebSocket has no key.");
	make_request(v);
	return serve(v);
}

/* The coroutine's stack stays as large as it was at its deepest: what is large is allocated. */
err flv_serve(struct http_session *s, bool *found)
{
	struct flv_visit *v = mem_new(struct flv_visit);
	v->s = s;
	err e = read_and_serve(v, found);
	flv_request_fini(&v->asked);
	free(v);
	return e;
}
