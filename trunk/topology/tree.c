#include "topology/tree.h"
#include "base/map.h"
#include "base/mem.h"
#include "cluster/announce.h"
#include "cluster/relays.h"
#include "net/addr.h"
#include "node/json.h"
#include "topology/walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { TEXT_MAX = 300 };
static const int64_t number_max = INT64_C(1) << 40; /* of what others say: it is summed up */

/* ---- a node ---- */

json_t *tree_self(struct server *server)
{
	json_t *node = json_object();
	char text[ADDR_TEXT_MAX];
	int port = announce_port(server);
	json_put_text(node, "node", server->service_id);
	json_put_text(node, "server", server->server_id);
	json_put_text(node, "role", conf_is_edge(server->conf) ? "edge" : "origin");
	snprintf(text, sizeof(text), ":%d", server_rtmp_port(server));
	json_put_text(node, "rtmp", *server_advertise(server) ? server_advertise(server) : text);
	snprintf(text, sizeof(text), ":%d", port);
	if (port)
		json_put_text(node, "api", text);
	return node;
}

static void put_facts(struct tree *t, const struct relay_facts *facts)
{
	t->kind = facts->kind;
	snprintf(t->from, sizeof(t->from), "%s", facts->node);
	snprintf(t->api, sizeof(t->api), "%s", facts->api);
	snprintf(t->relay, sizeof(t->relay), "%s", facts->id);
	json_put_text(t->node, "relay", facts->id);
	json_put_text(t->node, "peer", facts->peer);
	json_put_int(t->node, "switches", (int64_t)facts->switches);
	if (facts->cursor && facts->cursor->wire)
		json_put_int(t->node, "lag_ms", cursor_lag(facts->cursor));
}

static void put_media(json_t *node, const struct source *s)
{
	if (s->has_video)
		json_put_int(node, "age_ms", clock_ms() - s->video_ms);
	json_put_text(node, "state", source_is_live(s) ? "live" : "waiting");
	json_put_int(node, "since_ms", clock_ms() - s->since_ms);
}

/* Names may be long, and stand in a tree twice. */
static size_t tree_bytes(const struct source *s)
{
	return TREE_BYTES + 2 * strlen(s->key) * (NODE_BYTES / NODE_TEXT);
}

static struct tree *tree_new(struct server *server, const struct source *s)
{
	const struct relay_facts *facts = relays_facts(server->cluster, s);
	struct tree *t = mem_new(struct tree);
	t->json = json_object();
	t->kind = "publish";
	json_put_text(t->json, "stream", s->key);
	json_put_text(t->json, "vhost", s->vhost);
	json_put_text(t->json, "app", s->app);
	json_put_text(t->json, "name", s->stream);
	t->node = tree_self(server);
	json_object_set_new(t->json, "origin", t->node);
	if (facts)
		put_facts(t, facts);
	json_put_text(t->node, "kind", t->kind);
	json_put_bool(t->node, "known", true);
	json_put_int(t->node, "viewers", 0);
	put_media(t->node, s);
	json_object_set_new(t->node, "relays", json_array());
	return t;
}

/* ---- clients ---- */

bool tree_is_untrusted(const struct server *server, const struct client *c)
{
	const struct conf_vhost *vhost = conf_vhost_find(server->conf, c->source->vhost);
	return vhost && vhost->cluster.relays.count == 0 &&
	       !signer_has(server->signer, vhost->name);
}

bool tree_may_ask(const struct server *server, const struct client *c)
{
	return !tree_is_untrusted(server, c) || addr_is_loopback(c->peer);
}

static char *relay_key(const char *api, const char *relay)
{
	return mem_printf("%s %s", api, relay);
}

struct tree_relay *trees_find(const struct trees *trees, const char *api, const char *relay)
{
	char *key = relay_key(api, relay);
	struct tree_relay *r = map_get(trees->by_id, key);
	free(key);
	return r;
}

static void index_relay(struct trees *trees, struct tree_relay *r)
{
	if (!*r->api || !*r->relay)
		return;
	char *key = relay_key(r->api, r->relay);
	r->same = map_set(trees->by_id, key, r);
	free(key);
}

static void leave_out(json_t *node, int64_t count)
{
	json_put_int(node, "left_out",
		     json_integer_value(json_object_get(node, "left_out")) + count);
}

static void add_relay(struct trees *trees, struct tree *t, const struct client *c,
		      struct tree_room *room)
{
	const struct announce *a = c->announce;
	char ip[ADDR_TEXT_MAX];
	if (!quota_take(&room->ours, NODE_BYTES)) {
		leave_out(t->node, 1);
		return;
	}
	bool may_ask = tree_may_ask(trees->server, c);
	struct tree_relay *r = mem_new(struct tree_relay);
	r->untrusted = tree_is_untrusted(trees->server, c);
	r->node = json_object();
	json_put_text(r->node, "node", a ? a->node : "");
	json_put_text(r->node, "relay", a ? a->hop.relay : "");
	client_ip(ip, c);
	json_put_text(r->node, "ip", ip);
	json_put_text(r->node, "kind", c->publish ? "push" : "pull");
	json_put_text(r->node, "client", c->id);
	if (c->cursor && c->cursor->wire)
		json_put_int(r->node, "lag_ms", cursor_lag(c->cursor));
	if (a) {
		snprintf(r->relay, sizeof(r->relay), "%s", a->hop.relay);
		snprintf(r->api, sizeof(r->api), "%s", may_ask ? a->api : "");
	}
	json_array_append_new(json_object_get(t->node, "relays"), r->node);
	DL_APPEND(trees->relays, r);
	index_relay(trees, r);
	/* Its report may be old, if its API does not answer. */
	if (a && a->has_report && !*r->api)
		json_put_int(r->node, "viewers", a->players);
	if (r->untrusted)
		json_put_bool(r->node, "claimed", true);
	tree_missing(r, !may_ask  ? "it has not signed, and cluster.relays has no such address"
			: *r->api ? "it did not answer in time"
				  : "it tells no API that could be asked");
}

static void add_client(struct trees *trees, struct tree *t, const struct client *c,
		       struct tree_room *room)
{
	json_t *viewers = json_object_get(t->node, "viewers");
	if (c->relay)
		add_relay(trees, t, c, room);
	else if (!c->publish)
		json_integer_set(viewers, json_integer_value(viewers) + 1);
}

/* ---- the streams ---- */

static bool is_any_of(const char *wanted, const char *have)
{
	return !*wanted || strcmp(wanted, have) == 0;
}

static bool is_wanted(const struct source *s, const struct tree_filter *f)
{
	return is_any_of(f->vhost, s->vhost) && is_any_of(f->app, s->app) &&
	       is_any_of(f->stream, s->stream) && (s->feeder || s->state != SOURCE_IDLE);
}

/* One may have ended while others had their turns. */
static void take_streams(struct trees *trees, struct map *by_key, const struct tree_filter *filter,
			 struct tree_room *room)
{
	struct source_walk walk;
	struct slice slice = {0};
	source_walk_begin(&walk, &trees->server->registry);
	for (const struct source *s; (s = source_walk_next(&walk));) {
		slice_worked(&slice, WORK_LOOK);
		if (!is_wanted(s, filter))
			continue;
		if (!quota_take(&room->ours, tree_bytes(s))) {
			trees->left_out++;
			continue;
		}
		struct tree *t = tree_new(trees->server, s);
		DL_APPEND(trees->list, t);
		map_set(by_key, s->key, t);
		slice_worked(&slice, WORK_NODE);
	}
	source_walk_end(&walk);
}

static void take_clients(struct trees *trees, const struct map *by_key, struct tree_room *room)
{
	struct client_cursor cursor;
	struct slice slice = {0};
	client_cursor_begin(&cursor, &trees->server->stat);
	for (const struct client *c; (c = client_cursor_next(&cursor));) {
		struct tree *t = map_get(by_key, c->source->key);
		if (t)
			add_client(trees, t, c, room);
		slice_worked(&slice, t && c->relay ? WORK_NODE : WORK_LOOK);
	}
	client_cursor_end(&cursor, &trees->server->stat);
}

void trees_take(struct trees *trees, struct server *server, const struct tree_filter *filter,
		struct tree_room *room)
{
	struct map *by_key = map_new();
	trees->server = server;
	trees->by_id = map_new();
	take_streams(trees, by_key, filter, room);
	take_clients(trees, by_key, room);
	map_free(&by_key);
}

void trees_fini(struct trees *trees)
{
	struct tree *t, *next;
	struct tree_relay *r, *after;
	struct slice slice = {0};
	DL_FOREACH_SAFE (trees->list, t, next) {
		slice_worked(&slice, WORK_NODE);
		json_decref(t->json);
		free(t);
	}
	DL_FOREACH_SAFE (trees->relays, r, after)
		free(r);
	map_free(&trees->by_id);
	trees->list = NULL;
	trees->relays = NULL;
}

/* ---- what others say ---- */

static void copy_text(json_t *to, const json_t *from, const char *key)
{
	const char *text = json_string_value(json_object_get(from, key));
	if (text && strlen(text) <= TEXT_MAX)
		json_object_set_new(to, key, json_string(text));
}

static void copy_int(json_t *to, const json_t *from, const char *key, int64_t max)
{
	const json_t *value = json_object_get(from, key);
	int64_t n = json_integer_value(value);
	if (json_is_integer(value) && n >= 0)
		json_put_int(to, key, n < max ? n : max);
}

static json_t *node_copy(const json_t *said, struct quota *quota, int depth);

/* Those for which there is room; the others are counted. */
static void copy_relays(json_t *node, const json_t *said, struct quota *quota, int depth)
{
	const json_t *relays = json_object_get(said, "relays");
	size_t count = json_array_size(relays), i = 0;
	json_t *list = json_array();
	for (; depth > 0 && i < count && quota_take(quota, NODE_BYTES); i++)
		json_array_append_new(list, node_copy(json_array_get(relays, i), quota, depth));
	json_object_set_new(node, "relays", list);
	if (i < count)
		leave_out(node, (int64_t)(count - i));
}

static json_t *node_copy(const json_t *said, struct quota *quota, int depth)
{
	static const char *const texts[] = {"node", "server", "role", "rtmp",  "api", "ip",
					    "kind", "relay",  "peer", "state", "why", "client"};
	static const char *const ints[] = {"viewers",  "lag_ms",   "age_ms",
					   "since_ms", "switches", "left_out"};
	json_t *node = json_object();
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		copy_text(node, said, texts[i]);
	for (size_t i = 0; i < sizeof(ints) / sizeof(ints[0]); i++)
		copy_int(node, said, ints[i], number_max);
	if (quota->untrusted)
		copy_int(node, said, "viewers", CLAIM_PLAYERS_MAX);
	if (quota->untrusted || json_is_true(json_object_get(said, "claimed")))
		json_put_bool(node, "claimed", true);
	json_put_bool(node, "known", json_is_true(json_object_get(said, "known")));
	copy_relays(node, said, quota, depth - 1);
	return node;
}

json_t *tree_copy(const json_t *said, struct tree_room *room, int *left_out)
{
	static const char *const texts[] = {"stream", "vhost", "app", "name"};
	const json_t *origin = json_object_get(said, "origin");
	if (!json_is_object(origin) || !json_is_string(json_object_get(said, "stream")))
		return NULL;
	if (!quota_take(&room->ours, TREE_BYTES)) {
		++*left_out;
		return NULL;
	}
	json_t *tree = json_object();
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		copy_text(tree, said, texts[i]);
	json_object_set_new(tree, "origin", node_copy(origin, &room->ours, room->depth));
	return tree;
}

static void put_host(json_t *node, const char *key, struct hostport *hp)
{
	char text[HOST_MAX + 8];
	const char *said = json_string_value(json_object_get(node, key));
	if (!said || *said != ':')
		return;
	int64_t port = span_number(span_str(said + 1), UINT16_MAX);
	if (port < 1)
		return;
	hp->port = (int)port;
	hostport_text(text, hp);
	json_put_text(node, key, text);
}

void tree_place(json_t *node, const char *hostport)
{
	struct hostport *hp = mem_new(struct hostport);
	if (hostport_parse(hp, hostport, 0) == OK) {
		put_host(node, "api", hp);
		put_host(node, "rtmp", hp);
	}
	free(hp);
}

void tree_graft(struct tree_relay *r, const json_t *said, struct tree_room *room)
{
	json_t *node = node_copy(said, r->untrusted ? &room->untrusted : &room->ours, room->depth);
	r->has_said = true;
	json_object_del(r->node, "why");
	json_object_del(r->node, "known");
	tree_place(node, r->api);
	/* The lag of a pull is what we see here; of a push it sees it. */
	if (json_object_get(r->node, "lag_ms"))
		json_object_del(node, "lag_ms");
	json_object_update(r->node, node);
	json_decref(node);
}

void tree_missing(struct tree_relay *r, const char *why)
{
	json_put_bool(r->node, "known", false);
	json_put_text(r->node, "why", why);
}

/* ---- sums ---- */

struct sum {
	int64_t viewers, claimed,
		left_out; /* claimed: of the viewers, those that nobody has proven */
	int nodes, unknown;
};

static struct sum node_sum(json_t *node)
{
	const json_t *relays = json_object_get(node, "relays");
	bool known = json_is_true(json_object_get(node, "known"));
	const json_t *viewers = json_object_get(node, "viewers");
	struct sum sum = {.nodes = 1, .unknown = !known && !viewers};
	sum.viewers = json_integer_value(viewers);
	sum.claimed = json_is_true(json_object_get(node, "claimed")) ? sum.viewers : 0;
	sum.left_out = json_integer_value(json_object_get(node, "left_out"));
	for (size_t i = 0; i < json_array_size(relays); i++) {
		struct sum below = node_sum(json_array_get(relays, i));
		sum.viewers += below.viewers;
		sum.claimed += below.claimed;
		sum.nodes += below.nodes;
		sum.unknown += below.unknown;
		sum.left_out += below.left_out;
	}
	json_put_int(node, "viewers_total", sum.viewers);
	json_put_int(node, "viewers_claimed", sum.claimed);
	return sum;
}

int tree_sum(json_t *tree)
{
	struct sum sum = node_sum(json_object_get(tree, "origin"));
	json_put_int(tree, "viewers_total", sum.viewers);
	json_put_int(tree, "viewers_claimed", sum.claimed);
	json_put_int(tree, "nodes", sum.nodes);
	json_put_int(tree, "unknown", sum.unknown);
	json_put_int(tree, "left_out", sum.left_out);
	return sum.nodes;
}
