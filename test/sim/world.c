#include "sim/world.h"
#include "base/mem.h"
#include "cluster/cluster.h"
#include "cluster/coworker.h"
#include "cluster/members.h"
#include "cluster/upstream.h"
#include "support/test_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	while (co_sleep(w->tick_ms) == OK) {
		for (int i = 0; i < w->origin_count; i++)
			if (!w->origins[i].dead)
				sim_links_tick(&w->origins[i]);
		viewers_look(w);
	}
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

static void start_all(struct world *w, const char *more)
{
	char *apis = list_of(w, true), *rtmps = list_of(w, false);
	char *origin = mem_printf("mode local; origin_cluster on; %s coworkers%s", more, apis);
	char *edge = mem_printf("mode remote; origin%s", rtmps);
	start(w->origins, w->origin_count, origin);
	start(w->edges, w->edge_count, edge);
	free(apis);
	free(rtmps);
	free(origin);
	free(edge);
}

struct world *world_new(const struct world_opts *opts)
{
	struct world *w = mem_new(struct world);
	the_world = w;
	w->costs = *opts->costs;
	w->tick_ms = opts->tick_ms;
	w->random = opts->seed;
	w->by_rtmp = map_new();
	w->by_api = map_new();
	w->origin_count = opts->origins;
	w->edge_count = opts->edges;
	w->origins = nodes_new(w, NODE_ORIGIN, opts->origins, opts->names);
	w->edges = nodes_new(w, NODE_EDGE, opts->edges, NULL);
	start_all(w, opts->more);
	viewers_begin(w);
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
	viewers_end(w); /* before the one whom their pulls wake */
	co_group_stop(&w->group);
	stop(w->edges, w->edge_count);
	stop(w->origins, w->origin_count);
	map_free(&w->by_rtmp);
	map_free(&w->by_api);
	free(w->first.v);
	free(w->crowd.v);
	free(w->gaps.v);
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
	struct node *home = NULL;
	for (int i = 0; i < list.count && (!home || home->dead); i++)
		home = map_get(w->by_rtmp, list.v[i]->name);
	upstreams_fini(&list);
	free(key);
	return home;
}

struct map *node_die(struct node *node, bool silent)
{
	struct map *streams = node->streams;
	node->streams = map_new();
	node->dead = true;
	node->silent = silent;
	if (!silent)
		sim_links_drop(node);
	return streams;
}

/* What came over connections from before is answered by a reset. */
void node_revive(struct node *node)
{
	struct cluster *cluster = node->server->cluster;
	sim_links_drop(node);
	coworker_queries_free(&cluster->coworker_queries);
	cluster->coworker_queries = coworker_queries_new();
	node->dead = node->silent = false;
	node->busy_until_us = 0;
}
