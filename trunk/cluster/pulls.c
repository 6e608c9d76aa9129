/* Viewers and their pulls: a pull begins with the first viewer of a stream, is joined by all
 * others, and ends `linger` after the last one; before media has come, with the last one. */
#include "cluster/pulls.h"
#include "base/mem.h"
#include "cluster/pull.h"
#include "codec/list.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* ---- pulls ---- */

static void on_lost(struct feeder *feeder)
{
	struct pull *p = container_of(feeder, struct pull, in.feeder);
	co_wake(p->co);
}

static struct pull *pull_new(struct cluster *cluster, struct source *source,
			     const struct conf_vhost *vhost, enum pull_from from,
			     const struct viewer *viewer)
{
	struct pull *p = mem_new(struct pull);
	p->cluster = cluster;
	p->conf = conf_ref(viewer->conf); /* which may be older than the server's */
	p->vhost = vhost;
	p->from = from;
	p->source = source_ref(source);
	read_pacing_init(&p->in, FEEDER_RELAY, on_lost);
	p->resume = (struct resume){.source = source, .feeder = &p->in.feeder};
	p->state = pull_is_published_here(p) ? PULL_LIVE : PULL_TRYING;
	p->facts.kind = "pull";
	p->facts.loss.since_ms = clock_ms();
	unproven_begin(&cluster->unproven_pulls, &p->pass, viewer->peer);
	p->co = co_start_in(&cluster->server->services, "pull", pull_main, p);
	if (!p->co) {
		pull_free(p);
		return NULL;
	}
	map_set(cluster->pulls, source->key, p);
	cluster->server->stat.pulls++;
	return p;
}

/* A pull that never had media ends with its last viewer: it is stopped wherever it waits, and the next
 * viewer of the stream begins a new one. */
static void pull_abandon(struct pull *p)
{
	p->left = true;
	map_remove(p->cluster->pulls, p->source->key);
	co_stop(p->co);
}

void pulls_on_gap(struct source_observer *observer, struct source *source)
{
	const struct cluster *cluster = container_of_const(observer, struct cluster, observer);
	const struct pull *p = map_get(cluster->pulls, source->key);
	if (p)
		co_wake(p->co);
}

/* ---- viewers ---- */

/* Two servers may each wait for what the other one waits for, each for viewers of its own. Who
 * joins a pull that has nothing therefore makes it ask again, in the name of all that wait. So does
 * the first whose words are verified, and who has come by fewer servers: what the others may be
 * refused for is nothing to it. */
static void look_for_circle(struct pull *p, const struct viewer *viewer)
{
	const struct pull_request *r = &p->request;
	bool news = r->via && !list_has_all(r->via, viewer->path);
	bool better = r->path_unverified && !viewer->path_unverified;
	bool nearer = r->path && list_count(viewer->path) < list_count(r->path);
	if ((news || better || nearer) && p->facts.loss.since_ms)
		p->reask = true;
}

void pulls_attach(struct cluster *cluster, struct source *source, const struct conf_vhost *vhost,
		  enum pull_from from, struct viewer *viewer)
{
	struct pull *p = map_get(cluster->pulls, source->key);
	if (!p)
		p = pull_new(cluster, source, vhost, from, viewer);
	if (!p)
		return;
	viewer->pull = p;
	DL_APPEND(p->viewers, viewer);
	/* Players alone begin at the newest start: nothing more is kept for them. */
	p->in.feeder.is_moving |= *viewer->path != '\0';
	look_for_circle(p, viewer);
	co_wake(p->co);
}

bool pulls_has(const struct cluster *cluster, const struct source *source)
{
	return map_get(cluster->pulls, source->key) != NULL;
}

static bool is_over(const struct pull *p)
{
	return p->state >= PULL_NOWHERE;
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
	if (is_over(p)) {
		pull_free(p);
		return;
	}
	p->idle_ms = clock_ms();
	if (!p->source->timeline.used && !p->source->feeder)
		pull_abandon(p);
	else
		co_wake(p->co);
}

enum pull_state viewer_state(const struct viewer *viewer)
{
	return viewer->pull ? viewer->pull->state : PULL_FAILED;
}

bool viewer_is_over(const struct viewer *viewer)
{
	return viewer->pull && is_over(viewer->pull);
}

bool viewer_had_dry_round(const struct viewer *viewer)
{
	return viewer->pull && viewer->pull->facts.loss.rounds > 0;
}

const char *viewer_why(const struct viewer *viewer)
{
	return viewer->pull ? viewer->pull->why : "there is no memory for another pull";
}
