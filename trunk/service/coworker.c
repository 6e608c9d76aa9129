#include "service/coworker.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "http/client.h"
#include "service/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { ANSWER_MAX = 64 * 1024, MESH_ENTRIES_MAX = 20000 };

struct mesh {
	struct map *questions; /* stream key -> struct question */
};

struct waiter {
	struct waiter *prev, *next;
	struct co *co;
};

/* A question in flight, then its answer until it expires. */
struct question {
	struct server *server;
	struct conf *conf;
	const struct conf_vhost *vhost;
	char *key, *query;      /* the query string without the coworker */
	struct co *lead;        /* the coroutine that asks */
	struct waiter *waiters;
	int asking;             /* coworkers that have not answered */
	bool done, found, forgotten;
	int64_t expires_ms;
	struct coworker_answer answer;
};

/* One coworker being asked. */
struct asking {
	struct question *question;
	const char *coworker;
	struct co *co;
	int64_t deadline;
};

struct mesh *mesh_new(void)
{
	struct mesh *mesh = mem_new(struct mesh);
	mesh->questions = map_new();
	return mesh;
}

static void question_free(struct question *q)
{
	conf_unref(&q->conf);
	free(q->key);
	free(q->query);
	free(q);
}

void mesh_free(struct mesh **mesh)
{
	if (!*mesh)
		return;
	for (struct map_iter it = map_begin((*mesh)->questions); map_next(&it);)
		question_free(it.value);
	map_free(&(*mesh)->questions);
	free(*mesh);
	*mesh = NULL;
}

/* {"code":0,"data":{"origin":{"ip":"…","port":1935, …}}}; an origin of null means "not here". */
static err read_answer(struct coworker_answer *out, int status, const struct buf *body)
{
	json_t *root = NULL;
	if (status != 200 && status != 201)
		return err_fail(ERR_PROTOCOL, "it answered %d", status);
	root = json_loadb((const char *)body->p, body->n, 0, NULL);
	json_t *origin = json_object_get(json_object_get(root, "data"), "origin");
	const char *ip = json_string_value(json_object_get(origin, "ip"));
	json_int_t port = json_integer_value(json_object_get(origin, "port"));
	const char *http = json_string_value(json_object_get(origin, "http"));
	err e = OK;
	if (!json_is_integer(json_object_get(root, "code")) ||
	    json_integer_value(json_object_get(root, "code")) != 0)
		e = err_fail(ERR_PROTOCOL, "it answered something else than code 0");
	else if (!ip || !*ip || strlen(ip) > 250 || port <= 0 || port > 65535)
		e = err_fail(ERR_NOTFOUND, "it does not have the stream");
	if (!e) {
		struct hostport hp = {.port = (int)port};
		snprintf(hp.host, sizeof(hp.host), "%s", ip);
		hostport_text(out->rtmp, &hp);
		snprintf(out->http, sizeof(out->http), "%s", http ? http : "");
	}
	json_decref(root);
	return e;
}

static err ask(struct asking *a, struct coworker_answer *answer)
{
	struct hostport host;
	struct buf escaped = {.max = 2048}, body = {.max = ANSWER_MAX};
	int status = 0;
	TRY(hostport_parse(&host, a->coworker, 1985));
	url_escape(&escaped, a->coworker);
	char *target = mem_printf("/api/v1/clusters?%s&coworker=%s", a->question->query, buf_text(&escaped));
	err e = http_request(
		&(struct http_request_opts){
			.method = "POST",
			.host = host,
			.target = target,
			.headers = "Content-Type: application/json\r\n",
			.body_max = ANSWER_MAX,
			.deadline = a->deadline,
		},
		&status, &body);
	if (!e)
		e = read_answer(answer, status, &body);
	free(target);
	buf_free(&escaped);
	buf_free(&body);
	return e;
}

static void ask_main(void *arg)
{
	struct asking *a = arg;
	struct question *q = a->question;
	struct coworker_answer answer = {0};
	err e = ask(a, &answer);
	if (!e && !q->found) {
		q->found = true;
		q->answer = answer;
		snprintf(q->answer.coworker, sizeof(q->answer.coworker), "%s", a->coworker);
	} else if (e && e != ERR_STOPPED && e != ERR_NOTFOUND) {
		log_warn("coworker %s: %s", a->coworker, err_trail(e));
	}
	q->asking--;
	co_wake(q->lead);
}

static void ask_all(struct question *q, const struct text_list *names)
{
	int64_t deadline = clock_after(q->vhost->cluster.query_timeout_ms);
	struct asking *list = mem_zalloc((size_t)names->count * sizeof(list[0]));
	for (int i = 0; i < names->count; i++) {
		list[i] = (struct asking){.question = q, .coworker = names->v[i], .deadline = deadline};
		list[i].co = co_start("coworker", ask_main, &list[i]);
		q->asking += list[i].co != NULL;
	}
	while (q->asking > 0 && !q->found && co_wait(deadline) == OK)
		;
	for (int i = 0; i < names->count; i++)
		co_stop(list[i].co);
	for (int i = 0; i < names->count; i++)
		co_join(&list[i].co);
	free(list);
}

static void question_main(void *arg)
{
	struct question *q = arg;
	struct waiter *w;
	q->lead = co_self();
	ask_all(q, &q->vhost->cluster.coworkers);
	q->done = true;
	q->expires_ms = clock_after(q->found ? q->vhost->cluster.query_cache_ms
					     : q->vhost->cluster.query_cache_none_ms);
	log_info("%s: %s%s", q->key, q->found ? "a coworker has it at " : "no coworker has it",
		 q->found ? q->answer.rtmp : "");
	DL_FOREACH (q->waiters, w)
		co_wake(w->co);
	if (q->forgotten && !q->waiters)
		question_free(q);
}

static char *query_of(const struct conf_vhost *vhost, const struct target *t)
{
	struct buf b = {.max = 16384};
	const char *names[] = {"vhost", "ip", "app", "stream"};
	const char *values[] = {vhost->name, t->host, t->app, t->stream};
	for (int i = 0; i < 4; i++) {
		buf_printf(&b, "%s%s=", i ? "&" : "", names[i]);
		url_escape(&b, values[i]);
	}
	char *text = mem_strdup(buf_text(&b));
	buf_free(&b);
	return text;
}

static struct question *question_new(struct server *server, const struct conf_vhost *vhost,
				     const struct target *target, const char *key)
{
	struct question *q = mem_new(struct question);
	q->server = server;
	q->conf = conf_ref(server->conf);
	q->vhost = vhost;
	q->key = mem_strdup(key);
	q->query = query_of(vhost, target);
	return q;
}

static void drop(struct mesh *mesh, struct question *q)
{
	map_remove(mesh->questions, q->key);
	if (q->done && !q->waiters)
		question_free(q);
	else
		q->forgotten = true;
}

/* Answers that have expired go when there are many, so that asking for random names costs no
 * memory. */
static void sweep(struct mesh *mesh)
{
	int64_t now = clock_ms();
	for (struct map_iter it = map_begin(mesh->questions); map_next(&it);) {
		struct question *q = it.value;
		if (q->done && !q->waiters && now >= q->expires_ms)
			drop(mesh, q);
	}
}

static struct question *question_get(struct server *server, const struct conf_vhost *vhost,
				     const struct target *target, const char *key)
{
	struct mesh *mesh = server->mesh;
	struct question *q = map_get(mesh->questions, key);
	if (q && q->done && clock_ms() >= q->expires_ms) {
		drop(mesh, q);
		q = NULL;
	}
	if (q)
		return q;
	if (map_count(mesh->questions) >= MESH_ENTRIES_MAX)
		sweep(mesh);
	q = question_new(server, vhost, target, key);
	if (!co_start_in(&server->services, "mesh", question_main, q)) {
		question_free(q);
		return NULL;
	}
	map_set(mesh->questions, key, q);
	return q;
}

err coworker_find(struct server *server, const struct conf_vhost *vhost, const struct target *target,
		  struct coworker_answer *answer)
{
	char *key = stream_key(vhost->name, target->app, target->stream);
	struct question *q = question_get(server, vhost, target, key);
	free(key);
	if (!q)
		return err_fail(ERR_NOTFOUND, "the coworkers cannot be asked now");
	struct waiter self = {.co = co_self()};
	err e = OK;
	DL_APPEND(q->waiters, &self);
	while (!q->done && !e)
		e = co_wait(CLOCK_NEVER);
	DL_DELETE(q->waiters, &self);
	if (!e && q->found)
		*answer = q->answer;
	else if (!e)
		e = err_fail(ERR_NOTFOUND, "no origin of the cluster has the stream %s", q->key);
	if (q->forgotten && q->done && !q->waiters)
		question_free(q);
	return e;
}

void coworker_forget(struct server *server, const char *key)
{
	struct question *q = map_get(server->mesh->questions, key);
	if (q)
		drop(server->mesh, q);
}
