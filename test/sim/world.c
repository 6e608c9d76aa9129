#include "sim/world.h"
#include "base/mem.h"
#include "base/vec.h"
#include "cluster/cluster.h"
#include "cluster/members.h"
#include "cluster/pulls.h"
#include "cluster/upstream.h"
#include "support/test_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TICK_MS = 500 };

struct world *the_world;

/* ---- nodes ---- */

/* splitmix64: small, and good for this. */
static uint64_t draw(struct world *w)
{
	uint64_t x = w->random += 0x9e3779b97f4a7c15ULL;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

uint32_t world_random(struct world *w, uint32_t n)
{
	return (uint32_t)(draw(w) % n);
}

int64_t node_work(struct node *n, int us)
{
	int64_t now = clock_us();
	if (n->busy_until_us < now)
		n->busy_until_us = now;
	n->busy_until_us += us;
	n->busy_us += us;
	return n->busy_until_us;
}

/* The addresses of all nodes of a kind, as a configuration lists them. */
static char *list_of(const struct world *w, bool api)
{
	struct buf b = {.max = 1 << 20};
	for (int i = 0; i < w->origin_count; i++)
		buf_printf(&b, " %s", api ? w->origins[i].api : w->origins[i].rtmp);
	char *text = mem_strdup(buf_text(&b));
	buf_free(&b);
	return text;
}

/* All nodes of a kind have the same configuration, read once, and the same members. */
static void start(struct node *nodes, int count, const char *cluster)
{
	char *content = mem_printf("cluster { %s; } publish { reconnect_grace 1; }", cluster);
	char *conf = test_server_vhost(content);
	for (int i = 0; i < count; i++) {
		struct server *s = test_server_new(i ? "" : conf);
		nodes[i].server = s;
		s->cluster->instead = &sim_link;
		free(s->server_id);
		s->server_id = mem_strdup(nodes[i].rtmp);
		if (i == 0) {
			members_follow(s->cluster);
			continue;
		}
		conf_unref(&s->conf);
		s->conf = conf_ref(nodes[0].server->conf);
		members_free(&s->cluster->members);
		s->cluster->members = nodes[0].server->cluster->members;
	}
	free(content);
	free(conf);
}

static void tick_main(void *arg)
{
	struct world *w = arg;
	while (co_sleep(TICK_MS) == OK)
		for (int i = 0; i < w->origin_count; i++)
			sim_links_tick(&w->origins[i]);
}

/* 10.0.0.1 and so on; or as a script says, "rtmp api". */
static void give_name(struct node *n, const char *names)
{
	bool edge = n->kind == NODE_EDGE;
	if (names && sscanf(names, "%31s %31s", n->rtmp, n->api) == 2)
		return;
	snprintf(n->rtmp, sizeof(n->rtmp), "10.%d.%d.%d:1935", edge, n->number / 250,
		 n->number % 250 + 1);
	snprintf(n->api, sizeof(n->api), "10.%d.%d.%d:1985", edge, n->number / 250,
		 n->number % 250 + 1);
}

static struct node *nodes_new(struct world *w, enum node_kind kind, int count, char **names)
{
	struct node *nodes = mem_zalloc((size_t)count * sizeof(nodes[0]));
	for (int i = 0; i < count; i++) {
		struct node *n = &nodes[i];
		n->world = w;
		n->kind = kind;
		n->number = i;
		n->streams = map_new();
		give_name(n, names ? names[i] : NULL);
		map_set(w->by_rtmp, n->rtmp, n);
		map_set(w->by_api, n->api, n);
	}
	return nodes;
}

struct world *world_new(int origins, int edges, uint64_t seed, const struct costs *costs,
			char **names, const char *more)
{
	struct world *w = mem_new(struct world);
	the_world = w;
	w->costs = *costs;
	w->random = seed;
	w->by_rtmp = map_new();
	w->by_api = map_new();
	w->origin_count = origins;
	w->edge_count = edges;
	w->origins = nodes_new(w, NODE_ORIGIN, origins, names);
	w->edges = nodes_new(w, NODE_EDGE, edges, NULL);
	char *apis = list_of(w, true), *rtmps = list_of(w, false);
	char *origin = mem_printf("mode local; origin_cluster on; %s coworkers%s", more, apis);
	char *edge = mem_printf("mode remote; origin%s", rtmps);
	start(w->origins, origins, origin);
	start(w->edges, edges, edge);
	free(apis);
	free(rtmps);
	free(origin);
	free(edge);
	co_start_in(&w->group, "tick", tick_main, w);
	return w;
}

static void stop(struct node *nodes, int count)
{
	for (int i = 0; i < count; i++) {
		co_group_stop(&nodes[i].server->services);
		if (i)
			nodes[i].server->cluster->members = NULL;
	}
	for (int i = count - 1; i >= 0; i--) {
		if (i)
			nodes[i].server->cluster->members = members_new();
		test_server_free(&nodes[i].server);
		map_free(&nodes[i].streams);
	}
	free(nodes);
}

void world_free(struct world **world)
{
	struct world *w = *world;
	*world = NULL;
	co_group_stop(&w->group);
	stop(w->edges, w->edge_count);
	stop(w->origins, w->origin_count);
	map_free(&w->by_rtmp);
	map_free(&w->by_api);
	free(w->first_ms);
	free(w);
}

/* ---- streams ---- */

void node_publish(struct node *origin, const char *stream)
{
	map_set(origin->streams, stream, origin);
}

bool node_has(const struct node *node, const char *stream)
{
	return !node->dead && map_get(node->streams, stream) != NULL;
}

static char *key_of(const char *stream)
{
	return mem_printf("/live/%s", stream);
}

struct node *world_home(struct world *w, const char *stream)
{
	struct server *edge = w->edges[0].server;
	struct upstreams list = {0};
	char *key = key_of(stream);
	upstreams_order(&list, edge->cluster, &edge->conf->vhosts[0], MEMBER_RTMP, UPSTREAM_FETCHES,
			key);
	struct node *home = map_get(w->by_rtmp, list.v[0]->name);
	upstreams_fini(&list);
	free(key);
	return home;
}

void node_die(struct node *node)
{
	node->dead = true;
	sim_links_drop(node);
}

/* ---- viewers ---- */

struct join {
	struct world *world;
	struct node *edge;
	char *stream;
	struct viewer viewer;
	struct target target;
	struct source *source;
};

static void note(struct world *w, int64_t ms)
{
	vec_reserve(w->first_ms, w->first_room, w->first_count + 1);
	w->first_ms[w->first_count++] = ms;
}

static char *text(const char *s)
{
	return (char *)(uintptr_t)s;
}

static void stay(struct join *j, int64_t began)
{
	struct world *w = j->world;
	enum pull_state state;
	while ((state = viewer_state(&j->viewer)) == PULL_TRYING || state == PULL_WAITING)
		if (co_wait(CLOCK_NEVER) == ERR_STOPPED)
			return;
	w->played += state == PULL_LIVE;
	w->missing += state == PULL_NOWHERE;
	w->failed += state == PULL_FAILED;
	if (state == PULL_LIVE)
		note(w, clock_ms() - began);
	while (state == PULL_LIVE && co_wait(CLOCK_NEVER) != ERR_STOPPED)
		;
}

static void join_main(void *arg)
{
	struct join *j = arg;
	struct server *s = j->edge->server;
	int64_t began = clock_ms();
	j->target = (struct target){.schema = text("rtmp"),
				    .host = text("h"),
				    .port = 1935,
				    .vhost = text("h"),
				    .app = text("live"),
				    .stream = j->stream,
				    .param = text("")};
	j->viewer = (struct viewer){.conf = s->conf,
				    .target = &j->target,
				    .page_url = "",
				    .swf_url = "",
				    .path = "",
				    .via = "",
				    .co = co_self()};
	j->source = server_source(s, &s->conf->vhosts[0], "live", j->stream);
	pulls_attach(s->cluster, j->source, &s->conf->vhosts[0], PULL_FROM_ORIGINS, &j->viewer);
	stay(j, began);
	pulls_detach(&j->viewer);
	source_unref(&j->source);
	free(j->stream);
	free(j);
}

void world_join(struct world *w, struct node *edge, const char *stream)
{
	struct join *j = mem_new(struct join);
	j->world = w;
	j->edge = edge;
	j->stream = mem_strdup(stream);
	w->joins++;
	co_start_in(&w->group, "join", join_main, j);
}

bool world_settle(struct world *w, int64_t ms)
{
	int64_t until = clock_after(ms);
	while (w->played + w->missing + w->failed < w->joins && clock_ms() < until)
		(void)co_sleep(10);
	return w->played + w->missing + w->failed == w->joins;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

int64_t world_first_ms(struct world *w, double p)
{
	if (!w->first_count)
		return 0;
	qsort(w->first_ms, w->first_count, sizeof(w->first_ms[0]), by_value);
	return w->first_ms[(size_t)(p * (double)(w->first_count - 1))];
}
