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
	int tick_ms;
	int crowd;                      /* who come within a second, beside the joins */
	int every_ms, back_ms, down_ms; /* an origin dies; its encoders are elsewhere; it is back */
	int silent;                     /* its host dies */
	uint64_t seed;
	struct costs costs;
};

struct scenario {
	const char *name, *what;
	void (*publish)(struct world *w, const struct options *o);
	void (*join)(struct world *w, const struct options *o, int n);
	/* What happens beside the joins, in a coroutine of its own; NULL: nothing. */
	void (*beside)(struct world *w, const struct options *o);
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
	world_join(w, any_edge(w), name_of((int)world_random(w, (uint32_t)o->streams)), &w->first);
}

/* All edges at once, one stream. */
static void join_one(struct world *w, const struct options *o, int n)
{
	(void)o;
	world_join(w, &w->edges[n % w->edge_count], name_of(0), &w->first);
}

/* Names that nobody has, each another one. */
static void join_missing(struct world *w, const struct options *o, int n)
{
	(void)o;
	world_join(w, any_edge(w), name_of(n), &w->first);
}

/* ---- what happens meanwhile ---- */

static int64_t length_ms(const struct options *o)
{
	return o->per_second ? o->joins * 1000LL / o->per_second : 0;
}

/* In the middle, all within a second, for one stream. */
static void come_as_a_crowd(struct world *w, const struct options *o)
{
	(void)co_sleep(length_ms(o) / 2);
	int64_t began = clock_ms();
	for (int i = 0; i < o->crowd; i++) {
		world_join(w, any_edge(w), name_of(0), &w->crowd);
		int64_t due = began + (i + 1) * 1000LL / o->crowd;
		if (due > clock_ms())
			(void)co_sleep(due - clock_ms());
	}
}

/* As edges bring a stream to another origin, or as encoders that chose one choose another. */
static void publish_again(struct world *w, struct map *streams, bool by_edges)
{
	for (struct map_iter it = map_begin(streams); map_next(&it);) {
		struct node *to = by_edges ? world_home(w, it.key) : NULL;
		while (!to || to->dead)
			to = &w->origins[world_random(w, (uint32_t)w->origin_count)];
		node_publish(to, it.key);
	}
	map_free(&streams);
}

/* One origin after the other dies, and comes back without its streams. */
static void fail(struct world *w, const struct options *o, bool by_edges)
{
	for (int64_t i = 0; i < length_ms(o) / o->every_ms; i++) {
		struct node *origin = &w->origins[world_random(w, (uint32_t)o->origins)];
		(void)co_sleep(o->every_ms - o->down_ms);
		struct map *streams = node_die(origin, o->silent);
		(void)co_sleep(o->back_ms);
		publish_again(w, streams, by_edges);
		(void)co_sleep(o->down_ms - o->back_ms);
		node_revive(origin);
	}
}

static void fail_by_edges(struct world *w, const struct options *o)
{
	fail(w, o, true);
}

static void fail_anywhere(struct world *w, const struct options *o)
{
	fail(w, o, false);
}

static const struct scenario scenarios[] = {
	{"by-edges", "streams that were published through edges", publish_by_edges, join_any, NULL},
	{"anywhere", "streams whose encoders chose an origin", publish_anywhere, join_any, NULL},
	{"crowd", "every edge asks for one stream at once", publish_anywhere, join_one, NULL},
	{"missing", "names that nobody has", publish_nothing, join_missing, NULL},
	{"flash", "a crowd for one stream beside players of all", publish_by_edges, join_any,
	 come_as_a_crowd},
	{"failures", "origins die and come back; streams were published through edges",
	 publish_by_edges, join_any, fail_by_edges},
	{"failures-anywhere", "the same; encoders chose an origin", publish_anywhere, join_any,
	 fail_anywhere},
};

/* ---- a script ---- */

/* What a real cluster was made to do, for a comparison: lines "cluster DIRECTIVES", "origin RTMP API", "edge", "publish ORIGIN STREAM",
 * "join EDGE STREAM", numbers from 0, and "at MS", when the next join begins. A join is over before the next one. */
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
	int64_t began = clock_ms();
	int n;
	while (fgets(s->line, sizeof(s->line), s->file)) {
		if (sscanf(s->line, "publish %d %127s", &n, stream) == 2 && n >= 0 &&
		    n < s->origins)
			node_publish(&w->origins[n], stream);
		if (sscanf(s->line, "at %d", &n) == 1 && began + n > clock_ms())
			(void)co_sleep(began + n - clock_ms());
		if (sscanf(s->line, "join %d %127s", &n, stream) != 2 || n < 0 || n >= s->edges)
			continue;
		world_join(w, &w->edges[n], stream, &w->first);
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
	       "\"first_ms_p50\": %lld, \"first_ms_p99\": %lld, \"first_ms_max\": %lld, "
	       "\"crowd_ms_p50\": %lld, \"crowd_ms_p99\": %lld, \"gaps\": %zu, "
	       "\"gap_ms_p50\": %lld, \"gap_ms_p99\": %lld, \"gap_ms_max\": %lld, \"lost\": "
	       "%llu}\n",
	       scenario, o->origins, o->edges, o->streams, (unsigned long long)w->joins,
	       (double)ms / 1000, settled ? "true" : "false", (unsigned long long)w->played,
	       (unsigned long long)w->missing, (unsigned long long)w->failed,
	       (unsigned long long)s.plays, (unsigned long long)s.redirects,
	       (unsigned long long)s.questions, (double)s.questions / joins,
	       (double)s.busy_us / joins, ms ? (double)s.busiest_us / 10.0 / (double)ms : 0,
	       (long long)series_at(&w->first, 0.5), (long long)series_at(&w->first, 0.99),
	       (long long)series_at(&w->first, 1), (long long)series_at(&w->crowd, 0.5),
	       (long long)series_at(&w->crowd, 0.99), w->gaps.count,
	       (long long)series_at(&w->gaps, 0.5), (long long)series_at(&w->gaps, 0.99),
	       (long long)series_at(&w->gaps, 1), (unsigned long long)world_lost(w));
	fflush(stdout);
}

struct beside {
	const struct scenario *scenario;
	struct world *world;
	const struct options *options;
};

static void beside_main(void *arg)
{
	const struct beside *b = arg;
	b->scenario->beside(b->world, b->options);
}

static void run_scenario(const struct scenario *scenario, const struct options *o, struct world *w)
{
	struct beside beside = {scenario, w, o};
	int64_t began = clock_ms();
	scenario->publish(w, o);
	struct co *co = scenario->beside ? co_start("beside", beside_main, &beside) : NULL;
	for (int i = 0; i < o->joins; i++) {
		scenario->join(w, o, i);
		if (o->per_second)
			(void)co_sleep((i + 1) * 1000LL / o->per_second - (clock_ms() - began));
	}
	co_join(&co);
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
	struct world *w = world_new(&(struct world_opts){
		.origins = o->origins,
		.edges = o->edges,
		.seed = o->seed,
		.tick_ms = o->tick_ms,
		.costs = &o->costs,
		.names = script.names,
		.more = script.more,
	});
	int64_t began = clock_ms();
	if (path) {
		script_run(&script, w);
		script_close(&script);
	} else {
		run_scenario(scenario, o, w);
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
		"[seed=N] [rtt_us=N] [answer_us=N] [ask_us=N] [play_us=N] [tick_ms=N] "
		"[crowd=N] [every_ms=N] [back_ms=N] [down_ms=N] [silent=1]\n");
	fprintf(stderr, "or:    cluster_sim script FILE\n");
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		fprintf(stderr, "  %-17s %s\n", scenarios[i].name, scenarios[i].what);
	exit(2);
}

static void read_option(struct options *o, const char *text)
{
	const struct {
		const char *name;
		int *to;
	} known[] = {{"origins=", &o->origins},
		     {"edges=", &o->edges},
		     {"streams=", &o->streams},
		     {"joins=", &o->joins},
		     {"rate=", &o->per_second},
		     {"rtt_us=", &o->costs.rtt_us},
		     {"answer_us=", &o->costs.answer_us},
		     {"ask_us=", &o->costs.ask_us},
		     {"play_us=", &o->costs.play_us},
		     {"tick_ms=", &o->tick_ms},
		     {"crowd=", &o->crowd},
		     {"every_ms=", &o->every_ms},
		     {"back_ms=", &o->back_ms},
		     {"down_ms=", &o->down_ms},
		     {"silent=", &o->silent}};
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
		.tick_ms = 500,
		.crowd = 10000,
		.every_ms = 5000,
		.back_ms = 50,
		.down_ms = 3000,
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
