/* Viewers at the edges: one coroutine looks after all of them, since each one of its own would be a stack. */
#include "base/mem.h"
#include "base/vec.h"
#include "cluster/pulls.h"
#include "sim/world.h"

#include <stdlib.h>
#include <utlist.h>

struct join {
	struct join *prev, *next; /* of those that wait, or of those that play */
	struct world *world;
	char *stream;
	struct viewer viewer;
	struct target target;
	struct source *source;
	struct series *times;
	int64_t began_ms;
	int64_t picture_ms; /* when the last one came */
};

/* ---- milliseconds ---- */

void series_add(struct series *s, int64_t ms)
{
	vec_reserve(s->v, s->room, s->count + 1);
	s->v[s->count++] = ms;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

int64_t series_at(struct series *s, double p)
{
	if (!s->count)
		return 0;
	qsort(s->v, s->count, sizeof(s->v[0]), by_value);
	return s->v[(size_t)(p * (double)(s->count - 1))];
}

/* ---- one viewer ---- */

static void leave(struct join *j)
{
	pulls_detach(&j->viewer);
	source_unref(&j->source);
	free(j->stream);
	free(j);
}

/* Of one that waits: whether that is over. */
static void look(struct join *j)
{
	struct world *w = j->world;
	enum pull_state state = viewer_state(&j->viewer);
	if (state == PULL_TRYING || state == PULL_WAITING)
		return;
	DL_DELETE(w->waiting, j);
	w->played += state == PULL_LIVE;
	w->missing += state == PULL_NOWHERE;
	w->failed += state == PULL_FAILED;
	if (state != PULL_LIVE) {
		leave(j);
		return;
	}
	series_add(j->times, clock_ms() - j->began_ms);
	j->picture_ms = clock_ms();
	DL_APPEND(w->staying, j);
}

static void usher_main(void *arg)
{
	struct world *w = arg;
	struct join *j, *next;
	while (co_wait(CLOCK_NEVER) != ERR_STOPPED)
		DL_FOREACH_SAFE (w->waiting, j, next)
			look(j);
}

static char *text(const char *s)
{
	return (char *)(uintptr_t)s;
}

static void attach(struct join *j, struct server *s)
{
	const struct conf_vhost *vhost = &s->conf->vhosts[0];
	j->target = (struct target){.is_rtmp = true,
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
				    .co = j->world->usher};
	j->source = server_source(s, vhost, "live", j->stream);
	pulls_attach(s->cluster, j->source, vhost, PULL_FROM_ORIGINS, &j->viewer);
}

void world_join(struct world *w, struct node *edge, const char *stream, struct series *times)
{
	struct join *j = mem_new(struct join);
	j->world = w;
	j->stream = mem_strdup(stream);
	j->times = times;
	j->began_ms = clock_ms();
	w->joins++;
	attach(j, edge->server);
	DL_APPEND(w->waiting, j);
	co_wake(w->usher); /* there may be a pull that is live */
}

/* ---- all of them ---- */

void viewers_begin(struct world *w)
{
	w->usher = co_start_in(&w->group, "usher", usher_main, w);
}

void viewers_look(struct world *w)
{
	struct join *j;
	DL_FOREACH (w->staying, j) {
		int64_t at = j->source->video_ms, gap = at - j->picture_ms;
		if (gap > 2 * w->tick_ms)
			series_add(&w->gaps, gap);
		if (gap > 0)
			j->picture_ms = at;
	}
}

void viewers_end(struct world *w)
{
	struct join *j, *next;
	DL_FOREACH_SAFE (w->waiting, j, next)
		leave(j);
	DL_FOREACH_SAFE (w->staying, j, next)
		leave(j);
	w->waiting = w->staying = NULL;
}

static uint64_t settled(const struct world *w)
{
	return w->played + w->missing + w->failed;
}

bool world_settle(struct world *w, int64_t ms)
{
	int64_t until = clock_after(ms);
	while (settled(w) < w->joins && clock_ms() < until)
		(void)co_sleep(10);
	return settled(w) == w->joins;
}

uint64_t world_lost(const struct world *w)
{
	const struct join *j;
	uint64_t lost = 0;
	DL_FOREACH (w->staying, j)
		lost += viewer_state(&j->viewer) != PULL_LIVE ||
			clock_ms() - j->source->video_ms > 2 * w->tick_ms;
	return lost;
}
