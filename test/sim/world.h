/* world - a simulated cluster: thousands of servers in one process, in a time of their own. Layer: test.
 *
 * Each node is a `struct server` with the program's own cluster layer: choosing an origin, following redirects,
 * asking coworkers, caching, retrying, backing off. What is simulated is only what is between two nodes, the
 * network and the other end: links (sim_link.c), coworkers' answers (sim_query.c), and how long a node's one CPU
 * is busy with what it is asked. Time passes when everybody waits (support/fake_time.h), so that a run with one
 * seed is the same on every machine. */
#pragma once
#include "base/map.h"
#include "cluster/inside.h"
#include "node/server.h"

#include <stdint.h>

/* Microseconds of CPU, measured (trunk/doc/scale.md says how); fixed before a run is compared with anything. */
struct costs {
	int rtt_us;    /* between two nodes */
	int answer_us; /* a coworker's answer to a question */
	int ask_us;    /* a question and the reading of its answer, at the asker */
	int play_us;   /* a play that another server asks for, to its answer */
};

enum node_kind { NODE_ORIGIN, NODE_EDGE };

struct node {
	struct world *world;
	enum node_kind kind;
	int number;
	char rtmp[32], api[32]; /* "host:port" */
	struct server *server;
	bool dead;
	struct map *streams;    /* of an origin: name -> itself */
	struct sim_link *links; /* of an origin: over which streams go out */
	int64_t busy_until_us;  /* its CPU has work until then */
	int64_t busy_us;        /* all of it */
	/* what happened, as the counters of real servers have it */
	uint64_t questions, answers, plays, redirects, not_found;
};

struct world {
	struct costs costs;
	uint64_t random;
	struct node *origins, *edges;
	int origin_count, edge_count;
	struct map *by_rtmp, *by_api;
	struct co_group group;
	/* of joins */
	uint64_t joins, played, missing, failed;
	int64_t *first_ms; /* of each that played: until its stream was live */
	size_t first_count, first_room;
};

/* Coroutines must run, in fake time. There is one at a time. `names` are "host:port host:port" of each origin's
 * RTMP and API, since by them edges choose; NULL: made up. `more`: directives of the origins' cluster block. */
struct world *world_new(int origins, int edges, uint64_t seed, const struct costs *costs,
			char **names, const char *more);
void world_free(struct world **world);

/* A number below n. */
uint32_t world_random(struct world *world, uint32_t n);
/* CPU of a node for something that reaches it now. When that is done, in microseconds. */
int64_t node_work(struct node *node, int us);
/* The stream is published at that origin, until it dies. */
void node_publish(struct node *origin, const char *stream);
bool node_has(const struct node *node, const char *stream);
/* The origin that the edges ask first for this stream. */
struct node *world_home(struct world *world, const char *stream);
/* It is gone, and so are its connections. */
void node_die(struct node *node);
/* A viewer asks an edge for a stream, and stays until the end of the world. Returns at once. */
void world_join(struct world *world, struct node *edge, const char *stream);
/* Until all who have joined play, or were told that there is nothing; false when some still wait then. */
bool world_settle(struct world *world, int64_t ms) BLOCKS;
/* The share p (0 to 1) of the joins that played needed no longer than this. */
int64_t world_first_ms(struct world *world, double p);

/* For the parts of the simulation. */
extern struct world *the_world;
extern const struct link_ops sim_link;
void sim_links_tick(struct node *origin);
void sim_links_drop(struct node *origin);
