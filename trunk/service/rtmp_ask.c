/* Whether a client of another server may play or publish, which that server asks before it lets it in
 * (token_traverse): judged by the rules that a client of our own meets. One question a connection, so that strangers
 * learn no more by it, and no faster, than by trying. */
#include "base/log.h"
#include "base/mem.h"
#include "cluster/question.h"
#include "service/rtmp_session.h"
#include "session/admit.h"
#include "session/hooks.h"
#include "session/signed_link.h"

#include <stdio.h>
#include <stdlib.h>

enum { ANSWER_MS = 5000 };

struct asked {
	struct rtmp_session *session;
	struct question question;
	bool is_believed; /* it is another server of the cluster beyond doubt */
	struct conf *conf;
	struct addr client;
	struct target target;
	char *proof;
	struct request request;
	struct outcome outcome;
	struct question_answer answer;
};

/* The address that a server tells of its client counts where it is beyond doubt a server of the cluster: signed,
 * where there is a secret, else from an address of cluster.relays. Others ask for themselves. */
static bool is_believed(const struct asked *a)
{
	struct rtmp_session *s = a->session;
	const struct conf_vhost *vhost = a->request.vhost;
	if (signer_has(s->server->signer, vhost->name))
		return server_relay_verified(
			s->server, question_check(s->server, &a->question, s->want.object),
			&s->peer);
	return vhost->cluster.relays.count > 0 && server_relay_allowed(s->server, vhost, &s->peer);
}

static void make_target(struct asked *a)
{
	const struct question *q = &a->question;
	a->target = (struct target){
		.is_rtmp = !q->http,
		.host = mem_strdup(q->vhost),
		.port = PORT_RTMP,
		.vhost = mem_strdup(q->vhost),
		.app = mem_strdup(q->app),
		.stream = mem_strdup(q->stream),
		.param = mem_strdup(q->param),
	};
}

/* The server that asks may have cut the proof of a link off its path, or not know of it. */
static void take_proof(struct asked *a)
{
	const struct conf_vhost *vhost = a->request.vhost;
	if (*a->question.proof || !vhost)
		a->proof = mem_strdup(a->question.proof);
	else
		a->proof = signed_link_take_proof(&vhost->signed_links, a->target.app);
	a->request.proof = a->proof;
}

static void make_request(struct asked *a)
{
	const struct question *q = &a->question;
	struct request *r = &a->request;
	make_target(a);
	request_init(r, a->session->server, a->conf, &a->target);
	take_proof(a);
	r->peer = &a->session->peer;
	r->type = q->publish ? "fmle-publish" : "rtmp-play";
	r->publish = q->publish;
	r->http = q->http;
	r->page_url = q->page_url;
	r->swf_url = q->swf_url;
	r->tc_url = q->tc_url;
	r->path_asked = q->path;
	a->is_believed = r->vhost && is_believed(a);
	if (a->is_believed)
		place_prove(&a->session->place);
	if (a->is_believed && addr_literal(&a->client, q->ip, 0))
		r->peer = &a->client;
}

/* ERR_STOPPED: there is no answer. A service that was asked about a connection is told of its end: here it has none
 * but this. */
static err judge(struct asked *a)
{
	static const char *const codes[2] = {"NetConnection.Connect.Rejected",
					     "NetConnection.Connect.Success"};
	struct admission admission = {
		.request = &a->request,
		.place = &a->session->place,
		.hops = a->question.hops,
		.token = &(struct token_words){.app = a->question.app,
					       .tc_url = a->question.tc_url,
					       .page_url = a->question.page_url,
					       .swf_url = a->question.swf_url},
		.outcome = &a->outcome,
	};
	err e = admit_asked(&admission);
	if (admission.has_asked && !a->question.http)
		hooks_tell(&a->request, HOOK_ON_CLOSE, &(struct traffic){0});
	if (e == ERR_STOPPED)
		return e;
	const char *code = *a->outcome.word ? a->outcome.word : codes[e == OK];
	a->answer.allowed = e == OK;
	a->answer.good_ms = admit_asked_good_ms(&admission);
	snprintf(a->answer.code, sizeof(a->answer.code), "%s", code);
	snprintf(a->answer.description, sizeof(a->answer.description), "%s", a->outcome.text);
	return OK;
}

static err look_at(struct asked *a)
{
	const struct question *q = &a->question;
	char ip[ADDR_TEXT_MAX];
	if (!question_read(&a->question, a->session->want.object)) {
		snprintf(a->answer.description, sizeof(a->answer.description),
			 "the question of the edge cannot be read");
		return OK;
	}
	make_request(a);
	if (a->session->place.is_reserved && !a->is_believed)
		return err_fail(ERR_LIMIT, "the server is full (max_connections)");
	TRY(judge(a));
	addr_ip(ip, a->request.peer);
	log_info("asked whether %s may %s %s/%s of %s: %s", ip, q->publish ? "publish" : "play",
		 log_quote(q->app), log_quote(q->stream), log_quote(q->vhost),
		 a->answer.allowed ? "yes" : a->answer.description);
	return OK;
}

static err put_answer(struct asked *a)
{
	struct rtmp_conn *conn = a->session->conn;
	sock_set_deadline(conn->sock, clock_after(ANSWER_MS));
	rtmp_put_command(conn, CSID_CONNECTION, 0, "_result", a->session->want.tid, amf_null(),
			 question_answer_write(&a->answer), NULL);
	return rtmp_flush(conn);
}

/* The edge asks another server when this one is stopped before it has an answer. */
err rtmp_ask_run(struct rtmp_session *s)
{
	struct asked *a = mem_new(struct asked);
	a->session = s;
	a->conf = conf_ref(s->conf);
	sock_set_deadline(s->conn->sock, CLOCK_NEVER);
	err e = look_at(a);
	if (!e)
		e = put_answer(a);
	s->traffic = rtmp_session_traffic(s);
	if (!e)
		rtmp_end(&s->conn, 0, NULL, NULL, NULL);
	target_fini(&a->target);
	conf_unref(&a->conf);
	free(a->proof);
	free(a);
	return e ? e : err_fail(ERR_ENDED, "its question was answered");
}
