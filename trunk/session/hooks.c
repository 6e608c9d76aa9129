#include "session/hooks.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/certs.h"
#include "node/hook.h"
#include "session/hook_body.h"

#include <stdlib.h>

struct hooks {
	struct server *server;
	struct client_observer observer;
};

/* ---- who is asked ---- */

static const struct conf_hook *decision(const struct conf_http_hooks *h, enum hook_event event)
{
	return event == HOOK_ON_CONNECT   ? &h->on_connect
	       : event == HOOK_ON_PUBLISH ? &h->on_publish
	       : event == HOOK_ON_PLAY    ? &h->on_play
					  : NULL;
}

static const struct text_list *receivers(const struct conf_http_hooks *h, enum hook_event event)
{
	return event == HOOK_ON_CLOSE       ? &h->on_close
	       : event == HOOK_ON_UNPUBLISH ? &h->on_unpublish
	       : event == HOOK_ON_STOP      ? &h->on_stop
					    : NULL;
}

static bool applies(const struct request *r)
{
	return r->vhost->http_hooks.enabled && !request_is_proven_relay(r);
}

/* ---- a decision ---- */

struct hook_question {
	const struct request *request;
	enum hook_event event;
	const struct conf_hook *conf;
	struct hook_call call;
	char why[HOOK_WHY_MAX];
};

static err ask_url(struct hook_question *q, const char *url, enum hook_verdict *verdict)
{
	q->call.url = url;
	for (int attempt = 0; attempt <= q->conf->retries; attempt++) {
		q->call.deadline = clock_after(q->conf->timeout_ms);
		/* That of today: there may have been a reload since the attempt before. */
		q->call.tls = certs_client(q->request->server->certs);
		q->call.tls_name = q->request->vhost->http_hooks.tls_name;
		TRY(hook_post(&q->call, verdict, q->why));
		if (*verdict != HOOK_NO_ANSWER)
			return OK;
	}
	return OK;
}

static err refuse(struct hook_question *q, const char *url, enum hook_verdict verdict,
		  struct outcome *outcome)
{
	const char *name = hook_event_name(q->event);
	if (verdict == HOOK_REFUSED) {
		log_info("%s: %s refuses: %s", name, log_quote(url), q->why);
		return outcome_refuse(outcome, OUTCOME_DENIED, "%s", q->why);
	}
	/* Faults of the service are for the log, and not for the client. */
	log_warn("%s: %s gave no answer, and %s_failure says refuse: %s", name, log_quote(url),
		 name, q->why);
	return outcome_refuse(outcome, OUTCOME_DENIED,
			      "the service that decides about clients cannot be asked now");
}

static err ask_all(struct hook_question *q, struct outcome *outcome)
{
	const struct text_list *urls = &q->conf->urls;
	for (int i = 0; i < urls->count; i++) {
		enum hook_verdict verdict = HOOK_NO_ANSWER;
		TRY(ask_url(q, urls->v[i], &verdict));
		if (verdict == HOOK_ALLOWED)
			continue;
		if (verdict == HOOK_REFUSED || q->conf->failure == HOOK_FAILURE_REFUSE)
			return refuse(q, urls->v[i], verdict, outcome);
		log_warn("%s: %s gave no answer, the client is let in: %s",
			 hook_event_name(q->event), log_quote(urls->v[i]), q->why);
	}
	return OK;
}

bool hooks_decide(const struct request *r, enum hook_event event)
{
	const struct conf_hook *conf = decision(&r->vhost->http_hooks, event);
	return applies(r) && conf && conf->urls.count;
}

err hooks_ask(const struct request *r, enum hook_event event, struct outcome *outcome)
{
	struct hook_question q = {.request = r, .event = event};
	q.conf = decision(&r->vhost->http_hooks, event);
	if (!hooks_decide(r, event))
		return OK;
	struct buf body = {.max = HOOK_BODY_MAX};
	q.call.event = hook_event_name(event);
	q.call.content_type = hook_body_write(&body, r, event, NULL);
	q.call.body = buf_span(&body);
	err e = buf_ok(&body)
			? ask_all(&q, outcome)
			: outcome_refuse(outcome, OUTCOME_DENIED,
					 "its words are too long for the service that decides");
	buf_free(&body);
	return e;
}

/* ---- a notice ---- */

void hooks_tell(const struct request *r, enum hook_event event, const struct traffic *traffic)
{
	const struct conf_http_hooks *h = &r->vhost->http_hooks;
	const struct text_list *urls = receivers(h, event);
	if (!applies(r) || !urls || !urls->count)
		return;
	struct buf body = {.max = HOOK_BODY_MAX};
	struct hook_notice notice = {
		.event = hook_event_name(event),
		.tls_name = h->tls_name,
		.content_type = hook_body_write(&body, r, event, traffic),
		.body = buf_span(&body),
		.timeout_ms = h->notice_timeout_ms,
		.age_ms = h->notice_age_ms,
		.queue_max = h->notice_queue,
	};
	if (!buf_ok(&body))
		log_warn("%s: the words of the client are too long, nobody is told", notice.event);
	for (int i = 0; i < urls->count && buf_ok(&body); i++) {
		notice.url = urls->v[i];
		hook_queue_put(r->server->hook_queue, &notice);
	}
	buf_free(&body);
}

/* A client that never published or played has nothing to end. */
static void on_leave(struct client_observer *observer, struct client *client)
{
	(void)observer;
	if (client->accepted)
		hooks_tell(client->request, client->publish ? HOOK_ON_UNPUBLISH : HOOK_ON_STOP,
			   NULL);
}

/* ---- the process ---- */

struct hooks *hooks_new(struct server *server)
{
	struct hooks *hooks = mem_new(struct hooks);
	hooks->server = server;
	hooks->observer.on_leave = on_leave;
	stat_observe(&server->stat, &hooks->observer);
	return hooks;
}

void hooks_free(struct hooks **hooks)
{
	if (!*hooks)
		return;
	stat_unobserve(&(*hooks)->server->stat, &(*hooks)->observer);
	free(*hooks);
	*hooks = NULL;
}

struct hook_queue_facts hooks_facts(const struct hooks *hooks)
{
	return hook_queue_facts(hooks->server->hook_queue);
}
