/* Viewers and their pulls: a pull begins with the first viewer of a stream, is joined by all
 * others, and ends `linger` after the last one (pull.c). */
#include "cluster/pulls.h"
#include "base/mem.h"
#include "cluster/inside.h"
#include "cluster/pull.h"
#include "codec/list.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* ---- pulls ---- */

void pull_free(struct pull *p)
{
	source_unref(&p->source);
	conf_unref(&p->conf);
	free(p);
}

void pull_set_state(struct pull *p, enum pull_state state)
{
	struct viewer *v;
	p->state = state;
	DL_FOREACH (p->viewers, v)
		co_wake(v->co);
}

bool pull_is_published_here(const struct pull *p)
{
	return source_is_published(p->source);
}

int64_t pull_unwanted_at(const struct pull *p)
{
	return p->viewers ? CLOCK_NEVER : p->idle_ms + p->vhost->cluster.linger_ms;
}

bool pull_is_unwanted(const struct pull *p)
{
	return clock_ms() >= pull_unwanted_at(p);
}

static void on_lost(struct feeder *feeder)
{
	struct pull *p = container_of(feeder, struct pull, in.feeder);
	co_wake(p->co);
}

static struct pull *pull_new(struct cluster *cluster, struct source *source,
			     const struct conf_vhost *vhost, struct conf *conf, enum pull_from from)
{
	struct pull *p = mem_new(struct pull);
	p->cluster = cluster;
	p->conf = conf_ref(conf); /* which may be older than the server's */
	p->vhost = vhost;
	p->from = from;
	p->source = source_ref(source);
	read_pacing_init(&p->in, FEEDER_RELAY, on_lost);
	p->resume = (struct resume){.source = source, .feeder = &p->in.feeder};
	p->state = pull_is_published_here(p) ? PULL_LIVE : PULL_TRYING;
	p->facts.kind = "pull";
	p->lost_ms = clock_ms();
	p->co = co_start_in(&cluster->server->services, "pull", pull_main, p);
	if (!p->co) {
		pull_free(p);
		return NULL;
	}
	map_set(cluster->pulls, source->key, p);
	cluster->server->stat.pulls++;
	return p;
}

/* ---- viewers ---- */

/* Two servers may each wait for what the other one waits for, each for viewers of its own. Who
 * joins a pull that has nothing therefore makes it ask again, in the name of all that wait. So does
 * the first whose words are not in doubt, and who has come by fewer servers: what the others may be
 * refused for is nothing to it. */
static void look_for_circle(struct pull *p, const struct viewer *viewer)
{
	bool news = p->via && !list_has_all(p->via, viewer->path);
	bool better = p->path_unverified && !viewer->path_unverified;
	bool nearer = p->path && list_count(viewer->path) < list_count(p->path);
	if ((news || better || nearer) && p->lost_ms)
		p->reask = true;
}

void pulls_attach(struct cluster *cluster, struct source *source, const struct conf_vhost *vhost,
		  enum pull_from from, struct viewer *viewer)
{
	struct pull *p = map_get(cluster->pulls, source->key);
	if (!p)
		p = pull_new(cluster, source, vhost, viewer->conf, from);
	if (!p)
		return;
	viewer->pull = p;
	DL_APPEND(p->viewers, viewer);
	look_for_circle(p, viewer);
	co_wake(p->co);
}

bool pulls_has(const struct cluster *cluster, const struct source *source)
{
	return map_get(cluster->pulls, source->key) != NULL;
}

void pulls_detach(struct viewer *viewer)
{
	struct pull *p = viewer->pull;
	if (!p)
		return;
	viewer->pull = NULL;
	DL_DELETE(p->viewers, viewer);
	if (p->viewers)
		return;
	if (p->over) {
		pull_free(p);
		return;
	}
	p->idle_ms = clock_ms();
	co_wake(p->co);
}

enum pull_state viewer_state(const struct viewer *viewer)
{
	return viewer->pull ? viewer->pull->state : PULL_FAILED;
}

bool viewer_is_over(const struct viewer *viewer)
{
	return viewer->pull && viewer->pull->state >= PULL_NOWHERE;
}

const char *viewer_why(const struct viewer *viewer)
{
	return viewer->pull ? viewer->pull->why : "there is no memory for another pull";
}
