/* cluster_sim - what a cluster of many nodes does, in seconds: `make sim`, or objs/cluster_sim SCENARIO.
 *
 * Prints one line of JSON a scenario. See trunk/doc/scale.md for what the figures mean. */
#include "base/log.h"
#include "base/mem.h"
#include "sim/world.h"
#include "support/fake_time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
	int origins, edges, streams, joins;
	int per_second; /* joins; 0: all at once */
	uint64_t seed;
	struct costs costs;
};

struct scenario {
	const char *name, *what;
	void (*publish)(struct world *w, const struct options *o);
	void (*join)(struct world *w, const struct options *o, int n);
};

/* ---- who publishes ---- */

static const char *name_of(int n)
{
	static char name[32];
	snprintf(name, sizeof(name), "stream-%d", n);
	return name;
}

/* Through edges: each stream lives where all edges ask first. */
static void publish_by_edges(struct world *w, const struct options *o)
{
	for (int i = 0; i < o->streams; i++)
		node_publish(world_home(w, name_of(i)), name_of(i));
}

/* Encoders that chose an origin themselves. */
static void publish_anywhere(struct world *w, const struct options *o)
{
	for (int i = 0; i < o->streams; i++)
		node_publish(&w->origins[world_random(w, (uint32_t)o->origins)], name_of(i));
}

static void publish_nothing(struct world *w, const struct options *o)
{
	(void)w;
	(void)o;
}

/* ---- who plays ---- */

static struct node *any_edge(struct world *w)
{
	return &w->edges[world_random(w, (uint32_t)w->edge_count)];
}

static void join_any(struct world *w, const struct options *o, int n)
{
	(void)n;
	world_join(w, any_edge(w), name_of((int)world_random(w, (uint32_t)o->streams)));
}

/* All edges at once, one stream. */
static void join_one(struct world *w, const struct options *o, int n)
{
	(void)o;
	world_join(w, &w->edges[n % w->edge_count], name_of(0));
}

/* Names that nobody has, each another one. */
static void join_missing(struct world *w, const struct options *o, int n)
{
	(void)o;
	world_join(w, any_edge(w), name_of(n));
}

static const struct scenario scenarios[] = {
	{"by-edges", "streams that were published through edges", publish_by_edges, join_any},
	{"anywhere", "streams whose encoders chose an origin", publish_anywhere, join_any},
	{"crowd", "every edge asks for one stream at once", publish_anywhere, join_one},
	{"missing", "names that nobody has", publish_nothing, join_missing},
};

/* ---- a script ---- */

/* What a real cluster was made to do, for a comparison: lines "cluster DIRECTIVES", "origin RTMP API", "edge", "publish ORIGIN STREAM",
 * "join EDGE STREAM", numbers from 0. A join is over before the next one. */
struct script {
	FILE *file;
	char **names;
	int origins, edges;
	char line[256];
	char more[256]; /* directives of the origins */
};

static void script_open(struct script *s, const char *path)
{
	*s = (struct script){.file = fopen(path, "r")};
	if (!s->file) {
		perror(path);
		exit(2);
	}
	while (fgets(s->line, sizeof(s->line), s->file)) {
		if (strncmp(s->line, "cluster ", 8) == 0)
			snprintf(s->more, sizeof(s->more), "%s", s->line + 8);
		s->edges += strcmp(s->line, "edge\n") == 0;
		if (strncmp(s->line, "origin ", 7) != 0)
			continue;
		s->names = mem_realloc(s->names, (size_t)(s->origins + 1) * sizeof(s->names[0]));
		s->names[s->origins++] = mem_strdup(s->line + 7);
	}
	rewind(s->file);
}

static void script_run(struct script *s, struct world *w)
{
	char stream[128];
	int n;
	while (fgets(s->line, sizeof(s->line), s->file)) {
		if (sscanf(s->line, "publish %d %127s", &n, stream) == 2 && n >= 0 &&
		    n < s->origins)
			node_publish(&w->origins[n], stream);
		if (sscanf(s->line, "join %d %127s", &n, stream) != 2 || n < 0 || n >= s->edges)
			continue;
		world_join(w, &w->edges[n], stream);
		(void)world_settle(w, 60000);
	}
}

static void script_close(struct script *s)
{
	for (int i = 0; i < s->origins; i++)
		free(s->names[i]);
	free(s->names);
	fclose(s->file);
}

/* ---- a run ---- */

struct sums {
	uint64_t questions, plays, redirects, not_found;
	int64_t busiest_us, busy_us;
};

static struct sums sum(const struct world *w)
{
	struct sums s = {0};
	for (int i = 0; i < w->origin_count; i++) {
		const struct node *n = &w->origins[i];
		s.questions += n->questions;
		s.plays += n->plays;
		s.redirects += n->redirects;
		s.not_found += n->not_found;
		s.busy_us += n->busy_us;
		s.busiest_us = n->busy_us > s.busiest_us ? n->busy_us : s.busiest_us;
	}
	return s;
}

static void report(const char *scenario, const struct options *o, struct world *w, int64_t ms,
		   bool settled)
{
	struct sums s = sum(w);
	double joins = w->joins ? (double)w->joins : 1;
	printf("{\"scenario\": \"%s\", \"origins\": %d, \"edges\": %d, \"streams\": %d, \"joins\": "
	       "%llu, "
	       "\"seconds\": %.1f, \"settled\": %s, \"played\": %llu, \"missing\": %llu, "
	       "\"failed\": %llu, "
	       "\"plays\": %llu, \"redirects\": %llu, \"questions\": %llu, \"questions_per_join\": "
	       "%.2f, "
	       "\"origin_us_per_join\": %.0f, \"busiest_origin_percent\": %.1f, "
	       "\"first_ms_p50\": %lld, \"first_ms_p99\": %lld, \"first_ms_max\": %lld}\n",
	       scenario, o->origins, o->edges, o->streams, (unsigned long long)w->joins,
	       (double)ms / 1000, settled ? "true" : "false", (unsigned long long)w->played,
	       (unsigned long long)w->missing, (unsigned long long)w->failed,
	       (unsigned long long)s.plays, (unsigned long long)s.redirects,
	       (unsigned long long)s.questions, (double)s.questions / joins,
	       (double)s.busy_us / joins, ms ? (double)s.busiest_us / 10.0 / (double)ms : 0,
	       (long long)world_first_ms(w, 0.5), (long long)world_first_ms(w, 0.99),
	       (long long)world_first_ms(w, 1));
	fflush(stdout);
}

static void run(const struct scenario *scenario, struct options *o, const char *path)
{
	struct script script = {0};
	if (path) {
		script_open(&script, path);
		o->origins = script.origins;
		o->edges = script.edges;
		o->joins = 0;
	}
	fake_time_begin();
	if (co_init() != OK)
		exit(2);
	struct world *w =
		world_new(o->origins, o->edges, o->seed, &o->costs, script.names, script.more);
	int64_t began = clock_ms();
	if (path) {
		script_run(&script, w);
		script_close(&script);
	} else {
		scenario->publish(w, o);
	}
	for (int i = 0; i < o->joins; i++) {
		scenario->join(w, o, i);
		if (o->per_second)
			(void)co_sleep((i + 1) * 1000LL / o->per_second - (clock_ms() - began));
	}
	bool settled = world_settle(w, 60000);
	report(path ? "script" : scenario->name, o, w, clock_ms() - began, settled);
	world_free(&w);
	co_fini();
	fake_time_end();
}

/* ---- options ---- */

static void usage(void)
{
	fprintf(stderr,
		"usage: cluster_sim SCENARIO [origins=N] [edges=N] [streams=N] [joins=N] [rate=N] "
		"[seed=N] [rtt_us=N] [answer_us=N] [ask_us=N] [play_us=N]\n");
	fprintf(stderr, "or:    cluster_sim script FILE\n");
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		fprintf(stderr, "  %-10s %s\n", scenarios[i].name, scenarios[i].what);
	exit(2);
}

static void read_option(struct options *o, const char *text)
{
	const struct {
		const char *name;
		int *to;
	} known[] = {{"origins=", &o->origins},           {"edges=", &o->edges},
		     {"streams=", &o->streams},           {"joins=", &o->joins},
		     {"rate=", &o->per_second},           {"rtt_us=", &o->costs.rtt_us},
		     {"answer_us=", &o->costs.answer_us}, {"ask_us=", &o->costs.ask_us},
		     {"play_us=", &o->costs.play_us}};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strncmp(text, known[i].name, strlen(known[i].name)) == 0) {
			*known[i].to = atoi(text + strlen(known[i].name));
			return;
		}
	if (strncmp(text, "seed=", 5) != 0)
		usage();
	o->seed = strtoull(text + 5, NULL, 10);
}

int main(int argc, char **argv)
{
	struct options o = {
		.origins = 20,
		.edges = 100,
		.streams = 1000,
		.joins = 1000,
		.seed = 1,
		.costs = {.rtt_us = 1000, .answer_us = 45, .ask_us = 65, .play_us = 450},
	};
	const struct scenario *scenario = NULL;
	for (size_t i = 0; argc > 1 && i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		if (strcmp(argv[1], scenarios[i].name) == 0)
			scenario = &scenarios[i];
	const char *path = argc == 3 && strcmp(argv[1], "script") == 0 ? argv[2] : NULL;
	if (!scenario && !path)
		usage();
	for (int i = 2; i < argc && !path; i++)
		read_option(&o, argv[i]);
	log_set_level(LOG_ERROR);
	run(scenario, &o, path);
	return 0;
}
