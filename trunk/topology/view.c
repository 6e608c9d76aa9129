/* One round of questions for each view: what is known here is taken down first, since it may change
 * while others are asked; then their answers are put into the places that wait for them. */
#include "topology/view.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "codec/list.h"
#include "codec/url.h"
#include "node/json.h"
#include "topology/neighbours.h"
#include "topology/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { DEPTH_MAX = 32, SLICE_NODES = 256, LEFT_OUT_MAX = 1000000 };

static const char streams_path[] = "/api/v1/clusters/streams";

/* The question has been here: this is a circle. */
static bool is_circle(const struct server *server, const struct view_query *q)
{
	return list_has(q->path, server->service_id);
}

/* ---- streams ---- */

/* Of all views of the process, and of one: 24,000 nodes, a quarter of them told by untrusted relays, so that there is
 * room for those of four views at a time. A node is estimated at NODE_BYTES. */
enum {
	VIEWS_BYTES = 192 << 20,
	VIEWS_UNTRUSTED = VIEWS_BYTES / 2,
	VIEW_BYTES = 96 << 20,
	VIEW_UNTRUSTED = VIEWS_UNTRUSTED / 4,
};
static struct budget all_views = {.max = VIEWS_BYTES, .untrusted_max = VIEWS_UNTRUSTED};

struct view {
	struct server *server;
	const struct view_query *q;
	struct budget all, shown; /* also answers that were not looked at yet; the nodes alone */
	struct tree_room room;
	struct trees trees;
	struct asks asks;
	json_t *out;
	struct map *seen; /* "node stream" of trees that are in, "node/relay" of their nodes */
	int left_out;
	size_t slice; /* nodes since others had a turn */
};

static void open_room(struct view *v)
{
	size_t max = VIEW_BYTES, asked = (size_t)v->q->room * (NODE_BYTES / NODE_TEXT);
	if (asked && asked < max)
		max = asked;
	v->all = (struct budget){VIEW_BYTES, VIEW_UNTRUSTED, .above = &all_views};
	v->shown = (struct budget){max, max, .above = &v->all};
	v->room = (struct tree_room){
		.ours = {.from = &v->shown},
		.untrusted = {.from = &v->shown, .untrusted = true},
		.depth = v->q->hops < DEPTH_MAX ? v->q->hops + 1 : DEPTH_MAX,
	};
}

/* The memory of the answer stays taken, by the quota. */
static void close_room(struct view *v, struct quota *quota)
{
	size_t shown = v->shown.used;
	quota_empty(&v->room.untrusted);
	quota_empty(&v->room.ours);
	quota->from = &all_views;
	(void)quota_take(quota, shown); /* it was there a moment ago */
}

/* After so many nodes others have a turn. */
static void worked(struct view *v, size_t nodes)
{
	v->slice += nodes;
	if (v->slice < SLICE_NODES)
		return;
	v->slice = 0;
	co_yield ();
}

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
	size_t nodes = 0;
	if (tree &&
	    is_first(v, mem_printf("%s %s", text_of(origin, "node"), text_of(tree, "stream")))) {
		note_nodes(v, origin);
		nodes = (size_t)tree_sum(tree);
		json_array_append(v->out, tree);
	}
	json_decref(tree);
	worked(v, nodes);
}

/* ---- answers, each looked at as it comes ---- */

/* A tree that was looked at is not needed any more; `used` was taken before that. */
static void drop(struct view *v, json_t *list, size_t i, size_t used)
{
	(void)json_array_set_new(list, i, json_null());
	worked(v, (v->shown.used - used) / NODE_BYTES);
}

/* Trees whose roots are pulls and pushes that are connected here. */
static void graft_all(struct view *v, const struct ask *a, json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		size_t used = v->shown.used;
		const json_t *origin = json_object_get(json_array_get(list, i), "origin");
		struct tree_relay *r = trees_find(&v->trees, a->api, text_of(origin, "relay"));
		for (; r; r = r->same)
			if (!r->has_said)
				tree_graft(r, origin, &v->room);
		drop(v, list, i, used);
	}
}

/* Their copies, which wait for their place. */
static json_t *copy_all(struct view *v, const struct ask *a, json_t *list)
{
	json_t *copies = json_array();
	for (size_t i = 0; i < json_array_size(list); i++) {
		size_t used = v->shown.used;
		json_t *tree = tree_copy(json_array_get(list, i), &v->room, &v->left_out);
		drop(v, list, i, used);
		if (!tree)
			continue;
		tree_place(json_object_get(tree, "origin"), a->api);
		json_array_append_new(copies, tree);
	}
	return copies;
}

/* Streams that it has not told of. */
static int left_out(const json_t *answer)
{
	json_int_t n = json_integer_value(json_object_get(answer, "left_out"));
	return n < 0 ? 0 : n > LEFT_OUT_MAX ? LEFT_OUT_MAX : (int)n;
}

static void take_answer(struct view *v, struct ask *a)
{
	json_t *list = json_object_get(a->answer, "streams");
	json_t *copies = NULL;
	if (a->tag != NEIGHBOUR_RELAY) /* of one that says too much nobody knows how many */
		v->left_out += a->result == ERR_LIMIT ? 1 : left_out(a->answer);
	if (a->answer && a->tag != NEIGHBOUR_RELAY)
		copies = copy_all(v, a, list);
	else if (a->answer)
		graft_all(v, a, list);
	if (a->answer)
		snprintf(a->why, sizeof(a->why), "%s",
			 left_out(a->answer) ? "its answer has no room for this stream"
					     : "it does not know of this stream");
	json_decref(a->answer);
	a->answer = copies;
}

/* ---- and put into their places ---- */

static const char *why_missing(const struct view *v, const struct tree_relay *r)
{
	const struct ask *a = asks_find(&v->asks, NEIGHBOUR_RELAY, r->api);
	if (a)
		return a->why;
	return v->q->hops > 0 ? "it was not asked: there are too many servers, or too many at its "
				"address, or it has only just come"
			      : "the question goes no further";
}

static void put_missing(struct view *v)
{
	struct tree_relay *r;
	DL_FOREACH (v->trees.relays, r) {
		if (*r->api && !r->has_said)
			tree_missing(r, why_missing(v, r));
		worked(v, 1);
	}
}

static void put_theirs(struct view *v, enum neighbour kind)
{
	for (int i = 0; i < v->asks.count; i++) {
		const struct ask *a = &v->asks.v[i];
		for (size_t n = 0; a->tag == (int)kind && n < json_array_size(a->answer); n++)
			put_tree(v, json_incref(json_array_get(a->answer, n)));
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

/* Streams from an origin that said nothing about them. */
static void put_orphans(struct view *v)
{
	struct tree *t;
	DL_FOREACH (v->trees.list, t) {
		char *key = mem_printf("%s/%s", v->server->service_id, t->relay);
		bool known = map_get(v->seen, key) != NULL;
		free(key);
		if (known || strcmp(t->kind, "publish") == 0)
			continue;
		json_put_text(t->node, "why",
			      *t->api ? "its origin did not say anything about it"
				      : "its origin tells no API that could be asked");
		put_tree(v, json_incref(t->json));
	}
}

static void put_all(struct view *v)
{
	put_missing(v);
	put_theirs(v, NEIGHBOUR_ORIGIN);
	put_ours(v);
	put_theirs(v, NEIGHBOUR_COWORKER);
	if (v->q->scope == VIEW_ALL)
		put_orphans(v);
}

void view_streams(json_t *answer, struct quota *quota, struct server *server,
		  const struct view_query *q)
{
	struct view v = {
		.server = server,
		.q = q,
		.asks = {.server = server,
			 .method = "GET",
			 .deadline = q->deadline,
			 .budget = &v.all},
		.out = json_array(),
		.seen = map_new(),
	};
	open_room(&v);
	if (!is_circle(server, q)) {
		neighbours_add(&v.asks, streams_path, q);
		trees_take(&v.trees, server, &(struct tree_filter){q->vhost, q->app, q->stream},
			   &v.room);
		for (struct ask *a; asks_next(&v.asks, &a, CLOCK_NEVER) == OK;)
			take_answer(&v, a);
		put_all(&v);
	}
	json_object_set_new(answer, "streams", v.out);
	json_put_int(answer, "left_out", v.left_out + v.trees.left_out);
	asks_fini(&v.asks);
	trees_fini(&v.trees);
	map_free(&v.seen);
	close_room(&v, quota);
}

/* ---- a client ---- */

/* The answer of a server on which it was disconnected. */
static bool has_kicked(const struct ask *a)
{
	const json_t *code = json_object_get(a->answer, "code");
	return json_is_integer(code) && json_integer_value(code) == 0;
}

/* Until one of the others has done it. */
static void kick_elsewhere(char node[static SIGN_ID_MAX], struct server *server,
			   const struct view_query *q, const char *path)
{
	struct asks asks = {.server = server,
			    .method = "DELETE",
			    .deadline = q->deadline,
			    .answer_max = ASK_SHORT_MAX};
	neighbours_add(&asks, path, q);
	for (struct ask *a; !*node && asks_next(&asks, &a, CLOCK_NEVER) == OK;)
		if (has_kicked(a))
			snprintf(node, SIGN_ID_MAX, "%s", text_of(a->answer, "node"));
	asks_fini(&asks);
}

void view_kick(char node[static SIGN_ID_MAX], struct server *server, const struct view_query *q,
	       const char *id)
{
	struct client *client = stat_find(&server->stat, id);
	*node = '\0';
	if (is_circle(server, q))
		return;
	if (client) {
		log_info("client %s is disconnected through the API of the cluster", client->id);
		snprintf(node, SIGN_ID_MAX, "%s", server->service_id);
		client_stop(client, ERR_KICKED);
		return;
	}
	struct buf path = {.max = 1024};
	buf_printf(&path, "/api/v1/clusters/clients/");
	url_escape(&path, id);
	if (buf_ok(&path))
		kick_elsewhere(node, server, q, buf_text(&path));
	buf_free(&path);
}
