#include "cluster/ask.h"
#include "base/mem.h"
#include "codec/url.h"
#include "node/signed_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ask *asks_add(struct asks *asks, char *api, char *target)
{
	if (asks->count == ASKS_MAX) {
		free(api);
		free(target);
		return NULL;
	}
	if (asks->count == asks->room) {
		asks->room = asks->room ? asks->room * 2 : 8;
		asks->v = mem_realloc(asks->v, (size_t)asks->room * sizeof(asks->v[0]));
	}
	struct ask *a = &asks->v[asks->count++];
	*a = (struct ask){.api = api, .target = target, .result = ERR_TIMEOUT};
	snprintf(a->why, sizeof(a->why), "it did not answer in time");
	return a;
}

static err request(struct ask *a, struct buf *body)
{
	const struct asks *asks = a->asks;
	struct http_request_opts opts = {
		.method = asks->method,
		.target = a->target,
		.headers = asks->headers,
		.body_max = asks->answer_max ? asks->answer_max : ASK_ANSWER_MAX,
		.deadline = asks->deadline,
	};
	TRY(hostport_parse(&opts.host, a->api, PORT_API));
	return signed_request(asks->server->signer, asks->vhost, &opts, &a->status, body);
}

/* Servers may answer a POST with 201, and SRS takes that, too. */
static bool is_good(int status)
{
	return status == 200 || status == 201;
}

static err ask(struct ask *a)
{
	struct buf body = {0};
	int64_t began = clock_ms();
	err e = request(a, &body);
	a->ms = clock_ms() - began;
	if (!e && is_good(a->status))
		a->answer = json_read(buf_span(&body));
	buf_free(&body);
	return e;
}

static void ask_main(void *arg)
{
	struct ask *a = arg;
	struct asks *asks = a->asks;
	err e = ask(a);
	if (e != ERR_STOPPED)
		a->result = e;
	if (e && e != ERR_STOPPED && e != ERR_TIMEOUT)
		snprintf(a->why, sizeof(a->why), "%s", err_trail(e));
	if (!e && !a->answer && is_good(a->status))
		snprintf(a->why, sizeof(a->why), "its answer is not JSON");
	else if (!e && !a->answer)
		snprintf(a->why, sizeof(a->why), "it answered %d", a->status);
	if (e != ERR_STOPPED && asks->on_answer && asks->on_answer(a)) {
		int64_t late = clock_after(asks->late_ms);
		asks->until = late < asks->until ? late : asks->until;
	}
	err_clear();
	asks->running--;
	co_wake(asks->lead);
}

void asks_run(struct asks *asks, const char *method, int64_t deadline)
{
	asks->method = method;
	asks->deadline = deadline;
	asks->until = CLOCK_NEVER;
	asks->lead = co_self();
	for (int i = 0; i < asks->count; i++) {
		struct ask *a = &asks->v[i];
		a->asks = asks;
		a->co = co_start("ask", ask_main, a);
		asks->running += a->co != NULL;
	}
	/* At the deadline each ends by itself, and has failed; who is left behind before has not. */
	while (asks->running > 0 && co_wait(asks->until) == OK)
		;
	for (int i = 0; i < asks->count; i++)
		co_stop(asks->v[i].co);
	for (int i = 0; i < asks->count; i++)
		co_join(&asks->v[i].co);
}

void asks_fini(struct asks *asks)
{
	for (int i = 0; i < asks->count; i++) {
		free(asks->v[i].api);
		free(asks->v[i].target);
		json_decref(asks->v[i].answer);
	}
	free(asks->v);
	asks->v = NULL;
	asks->count = asks->room = 0;
}
