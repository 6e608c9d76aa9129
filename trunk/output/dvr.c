#include "output/dvr.h"

#include "base/log.h"
#include "base/mem.h"
#include "output/pattern.h"
#include "output/recorder.h"
#include "output/recovery.h"

#include <stdlib.h>
#include <string.h>

struct dvr {
	struct co *recovery;
	struct server *server;
	struct source_observer observer;
	struct map *recorders; /* by the source's key */
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

static void begins(struct source_observer *observer, struct source *source, bool resumed)
{
	struct dvr *dvr = container_of(observer, struct dvr, observer);
	const struct conf_vhost *vhost = conf_vhost_find(dvr->server->conf, source->vhost);
	struct recorder *r = map_get(dvr->recorders, source->key);
	(void)resumed;
	if (!vhost || !vhost->dvr.enabled || vhost->cluster.mode == MODE_REMOTE || r ||
	    !applies(&vhost->dvr, source))
		return;
	if (!pattern_name_ok(source->app) || !pattern_name_ok(source->stream) ||
	    !pattern_name_ok(source->vhost)) {
		log_warn("%s is not recorded: its name cannot be the name of a file", source->key);
		return;
	}
	recorder_start(dvr->recorders, dvr->server, source, vhost);
}

struct recovery_job {
	char *folder;
	int64_t started_s;
	unsigned count;
};

static void recover(void *arg)
{
	struct recovery_job *job = arg;
	job->count = recovery_run(job->folder, job->started_s);
}

/* The folder that all recordings of the vhost are below. */
static char *folder_of(const struct conf_dvr *conf)
{
	size_t n = strcspn(conf->path, "[");
	while (n > 0 && conf->path[n - 1] != '/')
		n--;
	return n > 0 ? mem_strndup(conf->path, n) : mem_strdup(".");
}

/* What a crash has left is made whole, beside everything else. */
static void recovery_main(void *arg)
{
	struct dvr *dvr = arg;
	struct conf *conf = conf_ref(dvr->server->conf);
	for (int i = 0; i < conf->vhost_count && !co_stopping(); i++) {
		struct recovery_job job = {.started_s = clock_wall_ms() / 1000};
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

struct dvr *dvr_new(struct server *server)
{
	struct dvr *dvr = mem_new(struct dvr);
	dvr->server = server;
	dvr->recorders = map_new();
	dvr->observer.on_begin = begins;
	dvr->recovery = co_start("dvr-recovery", recovery_main, dvr);
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
	map_free(&d->recorders);
	free(d);
}
