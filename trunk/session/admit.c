#include "session/admit.h"
#include "base/mem.h"
#include "cluster/announce.h"
#include "cluster/elsewhere.h"
#include "cluster/upstream_request.h"
#include "session/permit.h"

#include <stdio.h>
#include <stdlib.h>

static err refuse(struct admission *a, enum outcome_code code, const char *text)
{
	return outcome_refuse(a->outcome, code, "%s", text);
}

static err check_vhost(struct admission *a)
{
	const struct request *r = a->request;
	if (r->vhost && r->vhost->enabled)
		return OK;
	return outcome_refuse(a->outcome, OUTCOME_NO_VHOST, "there is no vhost %s on this server",
			      r->target->vhost);
}

/* `relays` limits from where other servers are accepted. */
static err check_relay_address(struct admission *a)
{
	const struct request *r = a->request;
	if (!r->says_relay || server_relay_allowed(r->server, r->vhost, r->peer))
		return OK;
	return refuse(a, OUTCOME_RELAY_REFUSED, "other servers are not accepted from this address");
}

/* ---- what a relay says, and what is believed ---- */

static bool needs_proof(const struct request *r)
{
	const struct signer *signer = r->server->signer;
	return signer_has(signer, r->vhost->name) ||
	       (signer_on(signer) && r->announce && *r->announce->api);
}

/* With a secret, only a signed relay is one: has the places kept for relays, is told of gaps at
 * once, is asked about its viewers, and has us ask again what we remember. The path that any client
 * says it came by still counts where it is a reason to refuse. */
static err check_signature(struct admission *a)
{
	struct request *r = a->request;
	r->is_relay = r->says_relay;
	if (!needs_proof(r)) {
		if (request_is_proven_relay(r)) /* by its address */
			place_prove(a->place);
		return OK;
	}
	if (!r->says_relay)
		return OK;
	enum sign_verdict verdict = a->verify(a->ctx);
	if (verdict == SIGN_MISDIRECTED && a->can_correct)
		return refuse(a, OUTCOME_MISDIRECTED, sign_why(verdict));
	bool is_proven = server_relay_verified(r->server, verdict, r->peer);
	if (r->announce)
		r->announce->is_proven = is_proven;
	if (is_proven) {
		place_prove(a->place);
		return OK;
	}
	if (r->announce)
		*r->announce->api = '\0';
	r->is_relay = !signer_has(r->server->signer, r->vhost->name);
	if (!r->is_relay)
		r->redirected = "";
	return OK;
}

static err check_room(struct admission *a, bool may_use_reserve)
{
	if (!a->place->is_reserved || may_use_reserve)
		return OK;
	return refuse(a, OUTCOME_FULL, "the server is full (max_connections)");
}

/* Another server can prove itself only with the stream, or with its question. */
static err check_room_of_connection(struct admission *a)
{
	return check_room(a, a->request->says_relay || a->request->asks);
}

/* The reserve is for those who have proven who they are, and for the process that has taken over, which plays to
 * newcomers what is still published here. Where there is neither a secret nor `relays`, nobody has. */
static err check_room_of_stream(struct admission *a)
{
	const struct request *r = a->request;
	return check_room(a, request_is_proven_relay(r) ||
				     (r->is_relay && server_is_successor(r->server, r->peer)));
}

static err check_path(struct admission *a)
{
	const struct request *r = a->request;
	err e = upstream_check_path(r->server, r->vhost, r->path, r->via);
	return e ? refuse(a, OUTCOME_LOOP, err_trail(e)) : OK;
}

static err check_name(struct admission *a)
{
	return *a->request->target->stream ? OK
					   : refuse(a, OUTCOME_BAD_NAME, "the stream has no name");
}

/* Rules of the configuration, and the words of web services. */
static err check_permit(struct admission *a)
{
	a->has_asked = true;
	return permit_check(a->request, a->outcome);
}

/* ---- a server that is being drained ---- */

/* Other servers get what is here, and are told where to ask for the rest, as long as this one is there. */
static bool may_still_come(const struct request *r)
{
	bool is_origin = r->vhost->cluster.mode == MODE_LOCAL;
	return r->is_relay && !r->publish &&
	       (is_origin ||
		server_live_source(r->server, r->vhost, r->target->app, r->target->stream));
}

static err send_elsewhere(struct admission *a, const struct coworker_answer *to)
{
	bool tls = a->request->tls;
	a->outcome->tls = tls;
	snprintf(a->outcome->rtmp, sizeof(a->outcome->rtmp), "%s", tls ? to->rtmps : to->rtmp);
	snprintf(a->outcome->http, sizeof(a->outcome->http), "%s", tls ? to->https : to->http);
	bool usable = a->request->http ? *a->outcome->http : *a->outcome->rtmp;
	return refuse(a, usable ? OUTCOME_ELSEWHERE : OUTCOME_DRAINING, err_text(ERR_DRAINED));
}

/* A server that brings a stream has other origins to ask, which it does at once when this one ends the
 * connection; others are told. */
static err check_drain(struct admission *a)
{
	const struct request *r = a->request;
	if (r->server->drain.state != DRAIN_ON || may_still_come(r))
		return OK;
	if (r->is_relay)
		return refuse(a, OUTCOME_DRAINED, err_text(ERR_DRAINED));
	struct coworker_answer *to = mem_new(struct coworker_answer);
	err e = elsewhere_find(r->server->cluster, r->vhost, r->target, to);
	if (e != ERR_STOPPED)
		e = e ? refuse(a, OUTCOME_DRAINING, err_text(ERR_DRAINED)) : send_elsewhere(a, to);
	free(to);
	return e;
}

/* ---- the origin's word ---- */

static err say_no(struct admission *a, const struct question_answer *answer)
{
	const char *words = answer->description;
	snprintf(a->outcome->word, sizeof(a->outcome->word), "%s", answer->code);
	return refuse(a, OUTCOME_DENIED, *words ? words : "the origin does not allow it");
}

bool admit_asks_origin(const struct request *r)
{
	const struct conf_cluster *conf = &r->vhost->cluster;
	return conf->mode == MODE_REMOTE && conf->token_traverse && !request_is_proven_relay(r);
}

/* In a circle of edges each would ask the next one for ever. */
static err check_hops(struct admission *a)
{
	int limit = a->request->vhost->cluster.hop_limit;
	if (a->hops < limit)
		return OK;
	return outcome_refuse(a->outcome, OUTCOME_LOOP,
			      "the question whether this is allowed came by %d servers, hop_limit "
			      "is %d: the origins of these servers form a circle",
			      a->hops, limit);
}

static err ask_origin(struct admission *a, struct question_answer *answer)
{
	const struct request *r = a->request;
	const struct token_words *words = a->token;
	char ip[ADDR_TEXT_MAX];
	char *vhost =
		upstream_vhost(&(struct upstream_request){.vhost = r->vhost, .target = r->target});
	addr_ip(ip, r->peer);
	err e = token_ask(r->server->cluster, r->vhost, words,
			  &(struct question){
				  .publish = r->publish,
				  .http = r->http,
				  .vhost = vhost,
				  .app = r->target->app,
				  .stream = r->target->stream,
				  .param = r->target->param,
				  .path = r->path_asked,
				  .proof = r->proof,
				  .ip = ip,
				  .page_url = words->page_url,
				  .swf_url = words->swf_url,
				  .tc_url = words->tc_url,
				  .hops = a->hops + 1,
			  },
			  answer);
	free(vhost);
	return e;
}

/* Servers of the cluster bring the streams of clients that have been asked about where they are. */
static err check_token(struct admission *a)
{
	if (!admit_asks_origin(a->request))
		return OK;
	TRY(check_hops(a));
	struct question_answer *answer = mem_new(struct question_answer);
	err e = ask_origin(a, answer);
	if (e == ERR_CONNECT)
		e = refuse(a, OUTCOME_UNDECIDED, "no origin can be asked whether this is allowed");
	else if (e && e != ERR_STOPPED)
		e = say_no(a, answer);
	free(answer);
	return e;
}

/* ---- the list ---- */

enum { CONNECTION = 1, STREAM = 2, ASKED = 4, AGAIN = 8 };

/* Checks in their order: those that cost nothing first, those that ask others last. A check may wait. */
static const struct {
	unsigned stages;
	err (*check)(struct admission *a);
} checks[] = {
	{CONNECTION | STREAM | ASKED, check_vhost},
	{CONNECTION | STREAM, check_relay_address},
	{CONNECTION, check_room_of_connection},
	{STREAM, check_signature},
	{STREAM, check_room_of_stream},
	{STREAM, check_path},
	{STREAM | ASKED, check_name},
	{STREAM, check_drain},
	{STREAM | ASKED | AGAIN, check_permit},
	{STREAM | ASKED | AGAIN, check_token},
};

static err admit(struct admission *a, unsigned stage)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (checks[i].stages & stage)
			TRY(checks[i].check(a));
	return OK;
}

err admit_connection(struct admission *a)
{
	return admit(a, CONNECTION);
}

err admit_stream(struct admission *a)
{
	int64_t asked_ms = clock_ms();
	err e = admit(a, STREAM);
	if (e)
		request_refused(a->request, asked_ms, e, a->outcome);
	return e;
}

err admit_again(struct admission *a)
{
	return admit_asks_origin(a->request) ? admit(a, AGAIN) : OK;
}

err admit_asked(struct admission *a)
{
	return admit(a, ASKED);
}

/* A link that ends before is not good any longer. */
int64_t admit_asked_good_ms(const struct admission *a)
{
	enum { ALLOWED_MS = 3000, REFUSED_MS = 1000 };
	const struct outcome *o = a->outcome;
	const struct request *r = a->request;
	if (!r->vhost || !r->vhost->enabled || !permit_is_by_rules(r) || admit_asks_origin(r))
		return 0;
	if (o->code)
		return REFUSED_MS;
	int64_t left_ms = o->end_s ? (o->end_s + 1) * 1000 - clock_wall_ms() : ALLOWED_MS;
	return left_ms < 0 ? 0 : left_ms < ALLOWED_MS ? left_ms : ALLOWED_MS;
}
