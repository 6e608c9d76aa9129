#include "service/locate.h"
#include "base/log.h"
#include "service/coworker.h"

#include <stdio.h>

static err wait_for_pull(struct locate *l, enum found *found)
{
	int64_t deadline = clock_after(l->patience_ms);
	for (;;) {
		switch (viewer_state(l->viewer)) {
		case PULL_WAITING:
		case PULL_LIVE:
			*found = FOUND_HERE;
			return OK;
		case PULL_NOWHERE:
		case PULL_FAILED:
			*found = viewer_state(l->viewer) == PULL_NOWHERE ? FOUND_NOWHERE : FOUND_NO_ORIGIN;
			snprintf(l->why, sizeof(l->why), "%s", viewer_why(l->viewer));
			return OK;
		case PULL_TRYING:
			break;
		}
		TRY(l->look(l->ctx));
		err e = co_wait(deadline);
		if (e == ERR_TIMEOUT) {
			*found = FOUND_HERE;
			return OK;
		}
		TRY(e);
	}
}

static err locate_on_edge(struct locate *l, enum found *found)
{
	l->source = server_source(l->server, l->vhost, l->target->app, l->target->stream);
	/* A publisher of this edge needs no origin; if it leaves, the pull takes over. */
	if (l->source->feeder && l->source->feeder->kind == FEEDER_PUBLISHER) {
		*found = FOUND_HERE;
		return OK;
	}
	edge_attach(l->server, l->source, l->vhost, &l->vhost->cluster.origin, l->viewer);
	return wait_for_pull(l, found);
}

static err ask_coworkers(struct locate *l, enum found *found)
{
	struct coworker_answer answer;
	err e = coworker_find(l->server, l->vhost, l->target, &answer);
	if (!e) {
		*found = FOUND_ELSEWHERE;
		snprintf(l->rtmp, sizeof(l->rtmp), "%s", answer.rtmp);
		snprintf(l->http_host, sizeof(l->http_host), "%s", answer.http);
		return OK;
	}
	if (e != ERR_NOTFOUND)
		return e;
	*found = FOUND_NOWHERE;
	snprintf(l->why, sizeof(l->why), "%s", err_trail(e));
	return OK;
}

static err locate_on_origin(struct locate *l, enum found *found)
{
	l->source = server_source(l->server, l->vhost, l->target->app, l->target->stream);
	*found = FOUND_HERE;
	if (source_is_live(l->source) || !l->vhost->cluster.origin_cluster)
		return OK;
	/* The gap of a publisher that left is covered for those who watch already, not for others. */
	err e = ask_coworkers(l, found);
	if (!e && source_is_live(l->source))
		*found = FOUND_HERE; /* it was published here meanwhile */
	return e;
}

err locate_play(struct locate *l, enum found *found)
{
	return l->vhost->cluster.mode == MODE_REMOTE ? locate_on_edge(l, found) : locate_on_origin(l, found);
}
