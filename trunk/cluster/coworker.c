/* A panel asks the members at once, each in a coroutine of its own. A question is a panel whose
 * first "here" is the answer: those who wait get it at once, while the other coworkers have a
 * moment to answer too, so that the connections to them can be kept. */
#include "cluster/coworker.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "cluster/members.h"
#include "node/json.h"
#include "node/signed_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	ANSWER_MAX = 64 * 1024,
	QUERY_MAX = 16384,
	SWEEP_FROM = 128,
	LATE_MS = 100,  /* for the others, once one has it */
	NONE_GROWS = 3, /* "nobody" is kept longer when it is asked for again and again */
};

struct mesh {
	struct map *questions; /* stream key -> struct question */
	size_t sweep_at;       /* so many of them are looked through */
};

struct waiter {
	struct waiter *prev, *next;
	struct co *co;
};

/* Members being asked. */
struct panel {
	struct server *server;
	const char *vhost; /* whose secret signs the query */
	const char *query; /* the query string without the coworker */
	int64_t deadline;
	struct co *lead; /* the coroutine that asks */
	int asking;      /* members that have not answered */
	int found;
	struct coworker_answer *answers; /* of those who have it, in the order of arrival */
	int room;
	struct asking *list;
	int count;
};

/* One member being asked. */
struct asking {
	struct panel *panel;
	char name[MEMBER_NAME_MAX];
	struct co *co;
};

/* A question in flight, then its answer until it expires. */
struct question {
	struct server *server;
	struct conf *conf;
	const struct conf_vhost *vhost;
	char *key, *query;
	struct waiter *waiters;
	bool running, done, found, forgotten;
	int64_t expires_ms, none_ms;
	struct coworker_answer answer;
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

/* ---- an answer ---- */

/* It becomes a part of URLs. */
static bool is_host(const char *text)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:";
	return *text && strlen(text) < HOST_MAX && strspn(text, letters) == strlen(text);
}

static void read_http(struct coworker_answer *out, const char *text)
{
	struct hostport hp;
	if (text && strlen(text) < HOST_MAX && hostport_parse(&hp, text, 80) == OK &&
	    is_host(hp.host))
		hostport_text(out->http, &hp);
	err_clear();
}

static int64_t integer(const json_t *object, const char *name)
{
	int64_t value = json_integer_value(json_object_get(object, name));
	return value > 0 ? value : 0;
}

static void read_text(char *out, size_t cap, const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	snprintf(out, cap, "%s", text ? text : "");
}

/* {"code":0,"data":{"origin":{"ip":"…","port":1935, …}}}; an origin of null means "not here".
 * What SRS does not say (http, server, service, since_ms, silent_ms, unanswered_ms) may be
 * missing. */
static err read_object(struct coworker_answer *out, const json_t *root)
{
	const json_t *code = json_object_get(root, "code"), *data = json_object_get(root, "data");
	const json_t *origin = json_object_get(data, "origin");
	const char *ip = json_string_value(json_object_get(origin, "ip"));
	int64_t port = integer(origin, "port");
	if (!json_is_integer(code) || json_integer_value(code) != 0)
		return err_fail(ERR_PROTOCOL, "it answered something else than code 0");
	read_text(out->server, sizeof(out->server), data, "server");
	read_text(out->service, sizeof(out->service), data, "service");
	if (!ip || !is_host(ip) || port == 0 || port > 65535)
		return err_fail(ERR_NOTFOUND, "it does not have the stream");
	struct hostport hp = {.port = (int)port};
	snprintf(hp.host, sizeof(hp.host), "%s", ip);
	hostport_text(out->rtmp, &hp);
	read_http(out, json_string_value(json_object_get(origin, "http")));
	out->since_ms = integer(origin, "since_ms");
	out->silent_ms = integer(origin, "silent_ms");
	out->unanswered_ms = integer(origin, "unanswered_ms");
	return OK;
}

static err read_answer(struct coworker_answer *out, int status, const struct buf *body)
{
	if (status != 200 && status != 201)
		return err_fail(ERR_PROTOCOL, "it answered %d", status);
	json_t *root = json_read(buf_span(body));
	err e = read_object(out, root);
	json_decref(root);
	return e;
}

/* ---- a panel ---- */

static err ask(const struct asking *a, struct coworker_answer *answer)
{
	struct hostport host;
	struct buf escaped = {.max = 2048}, body = {.max = ANSWER_MAX};
	int status = 0;
	TRY(hostport_parse(&host, a->name, 1985));
	url_escape(&escaped, a->name);
	char *target =
		mem_printf("/api/v1/clusters?%s&coworker=%s", a->panel->query, buf_text(&escaped));
	err e = signed_request(a->panel->server->signer, a->panel->vhost,
			       &(struct http_request_opts){
				       .method = "POST",
				       .host = host,
				       .target = target,
				       .headers = "Content-Type: application/json\r\n",
				       .body_max = ANSWER_MAX,
				       .deadline = a->panel->deadline,
			       },
			       &status, &body);
	if (!e)
		e = read_answer(answer, status, &body);
	free(target);
	buf_free(&escaped);
	buf_free(&body);
	return e;
}

static void judge(const struct asking *a, err e, const struct coworker_answer *answer)
{
	struct server *server = a->panel->server;
	if (e == ERR_STOPPED)
		return;
	if (e && e != ERR_NOTFOUND)
		members_failed(server, a->name, err_trail(e));
	else
		members_answered(server, a->name);
	if (strcmp(answer->service, server->service_id) == 0)
		members_is_self(server, a->name);
}

static void ask_main(void *arg)
{
	struct asking *a = arg;
	struct panel *p = a->panel;
	struct coworker_answer *answer = mem_new(struct coworker_answer);
	err e = ask(a, answer);
	judge(a, e, answer);
	err_clear();
	if (!e && p->found < p->room && strcmp(answer->service, p->server->service_id) != 0) {
		snprintf(answer->coworker, sizeof(answer->coworker), "%s", a->name);
		p->answers[p->found++] = *answer;
	}
	free(answer);
	p->asking--;
	co_wake(p->lead);
}

static void panel_start(struct panel *p, const struct text_list *coworkers)
{
	struct member *members = mem_zalloc(MEMBERS_MAX * sizeof(members[0]));
	p->lead = co_self();
	p->count = members_list(p->server, MEMBER_API, coworkers, members, p->deadline);
	p->list = mem_zalloc((size_t)p->count * sizeof(p->list[0]) + 1);
	for (int i = 0; i < p->count; i++) {
		struct asking *a = &p->list[i];
		a->panel = p;
		memcpy(a->name, members[i].name, sizeof(a->name));
		a->co = co_start("coworker", ask_main, a);
		p->asking += a->co != NULL;
	}
	free(members);
}

static void panel_end(struct panel *p)
{
	for (int i = 0; i < p->count; i++)
		co_stop(p->list[i].co);
	for (int i = 0; i < p->count; i++)
		co_join(&p->list[i].co);
	free(p->list);
}

/* ---- a question ---- */

static void drop(struct mesh *mesh, struct question *q)
{
	map_remove(mesh->questions, q->key);
	q->forgotten = true;
	if (!q->running && !q->waiters)
		question_free(q);
}

static void settle(struct question *q)
{
	struct waiter *w;
	q->done = true;
	q->expires_ms = clock_after(q->found ? q->vhost->cluster.query_cache_ms : q->none_ms);
	log_info("%s: %s%s", q->key, q->found ? "a coworker has it at " : "no coworker has it",
		 q->found ? q->answer.rtmp : "");
	DL_FOREACH (q->waiters, w)
		co_wake(w->co);
}

static void question_main(void *arg)
{
	struct question *q = arg;
	struct panel panel = {
		.server = q->server,
		.vhost = q->vhost->name,
		.query = q->query,
		.deadline = clock_after(q->vhost->cluster.query_timeout_ms),
		.answers = &q->answer,
		.room = 1,
	};
	q->running = true;
	panel_start(&panel, &q->vhost->cluster.coworkers);
	while (panel.asking > 0 && !panel.found && co_wait(panel.deadline) == OK)
		;
	q->found = panel.found > 0;
	settle(q);
	int64_t late = clock_after(LATE_MS);
	while (panel.asking > 0 && co_wait(late < panel.deadline ? late : panel.deadline) == OK)
		;
	panel_end(&panel);
	q->running = false;
	if (q->forgotten && !q->waiters)
		question_free(q);
}

/* With `rival` the asker says that it has the stream itself, and under which id. */
static char *query_of(const struct conf_vhost *vhost, const struct target *t, const char *rival)
{
	struct buf b = {.max = QUERY_MAX};
	const char *names[] = {"vhost", "ip", "app", "stream", "rival"};
	const char *values[] = {vhost->name, t->host, t->app, t->stream, rival};
	for (int i = 0; i < (rival ? 5 : 4); i++) {
		buf_printf(&b, "%s%s=", i ? "&" : "", names[i]);
		url_escape(&b, values[i]);
	}
	char *text = mem_strdup(buf_text(&b));
	buf_free(&b);
	return text;
}

/* The session may have begun under an older configuration; the coworkers are those of today. */
static const struct conf_vhost *vhost_today(const struct conf *conf, const char *name)
{
	const struct conf_vhost *vhost = conf_vhost_find(conf, name);
	return vhost && strcmp(vhost->name, name) == 0 ? vhost : NULL;
}

static struct question *question_new(struct server *server, const char *vhost_name,
				     const struct target *target, const char *key)
{
	const struct conf_vhost *vhost = vhost_today(server->conf, vhost_name);
	if (!vhost)
		return NULL;
	struct question *q = mem_new(struct question);
	q->server = server;
	q->conf = conf_ref(server->conf);
	q->vhost = vhost;
	q->key = mem_strdup(key);
	q->query = query_of(vhost, target, NULL);
	q->none_ms = vhost->cluster.query_cache_none_ms;
	return q;
}

/* Answers that have expired go when there are twice as many as were worth keeping, so that asking
 * for random names, which may be long, costs little memory and little time. */
static void sweep(struct mesh *mesh)
{
	int64_t now = clock_ms();
	for (struct map_iter it = map_begin(mesh->questions); map_next(&it);) {
		struct question *q = it.value;
		if (q->done && !q->waiters && now >= q->expires_ms)
			drop(mesh, q);
	}
	mesh->sweep_at = 2 * map_count(mesh->questions) + SWEEP_FROM;
}

/* A thousand players who insist on a stream that nobody has are a few questions, not one for each
 * time that the last "nobody" has expired. */
static int64_t longer_none(const struct question *q)
{
	const struct conf_cluster *conf = &q->vhost->cluster;
	int64_t most = conf->query_cache_ms > conf->query_cache_none_ms ? conf->query_cache_ms
									: conf->query_cache_none_ms;
	if (q->found || clock_ms() > q->expires_ms + conf->query_cache_none_ms)
		return 0;
	return NONE_GROWS * q->none_ms < most ? NONE_GROWS * q->none_ms : most;
}

/* The one that is asked or known already; *none_ms is what an expired one leaves behind. */
static struct question *question_known(struct mesh *mesh, const char *key, bool fresh,
				       int64_t *none_ms)
{
	struct question *q = map_get(mesh->questions, key);
	if (!q || !q->done || (!fresh && clock_ms() < q->expires_ms))
		return q;
	*none_ms = fresh ? 0 : longer_none(q);
	drop(mesh, q);
	return NULL;
}

static struct question *question_get(struct server *server, const struct conf_vhost *vhost,
				     const struct target *target, const char *key, bool fresh)
{
	struct mesh *mesh = server->mesh;
	int64_t none_ms = 0;
	struct question *q = question_known(mesh, key, fresh, &none_ms);
	if (q)
		return q;
	if (map_count(mesh->questions) >= mesh->sweep_at)
		sweep(mesh);
	q = question_new(server, vhost->name, target, key);
	if (!q)
		return NULL;
	q->none_ms = none_ms ? none_ms : q->none_ms;
	if (!co_start_in(&server->services, "mesh", question_main, q)) {
		question_free(q);
		return NULL;
	}
	q->running = true;
	map_set(mesh->questions, key, q);
	return q;
}

static err find(struct server *server, const struct conf_vhost *vhost, const struct target *target,
		bool fresh, struct coworker_answer *answer)
{
	char *key = stream_key(vhost->name, target->app, target->stream);
	struct question *q = question_get(server, vhost, target, key, fresh);
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
	if (q->forgotten && !q->running && !q->waiters)
		question_free(q);
	return e;
}

err coworker_find(struct server *server, const struct conf_vhost *vhost,
		  const struct target *target, struct coworker_answer *answer)
{
	return find(server, vhost, target, false, answer);
}

err coworker_find_fresh(struct server *server, const struct conf_vhost *vhost,
			const struct target *target, struct coworker_answer *answer)
{
	return find(server, vhost, target, true, answer);
}

void coworker_forget(struct server *server, const char *key)
{
	struct question *q = map_get(server->mesh->questions, key);
	if (q)
		drop(server->mesh, q);
}

/* ---- everybody's word ---- */

int coworker_find_all(struct server *server, const struct conf_vhost *vhost,
		      const struct target *target,
		      struct coworker_answer out[static COWORKER_ANSWERS_MAX])
{
	struct conf *conf = conf_ref(server->conf);
	const struct conf_vhost *today = vhost_today(conf, vhost->name);
	char *query = query_of(vhost, target, server->service_id);
	struct panel panel = {
		.server = server,
		.vhost = vhost->name,
		.query = query,
		.deadline = clock_after(vhost->cluster.query_timeout_ms),
		.answers = out,
		.room = COWORKER_ANSWERS_MAX,
	};
	if (today) {
		panel_start(&panel, &today->cluster.coworkers);
		while (panel.asking > 0 && co_wait(panel.deadline) == OK)
			;
		panel_end(&panel);
	}
	free(query);
	conf_unref(&conf);
	return panel.found;
}
