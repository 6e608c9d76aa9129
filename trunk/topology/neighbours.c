#include "topology/neighbours.h"
#include "base/mem.h"
#include "cluster/announce.h"
#include "cluster/cluster.h"
#include "cluster/members.h"
#include "cluster/relays.h"
#include "cluster/upstream_connect.h"
#include "codec/url.h"
#include "topology/tree.h"
#include "topology/walk.h"

#include <stdlib.h>
#include <string.h>

enum { TARGET_MAX = 8192, SHARE = 9, SHARES = 10, MEET_SHARE = 4 };

static void put(struct buf *b, const char *name, const char *value)
{
	if (!*value)
		return;
	buf_printf(b, "&%s=", name);
	url_escape(b, value);
}

/* A question that turns from up to down comes by servers that have asked it already, rightly: a
 * circle is one of a single direction. */
static const char *path_of(enum neighbour kind, const struct view_query *q)
{
	return q->scope == VIEW_ALL && kind != NEIGHBOUR_ORIGIN ? "" : q->path;
}

/* The next server gets nine tenths of the time, so that its answer is in time when its own
 * neighbours are silent. Relays may know the vhost by another name. */
static char *target_of(const struct server *server, const char *path, enum neighbour kind,
		       enum ask_whom whom, const struct view_query *q)
{
	static const char *const scopes[] = {"below", "roots", "all"};
	struct buf b = {.max = TARGET_MAX};
	int64_t left = (q->deadline - clock_ms()) * SHARE / SHARES;
	buf_printf(&b, "%s?scope=%s&hops=%d&timeout=%lld", path, scopes[kind], q->hops - 1,
		   (long long)(left > 1 ? left : 1));
	buf_printf(&b, "&room=%d", whom == ASK_UNTRUSTED ? ASK_UNTRUSTED_MAX : ASK_ANSWER_MAX);
	buf_printf(&b, "&path=%s,%s", path_of(kind, q), server->service_id);
	put(&b, "vhost", kind == NEIGHBOUR_RELAY ? "" : q->vhost);
	put(&b, "app", q->app);
	put(&b, "stream", q->stream);
	put(&b, "from", kind == NEIGHBOUR_RELAY ? server->service_id : "");
	char *text = buf_ok(&b) ? mem_strdup(buf_text(&b)) : NULL;
	buf_free(&b);
	return text;
}

static void add(struct asks *asks, enum neighbour kind, enum ask_whom whom, const char *api,
		const char *path, const struct view_query *q)
{
	if (!*api || asks_find(asks, kind, api))
		return;
	char *target = target_of(asks->server, path, kind, whom, q);
	if (target)
		asks_add(asks, kind, whom, mem_strdup(api), target);
}

static void add_relays(struct asks *asks, const char *path, const struct view_query *q)
{
	struct client_cursor cursor;
	struct slice slice = {0};
	client_cursor_begin(&cursor, &asks->server->stat);
	for (const struct client *c; (c = client_cursor_next(&cursor));) {
		bool asked = c->relay && c->announce && tree_may_ask(asks->server, c);
		if (asked)
			add(asks, NEIGHBOUR_RELAY,
			    tree_is_untrusted(asks->server, c) ? ASK_UNTRUSTED : ASK_TRUSTED,
			    c->announce->api, path, q);
		slice_worked(&slice, asked ? WORK_ASK : WORK_LOOK);
	}
	client_cursor_end(&cursor, &asks->server->stat);
}

static bool concerns(const struct conf_vhost *vhost, const struct view_query *q)
{
	return vhost->enabled && (!*q->vhost || strcmp(q->vhost, vhost->name) == 0);
}

static void add_coworkers(struct asks *asks, const char *path, const struct view_query *q)
{
	struct conf *conf = conf_ref(asks->server->conf);
	struct member_list members = {0};
	for (int i = 0; i < conf->vhost_count; i++) {
		const struct conf_cluster *c = &conf->vhosts[i].cluster;
		if (!concerns(&conf->vhosts[i], q) || !c->origin_cluster || c->mode != MODE_LOCAL)
			continue;
		members.count = 0;
		members_list(asks->server->cluster, MEMBER_API, &c->coworkers, &members,
			     q->deadline);
		for (int m = 0; m < members.count; m++)
			add(asks, NEIGHBOUR_COWORKER, ASK_TRUSTED, members.v[m].name, path, q);
	}
	member_list_fini(&members);
	conf_unref(&conf);
}

/* ---- origins ---- */

/* Nothing was fetched from any of these origins yet: one connection tells where its API is. Not when
 * the asker leaves no time for it: an origin would seem to be silent. */
static void meet(struct server *server, const struct conf_vhost *vhost, int64_t deadline)
{
	struct upstreams list = {0};
	struct link *link = NULL;
	struct target target = {0};
	struct link_refusal said;
	struct upstream_request request = {.protocol = link_sends(&vhost->cluster),
					   .server = server,
					   .vhost = vhost,
					   .target = &target,
					   .page_url = "",
					   .swf_url = "",
					   .path = ""};
	upstreams_order(&list, server->cluster, vhost, request.protocol->members, UPSTREAM_FETCHES,
			vhost->name);
	bool known = list.count == 0 ||
		     deadline - clock_ms() < vhost->cluster.query_timeout_ms / MEET_SHARE;
	for (int i = 0; i < list.count; i++)
		known |= list.v[i]->met;
	if (!known && target_parse(&target, "rtmp://127.0.0.1/live", "view") == OK &&
	    upstream_connect(&link, &list, &request, deadline, &said) == OK)
		link_free(&link);
	target_fini(&target);
	upstreams_fini(&list);
}

/* The servers that streams are pulled from, or pushed to. */
static void add_sources(struct asks *asks, const char *path, const struct view_query *q)
{
	struct source_walk walk;
	struct slice slice = {0};
	source_walk_begin(&walk, &asks->server->registry);
	for (const struct source *s; (s = source_walk_next(&walk));) {
		const struct relay_facts *facts = relays_facts(asks->server->cluster, s);
		if (facts)
			add(asks, NEIGHBOUR_ORIGIN, ASK_TRUSTED, facts->api, path, q);
		slice_worked(&slice, WORK_ASK);
	}
	source_walk_end(&walk);
}

static void add_origins(struct asks *asks, const char *path, const struct view_query *q)
{
	struct server *server = asks->server;
	struct conf *conf = conf_ref(server->conf);
	int64_t half = clock_ms() + (q->deadline - clock_ms()) / 2;
	bool any = false;
	for (int i = 0; i < conf->vhost_count; i++)
		if (concerns(&conf->vhosts[i], q) && conf->vhosts[i].cluster.mode == MODE_REMOTE) {
			meet(server, &conf->vhosts[i], half);
			any = true;
		}
	for (struct map_iter it = peers_begin(cluster_peers(server->cluster));
	     any && map_next(&it);)
		add(asks, NEIGHBOUR_ORIGIN, ASK_TRUSTED, ((struct peer *)it.value)->api, path, q);
	if (any)
		add_sources(asks, path, q);
	conf_unref(&conf);
}

void neighbours_add(struct asks *asks, const char *path, const struct view_query *q)
{
	if (q->hops <= 0)
		return;
	if (q->scope == VIEW_ALL) {
		add_coworkers(asks, path, q);
		add_origins(asks, path, q);
	}
	add_relays(asks, path, q);
}
