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
	bool silent; /* its host is: nothing refuses connections, nothing ends those that there were */
	struct map *streams;    /* of an origin: name -> itself */
	struct sim_link *links; /* of an origin: over which streams go out */
	int64_t busy_until_us;  /* its CPU has work until then */
	int64_t busy_us;        /* all of it */
	/* what happened, as the counters of real servers have it */
	uint64_t questions, answers, plays, redirects, not_found;
};

/* Milliseconds of many. */
struct series {
	int64_t *v;
	size_t count, room;
};
void series_add(struct series *series, int64_t ms);
/* The share p (0 to 1) of them is no longer than this. */
int64_t series_at(struct series *series, double p);

struct world {
	struct costs costs;
	int tick_ms; /* from one picture of a stream to the next */
	uint64_t random;
	struct node *origins, *edges;
	int origin_count, edge_count;
	struct map *by_rtmp, *by_api;
	struct co_group group;
	struct co *usher; /* looks after those that wait */
	struct join *waiting, *staying;
	/* of joins */
	uint64_t joins, played, missing, failed;
	struct series first; /* of each that played: until its stream was live */
	struct series crowd; /* likewise, of a crowd beside them */
	struct series gaps;  /* how long a viewer had no picture, when that was longer than usual */
};

struct world_opts {
	int origins, edges;
	uint64_t seed;
	int tick_ms;
	const struct costs *costs;
	/* "host:port host:port" of each origin's RTMP and API, since by them edges choose; NULL: made up. */
	char **names;
	const char *more; /* directives of the origins' cluster block */
};

/* Coroutines must run, in fake time. There is one at a time. */
struct world *world_new(const struct world_opts *opts);
void world_free(struct world **world);

/* A number below n. */
uint32_t world_random(struct world *world, uint32_t n);
/* CPU of a node for something that reaches it now. When that is done, in microseconds. */
int64_t node_work(struct node *node, int us);
/* The stream is published at that origin, until it dies. */
void node_publish(struct node *origin, const char *stream);
bool node_has(const struct node *node, const char *stream);
/* The origin that the edges ask first for this stream, of those that live. */
struct node *world_home(struct world *world, const char *stream);
/* It is gone, and so are its streams and connections; `silent`: of the latter nobody is told. The streams, to be
 * published elsewhere: map_free(). */
struct map *node_die(struct node *node, bool silent);
/* It comes back, without streams, and knows nothing of those of others. */
void node_revive(struct node *node);

/* ---- viewers.c ---- */

/* A viewer asks an edge for a stream, and stays until the end of the world. Returns at once. */
void world_join(struct world *world, struct node *edge, const char *stream, struct series *times);
/* Until all who have joined play, or were told that there is nothing; false when some still wait then. */
bool world_settle(struct world *world, int64_t ms) BLOCKS;
/* So many of those who played do not any more. */
uint64_t world_lost(const struct world *world);

/* For the parts of the simulation. */
extern struct world *the_world;
extern const struct link_ops sim_link;
void sim_links_tick(struct node *origin);
void sim_links_drop(struct node *origin);
void viewers_begin(struct world *world);
/* Looks when each of those who play had its last picture. */
void viewers_look(struct world *world);
void viewers_end(struct world *world);
