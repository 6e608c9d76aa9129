#include "cluster/ask.h"
#include "base/mem.h"
#include "base/vec.h"
#include "codec/url.h"
#include "node/certs.h"
#include "node/signed_request.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	VALUE_BYTES = 150,   /* of memory, for a value of an answer that is parsed: an estimate */
	SMALL_BYTES = 16384, /* an answer that is parsed at once */
	RESERVE =
		32768, /* for an answer of a few words, which rubbish of others must not push out */
};

/* ---- whom ---- */

/* Maps keep pointers: a number is one, counted from 1. */
static int number_get(const struct map *map, const char *key)
{
	return map ? (int)(uintptr_t)map_get(map, key) : 0;
}

static void number_set(struct map **map, const char *key, int number)
{
	if (!*map)
		*map = map_new();
	map_set(*map, key, (void *)(uintptr_t)number);
}

static char *index_key(int tag, const char *api)
{
	return mem_printf("%d %s", tag, api);
}

struct ask *asks_find(const struct asks *asks, int tag, const char *api)
{
	char *key = index_key(tag, api);
	int number = number_get(asks->index, key);
	free(key);
	return number ? &asks->v[number - 1] : NULL;
}

/* One more untrusted one at that address, if there may be one. */
static bool count_untrusted(struct asks *asks, const char *api)
{
	const char *port = strrchr(api, ':');
	char *host = mem_strndup(api, port ? (size_t)(port - api) : strlen(api));
	int count = number_get(asks->hosts, host) + 1;
	if (count <= ASKS_PER_HOST)
		number_set(&asks->hosts, host, count);
	free(host);
	return count <= ASKS_PER_HOST;
}

static void index_last(struct asks *asks)
{
	const struct ask *a = &asks->v[asks->count - 1];
	char *key = index_key(a->tag, a->api);
	number_set(&asks->index, key, asks->count);
	free(key);
}

struct ask *asks_add(struct asks *asks, int tag, enum ask_whom whom, char *api, char *target)
{
	if (asks->count == ASKS_MAX || (whom == ASK_UNTRUSTED && !count_untrusted(asks, api))) {
		free(api);
		free(target);
		return NULL;
	}
	vec_reserve(asks->v, asks->room, asks->count + 1);
	struct ask *a = &asks->v[asks->count++];
	*a = (struct ask){.api = api,
			  .target = target,
			  .tag = tag,
			  .untrusted = whom == ASK_UNTRUSTED,
			  .result = ERR_TIMEOUT};
	snprintf(a->why, sizeof(a->why), "it did not answer in time");
	index_last(asks);
	return a;
}

/* ---- one of them ---- */

static size_t answer_max(const struct ask *a)
{
	size_t max = a->asks->answer_max ? a->asks->answer_max : ASK_ANSWER_MAX;
	return a->untrusted && max > ASK_UNTRUSTED_MAX ? ASK_UNTRUSTED_MAX : max;
}

/* By what the vhost that is asked about says; what is about no vhost in particular, by any of them. Borrows from the
 * configuration. */
static void choose_tls(struct http_request_opts *opts, const struct asks *asks,
		       const struct conf *conf)
{
	for (int i = 0; i < conf->vhost_count; i++) {
		const struct conf_vhost *v = &conf->vhosts[i];
		if (!v->cluster.coworkers_https ||
		    (asks->vhost && strcmp(asks->vhost, v->name) != 0))
			continue;
		opts->tls = certs_client(asks->server->certs);
		opts->tls_name = v->cluster.tls_name;
		return;
	}
}

static err request(struct ask *a, struct buf *body)
{
	const struct asks *asks = a->asks;
	struct http_request_opts opts = {
		.method = asks->method,
		.target = a->target,
		.headers = asks->headers,
		.body_max = answer_max(a),
		.deadline = asks->deadline,
		.quota = &a->quota,
	};
	TRY(hostport_parse(&opts.host, a->api, PORT_API));
	struct conf *conf = conf_ref(asks->server->conf);
	choose_tls(&opts, asks, conf);
	err e = signed_request(asks->server->signer, asks->vhost, &opts, &a->status, body);
	conf_unref(&conf);
	return e;
}

/* Servers may answer a POST with 201, and SRS takes that, too. */
static bool is_good(int status)
{
	return status == 200 || status == 201;
}

/* ---- an answer is looked at ---- */

/* Many may have come at once: one after another is parsed and looked at, of all requests of the process,
 * and in between others can run. Short ones need not wait, nor those of servers that we know for untrusted
 * ones. */
static struct turns {
	int64_t next, served;
} trusted_turns, untrusted_turns;

static struct turns *turns_of(const struct ask *a)
{
	return a->untrusted ? &untrusted_turns : &trusted_turns;
}

static bool is_long(const struct ask *a)
{
	return a->body.n > SMALL_BYTES;
}

static void turn_begin(struct ask *a)
{
	struct turns *turns = turns_of(a);
	a->in_turn = is_long(a);
	if (!a->in_turn)
		return;
	for (int64_t turn = turns->next++; turns->served < turn;)
		co_yield ();
	co_yield ();
}

static void turn_end(struct ask *a)
{
	turns_of(a)->served += a->in_turn;
	a->in_turn = false;
}

/* Text may be many times as large when it is parsed. */
static err parse(struct ask *a, struct span text)
{
	size_t values = json_count(text);
	if (values == SIZE_MAX)
		return OK;
	if (values > ASK_VALUES_FREE + text.n / ASK_VALUE_BYTES ||
	    !quota_take(&a->quota, values * VALUE_BYTES))
		return err_fail(ERR_LIMIT, "there are too many values in its answer");
	a->answer = a->in_turn ? json_read_long(text) : json_read(text);
	return OK;
}

static void say_why(struct ask *a, err e)
{
	a->result = e;
	if (a->untrusted && e != ERR_TIMEOUT)
		snprintf(a->why, sizeof(a->why), ASK_NO_ANSWER);
	else if (e && e != ERR_TIMEOUT)
		snprintf(a->why, sizeof(a->why), "%s", err_trail(e));
	else if (!e && !a->answer && is_good(a->status))
		snprintf(a->why, sizeof(a->why), "its answer is not JSON");
	else if (!e && !a->answer)
		snprintf(a->why, sizeof(a->why), "it answered %d", a->status);
}

static err open_answer(struct ask *a)
{
	if (a->result || !is_good(a->status))
		return OK;
	turn_begin(a);
	if (co_stopping()) {
		turn_end(a);
		return ERR_STOPPED;
	}
	say_why(a, parse(a, buf_span(&a->body)));
	buf_free(&a->body);
	return OK;
}

static void close_answer(struct asks *asks)
{
	struct ask *a = asks->current;
	asks->current = NULL;
	if (!a)
		return;
	turn_end(a);
	quota_empty(&a->quota);
}

/* ---- asking ---- */

static void done(struct ask *a)
{
	if (is_long(a))
		DL_APPEND(a->asks->long_answers, a);
	else
		DL_APPEND(a->asks->short_answers, a);
}

static void ask_main(void *arg)
{
	struct ask *a = arg;
	int64_t began = clock_ms();
	err e = request(a, &a->body);
	a->ms = clock_ms() - began;
	a->asks->running--;
	if (e == ERR_STOPPED)
		return;
	a->result = e;
	if (e || !is_good(a->status))
		say_why(a, e);
	done(a);
	co_wake(a->asks->asker);
}

static void start(struct asks *asks, struct ask *a)
{
	a->asks = asks;
	a->quota.from = asks->budget;
	a->quota.untrusted = a->untrusted;
	a->quota.reserve = RESERVE;
	a->co = co_start("ask", ask_main, a);
	asks->running += a->co != NULL;
	if (a->co)
		return;
	say_why(a, err_fail(ERR_SYSTEM, "no memory for another coroutine"));
	done(a);
}

static void start_some(struct asks *asks)
{
	asks->asker = co_self();
	while (asks->started < asks->count && asks->running < ASKS_AT_ONCE &&
	       clock_ms() < asks->deadline)
		start(asks, &asks->v[asks->started++]);
}

static struct ask *take_answered(struct asks *asks)
{
	struct ask **list = asks->short_answers ? &asks->short_answers : &asks->long_answers;
	struct ask *a = *list;
	if (a)
		DL_DELETE(*list, a);
	return a;
}

err asks_next(struct asks *asks, struct ask **reply, int64_t deadline)
{
	close_answer(asks);
	for (;;) {
		start_some(asks);
		*reply = take_answered(asks);
		if (*reply)
			break;
		if (!asks->running)
			return err_plain(ERR_ENDED);
		TRY(co_wait(deadline));
	}
	TRY(open_answer(*reply));
	asks->current = *reply;
	return OK;
}

void asks_fini(struct asks *asks)
{
	close_answer(asks);
	for (int i = 0; i < asks->count; i++)
		co_stop(asks->v[i].co);
	for (int i = 0; i < asks->count; i++)
		co_join(&asks->v[i].co);
	for (int i = 0; i < asks->count; i++) {
		buf_free(&asks->v[i].body);
		quota_empty(&asks->v[i].quota);
		free(asks->v[i].api);
		free(asks->v[i].target);
		json_decref(asks->v[i].answer);
	}
	free(asks->v);
	map_free(&asks->index);
	map_free(&asks->hosts);
	asks->v = NULL;
	asks->count = asks->room = 0;
}
