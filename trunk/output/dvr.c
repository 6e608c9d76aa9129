#include "output/dvr.h"

#include "base/log.h"
#include "base/mem.h"
#include "output/catalog.h"
#include "output/pattern.h"
#include "output/recorder.h"
#include "output/recovery.h"

#include <stdlib.h>
#include <string.h>

struct dvr {
	struct co *recovery, *pruner;
	struct rewriter *rewriter;
	struct server *server;
	struct source_observer observer;
	struct map *recorders; /* by the source's key */
	struct map *ended;     /* sources' keys: ended by hand, and the stream goes on */
};

/* "all", or the names of applications and streams. */
static bool applies(const struct conf_dvr *conf, const struct source *source)
{
	bool fits = conf->apply.count == 0;
	char *name = mem_printf("%s/%s", source->app, source->stream);
	for (int i = 0; i < conf->apply.count; i++)
		fits |= strcmp(conf->apply.v[i], "all") == 0 || strcmp(conf->apply.v[i], name) == 0;
	free(name);
	return fits;
}

static void again(void *ctx, const char *key);

static enum dvr_answer record(struct dvr *dvr, struct source *source,
			      const struct conf_vhost *vhost)
{
	struct recorder *r = map_get(dvr->recorders, source->key);
	if (r) {
		recorder_go_on(r);
		return DVR_OK;
	}
	if (!pattern_name_ok(source->app) || !pattern_name_ok(source->stream) ||
	    !pattern_name_ok(source->vhost)) {
		log_warn("%s is not recorded: its name cannot be the name of a file", source->key);
		return DVR_BAD_NAME;
	}
	recorder_start(
		dvr->recorders, dvr->server, source, vhost,
		&(struct recorder_owner){.rewriter = dvr->rewriter, .on_again = again, .ctx = dvr});
	return DVR_OK;
}

/* The vhost, when it has recordings; else NULL. */
static const struct conf_vhost *recorded_vhost(const struct dvr *dvr, const struct source *source)
{
	const struct conf_vhost *vhost = conf_vhost_find(dvr->server->conf, source->vhost);
	bool is_on = vhost && vhost->dvr.enabled && vhost->cluster.mode != MODE_REMOTE;
	return is_on ? vhost : NULL;
}

static void again(void *ctx, const char *key)
{
	struct dvr *dvr = ctx;
	struct source *source = registry_find(&dvr->server->registry, key);
	const struct conf_vhost *vhost = source ? recorded_vhost(dvr, source) : NULL;
	if (vhost && source->is_on)
		(void)record(dvr, source, vhost);
}

/* A recording that was ended by hand stays ended over a gap of the stream. */
static void begins(struct source_observer *observer, struct source *source, bool resumed)
{
	struct dvr *dvr = container_of(observer, struct dvr, observer);
	const struct conf_vhost *vhost = recorded_vhost(dvr, source);
	if (!resumed)
		map_remove(dvr->ended, source->key);
	if (vhost && applies(&vhost->dvr, source) && !map_get(dvr->ended, source->key))
		(void)record(dvr, source, vhost);
}

static void ends(struct source_observer *observer, struct source *source)
{
	struct dvr *dvr = container_of(observer, struct dvr, observer);
	map_remove(dvr->ended, source->key);
}

enum dvr_answer dvr_record(struct dvr *dvr, struct source *source)
{
	const struct conf_vhost *vhost = recorded_vhost(dvr, source);
	if (!vhost)
		return DVR_OFF;
	map_remove(dvr->ended, source->key);
	return record(dvr, source, vhost);
}

void dvr_end(struct dvr *dvr, const struct source *source)
{
	struct recorder *r = map_get(dvr->recorders, source->key);
	map_set(dvr->ended, source->key, dvr);
	if (r)
		recorder_stop(r);
}

void dvr_each(const struct dvr *dvr, void (*fn)(const struct recorder_facts *facts, void *ctx),
	      void *ctx)
{
	for (struct map_iter it = map_begin(dvr->recorders); map_next(&it);) {
		struct recorder_facts facts;
		if (recorder_facts(&facts, it.value))
			fn(&facts, ctx);
	}
}

/* ---- what a crash has left ---- */

struct recovery_job {
	char *folder;
	unsigned count;
};

static void recover(void *arg)
{
	struct recovery_job *job = arg;
	job->count = recovery_run(job->folder);
}

static char *folder_of(const struct conf_dvr *conf)
{
	char *pattern = catalog_pattern(conf->path);
	char *folder = catalog_folder(pattern);
	free(pattern);
	return folder;
}

/* Recovers recordings that a crash has left, beside everything else. */
static void recovery_main(void *arg)
{
	struct dvr *dvr = arg;
	struct conf *conf = conf_ref(dvr->server->conf);
	for (int i = 0; i < conf->vhost_count && !co_stopping(); i++) {
		struct recovery_job job = {0};
		if (!conf->vhosts[i].dvr.enabled)
			continue;
		job.folder = folder_of(&conf->vhosts[i].dvr);
		co_offload(recover, &job);
		if (job.count > 0)
			log_warn("%u recordings below %s were unfinished, and have their names now",
				 job.count, job.folder);
		free(job.folder);
	}
	conf_unref(&conf);
}

/* ---- what is kept ---- */

enum { PRUNE_LEAST_MS = 1000, PRUNE_MOST_MS = 60000, PRUNE_SIZE_MS = 10000 };

struct prune_job {
	char *pattern;
	struct catalog_limits limits;
	size_t count;
};

static void prune(void *arg)
{
	struct prune_job *job = arg;
	job->count = catalog_prune(job->pattern, &job->limits, clock_wall_ms() / 1000);
}

/* How long until it is looked again; CLOCK_NEVER when everything is kept. */
static int64_t prune_period(const struct conf_dvr *conf)
{
	int64_t age = conf->max_age_ms ? conf->max_age_ms / 4 : CLOCK_NEVER;
	int64_t size = conf->max_size_mb ? PRUNE_SIZE_MS : CLOCK_NEVER;
	int64_t period = age < size ? age : size;
	if (!conf->enabled || period == CLOCK_NEVER)
		return CLOCK_NEVER;
	return period < PRUNE_LEAST_MS  ? PRUNE_LEAST_MS
	       : period > PRUNE_MOST_MS ? PRUNE_MOST_MS
					: period;
}

static void prune_vhost(const struct conf_vhost *vhost)
{
	const struct conf_dvr *conf = &vhost->dvr;
	struct prune_job job = {
		.pattern = catalog_pattern(conf->path),
		.limits = {.age_s = (conf->max_age_ms + 999) / 1000,
			   .bytes = (int64_t)conf->max_size_mb << 20},
	};
	co_offload(prune, &job);
	if (job.count > 0)
		log_info("%zu recordings of %s were removed: dvr_max_age, dvr_max_size", job.count,
			 vhost->name);
	free(job.pattern);
}

/* A reload is seen within a minute. */
static void pruner_main(void *arg)
{
	struct dvr *dvr = arg;
	err e = OK;
	while (e != ERR_STOPPED) {
		struct conf *conf = conf_ref(dvr->server->conf);
		int64_t next = PRUNE_MOST_MS;
		for (int i = 0; i < conf->vhost_count && !co_stopping(); i++) {
			int64_t period = prune_period(&conf->vhosts[i].dvr);
			if (period == CLOCK_NEVER)
				continue;
			prune_vhost(&conf->vhosts[i]);
			next = period < next ? period : next;
		}
		conf_unref(&conf);
		e = co_sleep(next);
	}
}

/* ---- the whole ---- */

struct dvr *dvr_new(struct server *server)
{
	struct dvr *dvr = mem_new(struct dvr);
	dvr->server = server;
	dvr->recorders = map_new();
	dvr->ended = map_new();
	dvr->observer.on_begin = begins;
	dvr->observer.on_end = ends;
	recovery_begin(clock_wall_ms() / 1000);
	dvr->recovery = co_start("dvr-recovery", recovery_main, dvr);
	dvr->rewriter = rewriter_new();
	dvr->pruner = co_start("dvr-pruner", pruner_main, dvr);
	registry_observe(&server->registry, &dvr->observer);
	return dvr;
}

void dvr_free(struct dvr **dvr)
{
	struct dvr *d = *dvr;
	*dvr = NULL;
	if (!d)
		return;
	registry_unobserve(&d->server->registry, &d->observer);
	co_join(&d->recovery);
	if (d->pruner)
		co_stop(d->pruner);
	co_join(&d->pruner);
	rewriter_free(&d->rewriter);
	map_free(&d->recorders);
	map_free(&d->ended);
	free(d);
}
