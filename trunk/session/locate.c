#include "session/locate.h"
#include "base/log.h"
#include "cluster/coworker.h"
#include "codec/list.h"

#include <stdio.h>
#include <string.h>

/* More redirects than this of one request, and it is relayed instead. */
enum { REDIRECTED_MAX = 3, FORMER_MS = 2000, FORMER_STEP_MS = 10 };

static const struct conf_cluster *conf_of(const struct viewing *v)
{
	return &v->request->vhost->cluster;
}

static struct cluster *cluster_of(const struct viewing *v)
{
	return v->request->server->cluster;
}

static err refuse(struct viewing *v, enum outcome_code code, const char *text)
{
	return outcome_refuse(viewing_outcome(v), code, "%s", text);
}

/* ---- by a pull ---- */

/* The client is heard while it waits. */
static err wait_a_while(struct viewing *v, int64_t deadline)
{
	TRY(v->ops->input(v));
	if (v->state == VIEWING_CLOSING)
		return err_fail(ERR_CLOSED, "the player closed the stream before it began");
	err e = co_wait(deadline);
	return v->outcome ? outcome_fail(v->outcome) : e;
}

/* Over HTTP a status says when to come again; a connection that is silent instead says nothing. */
static bool is_told_at_once(const struct viewing *v)
{
	return v->request->http && !v->request->says_relay && viewer_had_dry_round(&v->viewer);
}

static err wait_for_pull(struct viewing *v, int64_t patience_ms)
{
	int64_t deadline = clock_after(patience_ms);
	while (!source_is_published(v->source)) {
		enum pull_state state = viewer_state(&v->viewer);
		if (state == PULL_WAITING || state == PULL_LIVE)
			return OK;
		if (state != PULL_TRYING)
			return refuse(v,
				      state == PULL_NOWHERE ? OUTCOME_NOT_FOUND : OUTCOME_NO_ORIGIN,
				      viewer_why(&v->viewer));
		if (is_told_at_once(v))
			return refuse(v, OUTCOME_NO_ORIGIN, "no origin can be had now");
		err e = wait_a_while(v, deadline);
		if (e == ERR_TIMEOUT)
			return refuse(v, OUTCOME_NO_ORIGIN, "no origin has answered in time");
		TRY(e);
	}
	return OK;
}

static void attach(struct viewing *v, enum pull_from from)
{
	const struct request *r = v->request;
	v->viewer = (struct viewer){
		.conf = r->conf,
		.target = r->target,
		.page_url = r->page_url,
		.swf_url = r->swf_url,
		.path = r->path,
		.trace = r->is_relay && r->hop && *r->hop->trace ? r->hop->trace : co_id(),
		.via = r->via,
		.http = r->http,
		.path_unverified = r->says_relay && !r->is_relay,
		.peer = r->peer,
		.co = v->co,
	};
	pulls_attach(cluster_of(v), v->source, r->vhost, from, &v->viewer);
}

static err relay(struct viewing *v, enum pull_from from, int64_t patience_ms)
{
	attach(v, from);
	return wait_for_pull(v, patience_ms);
}

/* ---- at an origin ---- */

/* Whether we fetch the stream ourselves instead of sending the client to it: for those that do not
 * follow, or are not to; and for a request that would go in circles or from hand to hand. A client that
 * only says that it is a relay follows like one: nothing has to be proven for that. */
static bool must_relay(const struct request *r, const struct coworker_answer *answer)
{
	enum conf_on_miss on_miss = r->vhost->cluster.on_miss;
	if (answer->draining && !r->says_relay)
		return true; /* it lets nobody else in */
	if (r->stays)
		return true;
	if (r->http)
		return on_miss == MISS_RELAY || !*(r->tls ? answer->https : answer->http);
	if (r->tls && !*answer->rtmps)
		return true;
	return on_miss == MISS_RELAY || (on_miss == MISS_AUTO && !r->says_relay) ||
	       list_count(r->redirected) >= REDIRECTED_MAX || list_has(r->redirected, answer->rtmp);
}

static err send_there(struct viewing *v, const struct coworker_answer *answer)
{
	struct outcome *o = viewing_outcome(v);
	bool tls = v->request->tls;
	o->tls = tls;
	snprintf(o->rtmp, sizeof(o->rtmp), "%s", tls ? answer->rtmps : answer->rtmp);
	snprintf(o->http, sizeof(o->http), "%s", tls ? answer->https : answer->http);
	return outcome_refuse(o, OUTCOME_ELSEWHERE, "the stream %s is at %s", v->source->key,
			      answer->rtmp);
}

static err ask_coworkers(struct viewing *v, int64_t patience_ms)
{
	const struct request *r = v->request;
	struct coworker_answer answer;
	/* A client that was sent here for nothing: what we remember may be just as old. */
	enum coworker_want age = *r->redirected ? COWORKER_FRESH : COWORKER_KEPT;
	err e = coworker_find(cluster_of(v), r->vhost, r->target, age, r->peer, &answer);
	if (source_is_published(v->source)) /* meanwhile */
		return e == ERR_STOPPED ? e : OK;
	if (e == ERR_FULL)
		return refuse(v, OUTCOME_NO_ORIGIN, err_trail(e));
	if (e == ERR_NOTFOUND) {
		viewing_outcome(v)->absent_at = answer.absent_at;
		return refuse(v, OUTCOME_NOT_FOUND, err_trail(e));
	}
	TRY(e);
	return must_relay(r, &answer) ? relay(v, PULL_FROM_COWORKERS, patience_ms)
				      : send_there(v, &answer);
}

/* A stream that is relayed here already goes to all who would be relayed to, without a question. */
static bool joins_relay(const struct viewing *v)
{
	const struct request *r = v->request;
	enum conf_on_miss on_miss = conf_of(v)->on_miss;
	return pulls_has(cluster_of(v), v->source) &&
	       (r->stays || on_miss == MISS_RELAY ||
		(on_miss == MISS_AUTO && !r->says_relay && !r->http));
}

/* A stream that is still published to the process before this one; what that has is heard soon. */
static err look_at_former(struct viewing *v, bool *has)
{
	const struct generation *former = &v->request->server->former;
	int64_t until = clock_after(FORMER_MS);
	while (former->state == GENERATION_EXPECTED && clock_ms() < until)
		TRY(co_sleep(FORMER_STEP_MS));
	*has = generation_has(former, v->source->key);
	return OK;
}

static void change_source(struct viewing *v, struct source *source)
{
	source_unref(&v->source);
	v->source = source;
}

/* What is here has the name without its extension: a coworker that has the very name goes first. */
static err prefer_exact(struct viewing *v, int64_t patience_ms)
{
	const struct request *r = v->request;
	struct coworker_answer answer;
	if (!conf_of(v)->origin_cluster || r->from_coworker)
		return OK;
	err e = coworker_find(cluster_of(v), r->vhost, r->target, COWORKER_EXACT, r->peer, &answer);
	if (e)
		return e == ERR_STOPPED ? e : OK;
	change_source(v, server_source(r->server, r->vhost, r->target->app, r->target->stream));
	return must_relay(r, &answer) ? relay(v, PULL_FROM_COWORKERS, patience_ms)
				      : send_there(v, &answer);
}

/* ---- made on demand ---- */

/* A device is called for it, and all who want it wait for that one call. */
static err wait_for_making(struct viewing *v, struct making *making, int64_t patience_ms)
{
	int64_t deadline = clock_after(patience_ms);
	if (*making->stream)
		change_source(v, server_source(v->request->server, v->request->vhost,
					       v->request->target->app, making->stream));
	while (!making->begun && !source_is_published(v->source)) {
		if (making->failed)
			return refuse(v, OUTCOME_NOT_FOUND, making->why);
		err e = wait_a_while(v, deadline);
		if (e == ERR_TIMEOUT)
			return refuse(v, OUTCOME_NO_ORIGIN, "the device did not send in time");
		TRY(e);
	}
	return OK;
}

static bool is_made(const struct viewing *v)
{
	const struct request *r = v->request;
	int64_t since;
	return maker_can(&r->server->maker, r->vhost, r->target->app, r->target->stream, &since);
}

static err make(struct viewing *v, int64_t patience_ms)
{
	const struct request *r = v->request;
	struct making making = {.co = v->co};
	if (!maker_want(&r->server->maker, r->vhost, r->target->app, r->target->stream, &making))
		return refuse(v, OUTCOME_NO_ORIGIN, "the device cannot be called now");
	err e = wait_for_making(v, &making, patience_ms);
	maker_leave(&r->server->maker, &making);
	return e;
}

static err locate_on_origin(struct viewing *v, int64_t patience_ms)
{
	bool former_has = false;
	/* The gap of a publisher that left is covered for those who watch already, not for others. */
	if (source_is_published(v->source))
		return strcmp(v->source->stream, v->request->target->stream) == 0
			       ? OK
			       : prefer_exact(v, patience_ms);
	TRY(look_at_former(v, &former_has));
	if (former_has)
		return relay(v, PULL_FROM_FORMER, patience_ms);
	if (is_made(v))
		return make(v, patience_ms);
	if (v->request->from_coworker)
		return outcome_refuse(viewing_outcome(v), OUTCOME_NOT_FOUND,
				      "the stream %s is not here any more", v->source->key);
	if (!conf_of(v)->origin_cluster)
		return OK;
	return joins_relay(v) ? relay(v, PULL_FROM_COWORKERS, patience_ms)
			      : ask_coworkers(v, patience_ms);
}

static bool is_published_here(const struct source *s)
{
	return s->feeder && s->feeder->kind == FEEDER_PUBLISHER;
}

/* A publisher of an edge needs no origin: the pull rests, and takes over when it leaves. */
err locate(struct viewing *v, int64_t patience_ms)
{
	const struct request *r = v->request;
	v->source = server_source_to_play(r->server, r->vhost, r->target->app, r->target->stream);
	/* Whether there is one of the very name its origins know. */
	if (conf_of(v)->mode == MODE_REMOTE && !is_published_here(v->source))
		change_source(
			v, server_source(r->server, r->vhost, r->target->app, r->target->stream));
	return conf_of(v)->mode == MODE_REMOTE ? relay(v, PULL_FROM_ORIGINS, patience_ms)
					       : locate_on_origin(v, patience_ms);
}

/* ---- after an end ---- */

static bool is_to_be_had(struct viewing *v)
{
	const struct request *r = v->request;
	struct coworker_answer answer;
	if (conf_of(v)->mode == MODE_REMOTE || !conf_of(v)->origin_cluster ||
	    (conf_of(v)->on_miss == MISS_REDIRECT && !r->stays) || v->viewer.pull)
		return false;
	err e = coworker_find(cluster_of(v), r->vhost, r->target, COWORKER_KEPT, r->peer, &answer);
	if (source_is_published(v->source))
		return e != ERR_STOPPED;
	if (e || !must_relay(r, &answer))
		return false;
	attach(v, PULL_FROM_COWORKERS);
	return v->viewer.pull != NULL;
}

/* Its publisher has come to the process that has taken over from this one. */
static bool goes_on_next(struct viewing *v)
{
	if (v->request->server->next.state != GENERATION_THERE || v->viewer.pull ||
	    conf_of(v)->mode == MODE_REMOTE)
		return false;
	attach(v, PULL_FROM_NEXT);
	return v->viewer.pull != NULL;
}

/* A client for whom the stream would be relayed need not go to where it is now. */
bool locate_again(struct viewing *v)
{
	if (!goes_on_next(v) && !is_to_be_had(v))
		return false;
	log_info("%s has ended here, and goes on from where it is now", v->source->key);
	consumer_stay(&v->consumer);
	return true;
}
