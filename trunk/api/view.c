/* One round of questions for each view: what is known here is taken down first, since it may change
 * while others are asked; then their answers are put into the places that wait for them. */
#include "api/view.h"
#include "api/api_route.h"
#include "api/neighbours.h"
#include "api/tree.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "codec/list.h"
#include "codec/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { DEPTH_MAX = 32 };

static const char streams_path[] = "/api/v1/clusters/streams";

/* The question has been here: this is a circle. */
static bool is_circle(const struct server *server, const struct view_question *q)
{
	return list_has(q->path, server->service_id);
}

/* ---- streams ---- */

struct view {
	struct server *server;
	const struct view_question *q;
	struct trees trees;
	struct asks asks;
	json_t *out;
	struct map *seen; /* "node stream" of trees that are in, "node/relay" of their nodes */
	int depth;
};

static bool is_first(struct view *v, char *key)
{
	bool first = !map_set(v->seen, key, v);
	free(key);
	return first;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static void note_nodes(struct view *v, const json_t *node)
{
	const json_t *relays = json_object_get(node, "relays");
	(void)is_first(v, mem_printf("%s/%s", text_of(node, "node"), text_of(node, "relay")));
	for (size_t i = 0; i < json_array_size(relays); i++)
		note_nodes(v, json_array_get(relays, i));
}

/* Takes the tree; one that is in already is dropped. */
static void put_tree(struct view *v, json_t *tree)
{
	const json_t *origin = json_object_get(tree, "origin");
	if (tree &&
	    is_first(v, mem_printf("%s %s", text_of(origin, "node"), text_of(tree, "stream")))) {
		note_nodes(v, origin);
		tree_sum(tree);
		json_array_append(v->out, tree);
	}
	json_decref(tree);
}

/* The tree in an answer whose root is that pull or push. */
static const json_t *find_relay(const json_t *answer, const char *relay)
{
	const json_t *list = json_object_get(answer, "streams");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *origin = json_object_get(json_array_get(list, i), "origin");
		if (*relay && strcmp(text_of(origin, "relay"), relay) == 0)
			return origin;
	}
	return NULL;
}

static void graft(struct view *v, struct tree_relay *r)
{
	for (int i = 0; *r->api && i < v->asks.count; i++) {
		const struct ask *a = &v->asks.v[i];
		if (strcmp(a->api, r->api) != 0)
			continue;
		const json_t *said = a->answer ? find_relay(a->answer, r->relay) : NULL;
		if (said)
			tree_graft(r, said, v->depth);
		else
			tree_missing(r, a->answer ? "it does not know of this stream" : a->why);
	}
}

static void put_theirs(struct view *v, enum neighbour kind)
{
	for (int i = 0; i < v->asks.count; i++) {
		const struct ask *a = &v->asks.v[i];
		const json_t *list = json_object_get(a->answer, "streams");
		for (size_t n = 0; a->tag == (int)kind && n < json_array_size(list); n++) {
			json_t *tree = tree_copy(json_array_get(list, n), v->depth);
			if (tree)
				tree_place(json_object_get(tree, "origin"), a->api);
			put_tree(v, tree);
		}
	}
}

static bool is_asked_for(const struct view *v, const struct tree *t)
{
	if (v->q->scope == VIEW_BELOW)
		return strcmp(t->kind, "publish") != 0 && strcmp(t->from, v->q->from) == 0;
	return strcmp(t->kind, "publish") == 0;
}

static void put_ours(struct view *v)
{
	struct tree *t;
	DL_FOREACH (v->trees.list, t)
		if (is_asked_for(v, t))
			put_tree(v, json_incref(t->json));
}

/* What we have from an origin that said nothing about it. */
static void put_orphans(struct view *v)
{
	struct tree *t;
	DL_FOREACH (v->trees.list, t) {
		char *key = mem_printf("%s/%s", v->server->service_id, t->relay);
		bool known = map_get(v->seen, key) != NULL;
		free(key);
		if (known || strcmp(t->kind, "publish") == 0)
			continue;
		api_put_text(t->node, "why",
			     *t->api ? "its origin did not say anything about it"
				     : "its origin tells no API that could be asked");
		put_tree(v, json_incref(t->json));
	}
}

static void put_all(struct view *v)
{
	struct tree_relay *r;
	DL_FOREACH (v->trees.relays, r)
		graft(v, r);
	put_theirs(v, NEIGHBOUR_ORIGIN);
	put_ours(v);
	put_theirs(v, NEIGHBOUR_COWORKER);
	if (v->q->scope == VIEW_ALL)
		put_orphans(v);
}

json_t *view_streams(struct server *server, const struct view_question *q)
{
	struct view v = {
		.server = server,
		.q = q,
		.asks = {.server = server},
		.out = json_array(),
		.seen = map_new(),
		.depth = q->hops < DEPTH_MAX ? q->hops + 1 : DEPTH_MAX,
	};
	if (!is_circle(server, q)) {
		neighbours_add_all(&v.asks, streams_path, q);
		trees_take(&v.trees, server, &(struct tree_filter){q->vhost, q->app, q->stream});
		asks_run(&v.asks, "GET", q->deadline);
		put_all(&v);
	}
	asks_fini(&v.asks);
	trees_fini(&v.trees);
	map_free(&v.seen);
	return v.out;
}

/* ---- a client ---- */

static bool has_kicked(struct ask *a)
{
	const json_t *code = json_object_get(a->answer, "code");
	return json_is_integer(code) && json_integer_value(code) == 0;
}

void view_kick(char node[static SIGN_ID_MAX], struct server *server, const struct view_question *q,
	       const char *id)
{
	struct client *client = stat_find(&server->stat, id);
	struct asks asks = {.server = server, .on_answer = has_kicked};
	*node = '\0';
	if (is_circle(server, q))
		return;
	if (client) {
		log_info("client %s is disconnected through the API of the cluster", client->id);
		snprintf(node, SIGN_ID_MAX, "%s", server->service_id);
		stat_kick(client);
		return;
	}
	struct buf path = {.max = 1024};
	buf_printf(&path, "/api/v1/clusters/clients/");
	url_escape(&path, id);
	if (buf_ok(&path))
		neighbours_add_all(&asks, buf_text(&path), q);
	asks_run(&asks, "DELETE", q->deadline);
	for (int i = 0; i < asks.count && !*node; i++)
		if (asks.v[i].answer && has_kicked(&asks.v[i]))
			snprintf(node, SIGN_ID_MAX, "%s", text_of(asks.v[i].answer, "node"));
	buf_free(&path);
	asks_fini(&asks);
}
