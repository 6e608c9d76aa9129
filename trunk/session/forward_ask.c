#include "session/forward_ask.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/tree.h"
#include "node/certs.h"
#include "node/hook.h"
#include "node/json.h"

#include <stdlib.h>
#include <string.h>

enum { ASK_MS = 5000, URLS_MAX = 32, BODY_MAX = 128 * 1024 };

static void write_body(struct buf *out, const struct request *r)
{
	json_t *o = json_object();
	char ip[ADDR_TEXT_MAX];
	addr_ip(ip, r->peer);
	json_put_text(o, "action", "on_forward");
	json_put_text(o, "server_id", r->server->server_id);
	json_put_text(o, "service_id", r->server->service_id);
	json_put_text(o, "client_id", co_id());
	json_put_text(o, "ip", ip);
	json_put_text(o, "vhost", r->vhost->name);
	json_put_text(o, "app", r->target->app);
	json_put_text(o, "tcUrl", r->tc_url);
	json_put_text(o, "stream", r->target->stream);
	json_put_text(o, "param", r->target->param);
	char *text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
	if (text)
		buf_put(out, text, strlen(text));
	free(text);
	json_decref(o);
}

/* {"code":0,"data":{"urls":[…]}}; an empty list is one, empty texts are skipped. */
static bool take_urls(struct span body, struct text_list *urls)
{
	json_t *root = json_read(body);
	const json_t *list = json_object_get(json_object_get(root, "data"), "urls");
	bool ok = json_is_array(list) && json_array_size(list) <= URLS_MAX;
	for (size_t i = 0; ok && i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));
		ok = text != NULL && strlen(text) < URL_MAX;
		if (ok && *text)
			text_list_add(urls, span_str(text));
	}
	json_decref(root);
	return ok;
}

static err refuse(const char *backend, const char *why, struct outcome *outcome)
{
	log_warn("on_forward: %s gives no destinations: %s", log_quote(backend), why);
	return outcome_refuse(outcome, OUTCOME_DENIED,
			      "the service that decides where the stream goes cannot be asked now");
}

err forward_ask(const struct request *r, struct forward_answer *answer, struct outcome *outcome)
{
	const struct conf_forward *conf = &r->vhost->forward;
	struct buf body = {.max = BODY_MAX}, said = {0};
	char why[HOOK_WHY_MAX];
	enum hook_verdict verdict = HOOK_NO_ANSWER;
	if (!conf->enabled || !*conf->backend)
		return OK;
	write_body(&body, r);
	struct hook_call call = {
		.event = "forward",
		.url = conf->backend,
		.tls = certs_client(r->server->certs),
		.tls_name = conf->backend_tls_name,
		.content_type = "application/json",
		.body = buf_span(&body),
		.deadline = clock_after(ASK_MS),
		.answer = &said,
	};
	snprintf(why, sizeof(why), "the words of the client are too long");
	err e = buf_ok(&body) ? hook_post(&call, &verdict, why) : OK;
	if (!e && verdict != HOOK_ALLOWED)
		e = refuse(conf->backend, why, outcome);
	else if (!e && !take_urls(buf_span(&said), &answer->urls))
		e = refuse(conf->backend, "its answer has no list data.urls of texts", outcome);
	if (!e)
		answer->backend = mem_strdup(conf->backend);
	else
		forward_answer_fini(answer);
	buf_free(&said);
	buf_free(&body);
	return e;
}

void forward_answer_fini(struct forward_answer *answer)
{
	free(answer->backend);
	text_list_fini(&answer->urls);
	*answer = (struct forward_answer){0};
}
