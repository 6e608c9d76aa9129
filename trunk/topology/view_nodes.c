/* The servers around this one. Each is asked for its version, which every server of our kind and
 * every SRS can tell. */
#include "base/map.h"
#include "base/mem.h"
#include "cluster/announce.h"
#include "cluster/ask.h"
#include "cluster/cluster.h"
#include "cluster/members.h"
#include "cluster/upstream.h"
#include "node/json.h"
#include "topology/tree.h"
#include "topology/view.h"
#include "topology/walk.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 64 };

static const char probe[] = "/api/v1/versions";

struct nodes {
	struct server *server;
	struct asks asks;
	json_t *out;
	int64_t patience_ms; /* at the beginning */
	bool hurried;        /* who asks us leaves less time than a coworker needs to have */
};

static json_t *put_node(struct nodes *n, const char *kind, const char *name)
{
	json_t *node = json_object();
	json_array_append_new(n->out, node);
	json_put_text(node, "kind", kind);
	json_put_text(node, "name", name);
	return node;
}

static void put_health(json_t *node, const struct peer *peer)
{
	json_put_int(node, "failures", peer ? (int64_t)peer->failures_total : 0);
	if (!peer || !peer->failures_total)
		return;
	json_t *last = json_put_object(node, "last_failure");
	json_put_int(last, "ago_ms", clock_ms() - peer->last_failure_ms);
	json_put_text(last, "reason", peer->reason);
}

/* Asked now; the node in the list waits for the answer. */
static void ask(struct nodes *n, json_t *node, enum ask_whom whom, const char *api)
{
	if (!*api)
		return;
	if (asks_find(&n->asks, 0, api) ||
	    asks_add(&n->asks, 0, whom, mem_strdup(api), mem_strdup(probe)))
		json_put_text(node, "api", api);
}

/* ---- who there is ---- */

static void put_coworkers(struct nodes *n, const struct conf_cluster *c, int64_t deadline)
{
	struct member_list members = {0};
	members_list(n->server->cluster, MEMBER_API, &c->coworkers, &members, deadline);
	n->hurried |= 2 * n->patience_ms < c->query_timeout_ms;
	for (int i = 0; i < members.count; i++) {
		const struct member *m = &members.v[i];
		json_t *node = put_node(n, "coworker", m->name);
		put_health(node, peer_known(cluster_peers(n->server->cluster), m->name));
		ask(n, node, ASK_TRUSTED, m->name);
	}
	member_list_fini(&members);
}

static void put_origins(struct nodes *n)
{
	for (struct map_iter it = peers_begin(cluster_peers(n->server->cluster)); map_next(&it);) {
		const struct peer *up = it.value;
		if (!up->is_origin)
			continue;
		json_t *node = put_node(n, "origin", up->name);
		json_put_bool(node, "alive", up->met && up->failures == 0);
		if (up->last_ok_ms)
			json_put_int(node, "connect_ms", up->connect_ms);
		put_health(node, up);
		ask(n, node, ASK_TRUSTED, up->api);
	}
}

/* A relay may have many streams from here. */
static void put_relay(struct nodes *n, struct map *seen, const struct client *c)
{
	char ip[ADDR_TEXT_MAX];
	client_ip(ip, c);
	const char *id = c->announce && *c->announce->node ? c->announce->node : ip;
	json_t *node = map_get(seen, id);
	if (!node) {
		node = put_node(n, "relay", id);
		map_set(seen, id, node);
		json_put_text(node, "ip", ip);
		json_put_bool(node, "alive", true);
		ask(n, node, tree_is_untrusted(n->server, c) ? ASK_UNTRUSTED : ASK_TRUSTED,
		    c->announce && tree_may_ask(n->server, c) ? c->announce->api : "");
	}
	json_put_int(node, "streams", json_integer_value(json_object_get(node, "streams")) + 1);
}

static void put_relays(struct nodes *n)
{
	struct map *seen = map_new();
	struct client_cursor cursor;
	struct slice slice = {0};
	client_cursor_begin(&cursor, &n->server->stat);
	for (const struct client *c; (c = client_cursor_next(&cursor));) {
		if (c->relay)
			put_relay(n, seen, c);
		slice_worked(&slice, c->relay ? WORK_NODE : WORK_LOOK);
	}
	client_cursor_end(&cursor, &n->server->stat);
	map_free(&seen);
}

/* ---- what they say ---- */

/* Of all that a server answers only its name is kept: there may be thousands of them. */
static void keep_name(struct ask *a)
{
	const char *name = json_string_value(json_object_get(a->answer, "server"));
	json_t *kept = name && strlen(name) < NAME_BYTES ? json_string(name) : NULL;
	json_decref(a->answer);
	a->answer = kept;
}

static void put_answer(json_t *node, const struct ask *a)
{
	json_put_bool(node, "alive", a->result == OK);
	if (a->result != OK) {
		json_put_text(node, "why", a->why);
		return;
	}
	json_put_int(node, "answer_ms", a->ms);
	if (a->answer)
		json_put_text(node, "server", json_string_value(a->answer));
}

/* Nobody can have coworkers taken for dead by giving them no time. */
static void note(const struct nodes *n, const char *name, const struct ask *a)
{
	if (a->result == OK)
		members_answered(n->server->cluster, name);
	else if (!n->hurried)
		members_failed(n->server->cluster, name, a->result, a->why);
}

static void put_answers(const struct nodes *n)
{
	struct slice slice = {0};
	for (size_t i = 0; i < json_array_size(n->out); i++) {
		slice_worked(&slice, WORK_ASK);
		json_t *node = json_array_get(n->out, i);
		const char *api = json_string_value(json_object_get(node, "api"));
		const char *kind = json_string_value(json_object_get(node, "kind"));
		const struct ask *a = api ? asks_find(&n->asks, 0, api) : NULL;
		if (!a)
			continue;
		put_answer(node, a);
		if (strcmp(kind, "coworker") == 0)
			note(n, api, a);
	}
}

json_t *view_nodes(struct server *server, int64_t deadline)
{
	struct nodes n = {
		.server = server,
		.asks = {.server = server,
			 .method = "GET",
			 .deadline = deadline,
			 .answer_max = ASK_SHORT_MAX},
		.out = json_array(),
		.patience_ms = deadline - clock_ms(),
	};
	struct conf *conf = conf_ref(server->conf);
	for (int i = 0; i < conf->vhost_count; i++) {
		const struct conf_cluster *c = &conf->vhosts[i].cluster;
		if (conf->vhosts[i].enabled && c->origin_cluster && c->mode == MODE_LOCAL)
			put_coworkers(&n, c, deadline);
	}
	put_origins(&n);
	put_relays(&n);
	for (struct ask *a; asks_next(&n.asks, &a, CLOCK_NEVER) == OK;)
		keep_name(a);
	put_answers(&n);
	asks_fini(&n.asks);
	conf_unref(&conf);
	return n.out;
}
