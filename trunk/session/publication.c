/* The life of a publication. On an origin it takes the publisher's slot of the source; on an edge the
 * stream is a source here first (local players are served from it) and a push carries it on: the
 * encoder hears what the first origin said and then lives on, whatever happens to that origin. */
#include "session/publication.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/coworker.h"
#include "cluster/pulls.h"
#include "cluster/push.h"
#include "cluster/rival.h"
#include "codec/media_memory.h"
#include "session/hooks.h"
#include "session/takeover.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	SLICE_MESSAGES = 64,   /* published before others have a turn */
	PROBE_ASKED_MS = 1000, /* silent for so long: probed, when somebody asks about the stream */
};

/* ---- its end, from outside ---- */

void publication_stop(struct publication *p, enum outcome_code why, const char *fmt, ...)
{
	char text[sizeof(p->outcome.text)];
	va_list ap;
	if (p->outcome.code || p->state == PUBLICATION_OVER)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	outcome_set(&p->outcome, why, "%s", text);
	p->ops->stop(p);
}

void publication_on_exhausted(struct registry *registry, struct source *source)
{
	struct publication *p = publication_of(source);
	(void)registry;
	if (p)
		publication_stop(p, OUTCOME_FULL,
				 "the server is out of memory for media (max_memory), and %s took "
				 "most of it",
				 source->key);
}

static void on_lost(struct feeder *feeder)
{
	struct publication *p = feeder->publication;
	push_leave(p->push);
	publication_stop(p, OUTCOME_REPLACED, "another publisher of %s took over", p->source->key);
}

static void on_client_stop(struct client *client, err why)
{
	struct publication *p = container_of(client, struct publication, client);
	publication_stop(p, why == ERR_DRAINED ? OUTCOME_DRAINED : OUTCOME_KICKED, "%s",
			 err_text(why));
}

static struct traffic on_client_count(const struct client *client)
{
	const struct publication *p = container_of_const(client, struct publication, client);
	return p->ops->count(p);
}

static bool on_client_reconnect(struct client *client, const char *url)
{
	struct publication *p = container_of(client, struct publication, client);
	return p->ops->reconnect && p->state == PUBLICATION_LIVE && p->ops->reconnect(p, url);
}

static const struct client_ops client_ops = {
	.stop = on_client_stop,
	.count = on_client_count,
	.reconnect = on_client_reconnect,
};

/* ---- the cluster ---- */

static struct claim own_claim(void *ctx)
{
	const struct publication *p = ctx;
	const struct server *server = p->request->server;
	return (struct claim){
		.since_ms = p->since_wall_ms,
		.unanswered_ms = takeover_unanswered_ms(p),
		.server = server->server_id,
		.service = server->service_id,
	};
}

bool publication_facts(const struct source *source, bool by_rival, struct publication_facts *out)
{
	struct publication *p = publication_of(source);
	if (!p || p->outcome.code)
		return false;
	*out = (struct publication_facts){
		.since_wall_ms = p->since_wall_ms,
		.silent_ms = clock_ms() - p->ops->last_heard_ms(p),
		.unanswered_ms = takeover_unanswered_ms(p),
	};
	if (out->silent_ms >= PROBE_ASKED_MS)
		takeover_probe(p);
	if (by_rival)
		rival_asked(p->rival);
	return true;
}

static void on_rival(void *ctx, const struct coworker_answer *to)
{
	struct publication *p = ctx;
	log_warn("%s: it is published at %s too, which was first: the publisher here ends",
		 p->source->key, to->rtmp);
	publication_stop(p, OUTCOME_RIVAL, "the stream %s is published at %s", p->source->key,
			 to->rtmp);
}

static bool is_unique(const struct request *r)
{
	const struct conf_cluster *cluster = &r->vhost->cluster;
	return cluster->mode == MODE_LOCAL && cluster->origin_cluster &&
	       cluster->on_duplicate != DUPLICATE_ALLOW;
}

static void watch_rivals(struct publication *p)
{
	if (is_unique(p->request))
		p->rival = rival_start(&(struct rival_opts){
			.cluster = p->request->server->cluster,
			.vhost = p->request->vhost,
			.target = p->request->target,
			.own = own_claim,
			.lost = on_rival,
			.ctx = p,
		});
}

/* A coworker that does not answer in time does not have the stream. */
static err check_coworkers(struct publication *p)
{
	const struct request *r = p->request;
	struct coworker_answer answer;
	if (!is_unique(r))
		return OK;
	err e = rival_find(r->server->cluster, r->vhost, r->target, &answer);
	if (e == ERR_NOTFOUND)
		return OK;
	TRY(e);
	bool redirects =
		r->vhost->cluster.on_duplicate == DUPLICATE_REDIRECT && (!r->tls || *answer.rtmps);
	p->outcome.tls = r->tls;
	snprintf(p->outcome.rtmp, sizeof(p->outcome.rtmp), "%s",
		 r->tls ? answer.rtmps : answer.rtmp);
	snprintf(p->outcome.http, sizeof(p->outcome.http), "%s",
		 r->tls ? answer.https : answer.http);
	return outcome_refuse(&p->outcome, redirects ? OUTCOME_ELSEWHERE : OUTCOME_BUSY,
			      "the stream %s is already published at %s", p->source->key,
			      answer.rtmp);
}

/* ---- an edge ---- */

static err origin_refuses(struct publication *p, enum outcome_code code, const char *words)
{
	const struct link_refusal *why = push_refusal(p->push);
	outcome_set(&p->outcome, code, "%s", words);
	snprintf(p->outcome.word, sizeof(p->outcome.word), "%s", why->code);
	return outcome_fail(&p->outcome);
}

/* What the client sends before it has heard the answer is kept by the kernel; only its leaving
 * matters. */
static err wait_for_origin(struct publication *p)
{
	while (push_state(p->push) == PUSH_TRYING) {
		if (p->ops->has_left(p))
			return err_fail(ERR_CLOSED,
					"the encoder left before an origin had answered");
		if (p->outcome.code)
			return outcome_fail(&p->outcome);
		TRY(co_wait(CLOCK_NEVER));
	}
	if (push_state(p->push) == PUSH_ACCEPTED)
		return OK;
	const char *words = push_refusal(p->push)->description;
	return origin_refuses(
		p, push_state(p->push) == PUSH_REFUSED ? OUTCOME_DENIED : OUTCOME_NO_ORIGIN,
		*words ? words : "the origin refused the stream");
}

/* The origin takes one publisher: a former one that was found not to be there goes at once, and its push
 * with it. */
static err ask_origin(struct publication *p)
{
	const struct request *r = p->request;
	if (source_is_published(p->source))
		on_lost(p->source->feeder);
	p->push = push_start(r->server->cluster, p->source, r->vhost, r->target, r->page_url,
			     r->swf_url, r->path, co_self());
	if (p->push)
		push_set_trace(p->push, client_trace(&p->client));
	return wait_for_origin(p);
}

static err check_push(struct publication *p)
{
	char words[sizeof(p->outcome.text)];
	if (!p->push || !push_is_over(p->push))
		return OK;
	const char *why = push_refusal(p->push)->description;
	switch (push_state(p->push)) {
	case PUSH_SUPERSEDED:
		return origin_refuses(p, OUTCOME_RIVAL, why);
	case PUSH_ENDED:
		return origin_refuses(p, OUTCOME_KICKED, why);
	default:
		snprintf(words, sizeof(words), "no origin takes the stream any more: %.200s", why);
		return origin_refuses(p, OUTCOME_NO_ORIGIN, words);
	}
}

/* ---- its beginning ---- */

static err check_slot(struct publication *p)
{
	if (!takeover_is_refused(&p->takeover, p->source))
		return OK;
	return outcome_refuse(&p->outcome, OUTCOME_BUSY, "the stream %s is already published",
			      p->source->key);
}

static void take_slot(struct publication *p)
{
	char ip[ADDR_TEXT_MAX];
	source_begin(p->source, &p->in.feeder);
	push_begin(p->push);
	coworker_begins_here(p->request->server->cluster, p->source->key);
	p->since_wall_ms = clock_wall_ms();
	p->watched_ms = clock_ms();
	p->state = PUBLICATION_LIVE;
	p->client.accepted = true;
	watch_rivals(p);
	client_ip(ip, &p->client);
	co_set_muted(false); /* what brings a stream is in the log, however many others come */
	log_say("publishing %s from %s", p->source->key, ip);
}

static void enter(struct publication *p)
{
	const struct request *r = p->request;
	p->source = server_source(r->server, r->vhost, r->target->app, r->target->stream);
	read_pacing_init(&p->in, FEEDER_PUBLISHER, on_lost);
	p->in.feeder.publication = p;
	p->in.feeder.client = &p->client;
	p->in.feeder.is_moving = r->is_relay;
	p->client.ops = &client_ops;
	p->client.source = p->source;
	request_describe(r, &p->client);
	stat_enter(&r->server->stat, &p->client);
}

err publication_begin(struct publication *p, const struct publication_ops *ops,
		      const struct request *request)
{
	p->ops = ops;
	p->request = request;
	enter(p);
	if (media_memory_state() == MEDIA_MEMORY_FULL)
		return outcome_refuse(&p->outcome, OUTCOME_FULL,
				      "the server is out of memory for media (max_memory)");
	TRY(hooks_ask(request, HOOK_ON_PUBLISH, &p->outcome));
	TRY(forward_ask(request, &p->forward, &p->outcome));
	TRY(check_slot(p));
	if (request->vhost->cluster.mode == MODE_REMOTE)
		TRY(ask_origin(p));
	TRY(check_coworkers(p));
	TRY(check_slot(p));
	if (p->outcome.code)
		return outcome_fail(&p->outcome);
	take_slot(p);
	return OK;
}

/* ---- its life ---- */

/* Another server that takes the stream stands for players that we may not know of. Where a push takes
 * it, that is all one can say: who watches behind the origin is the origin's to decide. */
static bool may_be_watched(const struct publication *p)
{
	return p->push || p->source->consumer_count > 0;
}

static err check_audience(struct publication *p)
{
	int64_t limit = p->request->vhost->publish.kickoff_for_idle_ms;
	if (limit <= 0)
		return OK;
	if (may_be_watched(p))
		p->watched_ms = clock_ms();
	if (clock_ms() - p->watched_ms <= limit)
		return OK;
	return outcome_refuse(&p->outcome, OUTCOME_IDLE,
			      "nobody plays the stream (kickoff_for_idle)");
}

/* What another server brings was let in by that one. */
static err check_bitrate(struct publication *p)
{
	int limit = p->request->vhost->publish.max_bitrate;
	if (limit <= 0 || request_is_proven_relay(p->request))
		return OK;
	switch (bitrate_look(&p->bitrate, clock_ms(), p->ops->count(p).recv, limit)) {
	case BITRATE_WARN:
		log_warn(
			"%s: the publisher sends %d kb/s, max_bitrate is %d: it is disconnected if "
			"that does not end within %d s",
			p->source->key, p->bitrate.kbps, limit,
			(BITRATE_STRIKES - 1) * BITRATE_WINDOW_MS / 1000);
		return OK;
	case BITRATE_EXCEEDED:
		return outcome_refuse(&p->outcome, OUTCOME_TOO_MUCH,
				      "the publisher sends %d kb/s, %d are allowed (max_bitrate)",
				      p->bitrate.kbps, limit);
	default:
		return OK;
	}
}

err publication_took(struct publication *p)
{
	p->has_begun_media = true;
	if (p->outcome.code)
		return outcome_fail(&p->outcome);
	TRY(check_push(p));
	TRY(check_audience(p));
	TRY(check_bitrate(p));
	if (++p->slice < SLICE_MESSAGES)
		return OK;
	p->slice = 0;
	read_pacing_caught_up(&p->in, p->source, false);
	co_yield ();
	return OK;
}

void publication_caught_up(struct publication *p)
{
	p->slice = 0;
	read_pacing_caught_up(&p->in, p->source, true);
	read_pacing_pace(&p->in, p->source, takeover_is_probed(p));
}

static int64_t limit_of(const struct publication *p)
{
	const struct conf_publish *conf = &p->request->vhost->publish;
	if (p->ops->patience_ms)
		return p->ops->patience_ms(p);
	return p->has_begun_media ? conf->normal_timeout_ms : conf->firstpkt_timeout_ms;
}

/* Silence up to the limit is fine; half-way the peer is asked whether it is there. */
int64_t publication_deadline(const struct publication *p)
{
	int64_t limit = limit_of(p);
	return p->ops->last_heard_ms(p) + (takeover_is_probed(p) ? limit : limit / 2);
}

err publication_wait(struct publication *p)
{
	if (p->outcome.code)
		return outcome_fail(&p->outcome);
	TRY(check_push(p));
	err e = co_wait(publication_deadline(p));
	if (p->outcome.code)
		return outcome_fail(&p->outcome);
	if (e != ERR_TIMEOUT)
		return e;
	if (clock_ms() >= p->ops->last_heard_ms(p) + limit_of(p))
		return outcome_refuse(&p->outcome, OUTCOME_SILENT,
				      "the publisher sent nothing for %lld ms",
				      (long long)limit_of(p));
	takeover_probe(p);
	return OK;
}

/* ---- its end ---- */

/* A publisher that has lost to a rival does not come back, and the stream is to be had elsewhere: its
 * players need not wait for anything, unless a pull takes over. */
static int64_t grace_of(const struct publication *p)
{
	const struct request *r = p->request;
	bool lost = p->outcome.code == OUTCOME_RIVAL ||
		    (p->push && push_state(p->push) == PUSH_SUPERSEDED);
	/* Nor does one that leaves a server which lets nobody in; after an upgrade, what has gone over to the
	 * next process. */
	const struct server *server = r->server;
	bool went = r->is_relay || generation_has(&server->next, p->source->key);
	bool gone = lost || p->outcome.code == OUTCOME_DRAINED || server->drain.state == DRAIN_ON ||
		    (server->drain.state == DRAIN_HANDED && went);
	return gone && !pulls_has(r->server->cluster, p->source)
		       ? 0
		       : r->vhost->publish.reconnect_grace_ms;
}

err publication_end(struct publication *p, err e)
{
	bool was_live = p->state == PUBLICATION_LIVE;
	p->state = PUBLICATION_OVER;
	read_pacing_close(&p->in); /* commands may follow */
	rival_stop(&p->rival);
	source_leave(p->source, &p->in.feeder, grace_of(p));
	p->client.ended = p->outcome.code ? outcome_err(p->outcome.code) : e;
	p->client.why = p->outcome.code ? p->outcome.text : e ? err_trail(e) : NULL;
	stat_leave(&p->request->server->stat, &p->client);
	if (was_live)
		log_say("%s is no longer published", p->source->key);
	push_stop(&p->push);
	source_unref(&p->source);
	forward_answer_fini(&p->forward);
	return p->outcome.code ? outcome_fail(&p->outcome) : e;
}
