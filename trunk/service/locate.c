#include "service/locate.h"
#include "base/log.h"
#include "cluster/coworker.h"
#include "codec/list.h"

#include <stdio.h>
#include <string.h>

/* More redirects than this of one request, and it is relayed instead. */
enum { REDIRECTED_MAX = 3 };

static err wait_for_pull(struct locate *l, enum found *found)
{
	int64_t deadline = clock_after(l->patience_ms);
	for (;;) {
		if (source_is_published(l->source)) {
			*found = FOUND_HERE;
			return OK;
		}
		switch (viewer_state(l->viewer)) {
		case PULL_WAITING:
		case PULL_LIVE:
			*found = FOUND_HERE;
			return OK;
		case PULL_NOWHERE:
		case PULL_FAILED:
			*found = viewer_state(l->viewer) == PULL_NOWHERE ? FOUND_NOWHERE
									 : FOUND_NO_ORIGIN;
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
	/* A publisher of this edge needs no origin: the pull rests, and takes over when it leaves. */
	pulls_attach(l->server->cluster, l->source, l->vhost, PULL_FROM_ORIGINS, l->viewer);
	return wait_for_pull(l, found);
}

/* ---- at an origin ---- */

/* Whether we fetch the stream ourselves instead of sending the client to it: for those that do not
 * follow, or are not to; and for a request that would go in circles or from hand to hand. */
static bool must_relay(const struct locate *l, const struct coworker_answer *answer)
{
	enum conf_on_miss on_miss = l->vhost->cluster.on_miss;
	if (l->http)
		return on_miss == MISS_RELAY || !*answer->http;
	return on_miss == MISS_RELAY || (on_miss == MISS_AUTO && !l->relay) ||
	       list_count(l->redirected) >= REDIRECTED_MAX || list_has(l->redirected, answer->rtmp);
}

static err relay(struct locate *l, enum found *found)
{
	pulls_attach(l->server->cluster, l->source, l->vhost, PULL_FROM_COWORKERS, l->viewer);
	return wait_for_pull(l, found);
}

static err send_there(struct locate *l, const struct coworker_answer *answer, enum found *found)
{
	*found = FOUND_ELSEWHERE;
	snprintf(l->rtmp, sizeof(l->rtmp), "%s", answer->rtmp);
	snprintf(l->http_host, sizeof(l->http_host), "%s", answer->http);
	return OK;
}

static err ask_coworkers(struct locate *l, enum found *found)
{
	struct coworker_answer answer;
	/* A client that was sent here for nothing: what we remember may be just as old. */
	enum coworker_age age = l->redirected && *l->redirected ? COWORKER_FRESH : COWORKER_KEPT;
	err e = coworker_find(l->server->cluster, l->vhost, l->target, age, l->viewer->peer,
			      &answer);
	if (source_is_published(l->source)) {
		*found = FOUND_HERE; /* meanwhile */
		return e == ERR_STOPPED ? e : OK;
	}
	if (!e)
		return must_relay(l, &answer) ? relay(l, found) : send_there(l, &answer, found);
	if (e != ERR_NOTFOUND && e != ERR_FULL)
		return e;
	*found = e == ERR_FULL ? FOUND_NO_ORIGIN : FOUND_NOWHERE;
	snprintf(l->why, sizeof(l->why), "%s", err_trail(e));
	return OK;
}

static err not_any_more(struct locate *l, enum found *found)
{
	*found = FOUND_NOWHERE;
	snprintf(l->why, sizeof(l->why), "the stream %s is not here any more", l->source->key);
	return OK;
}

/* A stream that is relayed here already goes to all who would be relayed to, without a question. */
static bool joins_relay(const struct locate *l)
{
	enum conf_on_miss on_miss = l->vhost->cluster.on_miss;
	return pulls_has(l->server->cluster, l->source) &&
	       (on_miss == MISS_RELAY || (on_miss == MISS_AUTO && !l->relay && !l->http));
}

static err locate_on_origin(struct locate *l, enum found *found)
{
	l->source = server_source(l->server, l->vhost, l->target->app, l->target->stream);
	*found = FOUND_HERE;
	/* The gap of a publisher that left is covered for those who watch already, not for others. */
	if (source_is_published(l->source) || !l->vhost->cluster.origin_cluster)
		return OK;
	if (l->from_coworker)
		return not_any_more(l, found);
	return joins_relay(l) ? relay(l, found) : ask_coworkers(l, found);
}

err locate_play(struct locate *l, enum found *found)
{
	return l->vhost->cluster.mode == MODE_REMOTE ? locate_on_edge(l, found)
						     : locate_on_origin(l, found);
}

static bool is_to_be_had(struct locate *l)
{
	const struct conf_cluster *cluster = &l->vhost->cluster;
	struct coworker_answer answer;
	if (cluster->mode == MODE_REMOTE || !cluster->origin_cluster ||
	    cluster->on_miss == MISS_REDIRECT || l->viewer->pull)
		return false;
	err e = coworker_find(l->server->cluster, l->vhost, l->target, COWORKER_KEPT,
			      l->viewer->peer, &answer);
	if (source_is_published(l->source))
		return e != ERR_STOPPED;
	if (e || !must_relay(l, &answer))
		return false;
	pulls_attach(l->server->cluster, l->source, l->vhost, PULL_FROM_COWORKERS, l->viewer);
	return l->viewer->pull != NULL;
}

/* One for whom the stream would be relayed need not go to where it is now. */
bool locate_again(struct locate *l, struct consumer *consumer)
{
	if (!is_to_be_had(l))
		return false;
	log_info("%s has ended here, and goes on from where it is now", l->source->key);
	consumer_stay(consumer);
	return true;
}
