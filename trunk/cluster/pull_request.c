/* The request of a pull. It is made of the words of one viewer, and viewers come and go. */
#include "base/mem.h"
#include "cluster/inside.h"
#include "cluster/pull.h"
#include "codec/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

void pull_forget_request(struct pull *p)
{
	struct pull_request *r = &p->request;
	target_fini(&r->target);
	free(r->page_url);
	free(r->swf_url);
	free(r->path);
	free(r->via);
	*r = (struct pull_request){0};
}

/* Unverified words are used only as long as nobody else waits: the servers that they name could leave
 * no room for those of others. */
static const struct viewer *first_viewer(const struct pull *p)
{
	const struct viewer *v;
	DL_FOREACH (p->viewers, v)
		if (!v->path_unverified)
			return v;
	return p->viewers;
}

static bool counts(const struct pull *p, const struct viewer *v)
{
	return p->request.path_unverified || !v->path_unverified;
}

/* By the fewest servers: how far others say they have come is no reason to refuse that one. */
static const char *shortest_path(const struct pull *p)
{
	const char *path = NULL;
	const struct viewer *v;
	DL_FOREACH (p->viewers, v)
		if (counts(p, v) && (!path || list_count(v->path) < list_count(path)))
			path = v->path;
	return path;
}

/* The servers that wait for this pull, each once. */
static char *all_who_wait(const struct pull *p)
{
	struct buf via = {.max = RELAY_LIST_MAX};
	const struct viewer *v;
	buf_printf(&via, "%s", "");
	DL_FOREACH (p->viewers, v) {
		if (!counts(p, v))
			continue;
		list_merge(&via, v->path);
		list_merge(&via, v->via);
	}
	char *text = mem_strdup(buf_ok(&via) ? buf_text(&via) : "");
	buf_free(&via);
	return text;
}

/* They are copied, since the viewer may leave while the origin is being asked. */
bool pull_take_request(struct pull *p)
{
	const struct viewer *v = first_viewer(p);
	pull_forget_request(p);
	if (!v)
		return false;
	p->request = (struct pull_request){
		.target = target_copy(v->target),
		.page_url = mem_strdup(v->page_url),
		.swf_url = mem_strdup(v->swf_url),
		.http = v->http,
		.path_unverified = v->path_unverified,
	};
	snprintf(p->request.trace, sizeof(p->request.trace), "%s", v->trace ? v->trace : "");
	p->request.path = mem_strdup(shortest_path(p));
	p->request.via = all_who_wait(p);
	p->reask = false;
	return true;
}

const struct link_ops *pull_protocol(const struct pull *p)
{
	const struct conf_cluster *conf = &p->vhost->cluster;
	const struct link_ops *ops = p->from == PULL_FROM_ORIGINS
					     ? link_fetches(conf, p->request.http)
				     : link_sends(conf)->tls ? &link_rtmps
							     : &link_rtmp;
	return cluster_link(p->cluster, ops);
}

struct upstream_request pull_request(const struct pull *p)
{
	const struct pull_request *r = &p->request;
	return (struct upstream_request){
		.server = p->cluster->server,
		.vhost = p->vhost,
		.target = &r->target,
		.page_url = r->page_url,
		.swf_url = r->swf_url,
		.path = r->path,
		.trace = r->trace,
		.via = r->via,
		.redirected = p->redirected,
		.had_ms = p->had_ms,
		.from_coworker = p->from != PULL_FROM_ORIGINS,
		.protocol = pull_protocol(p),
	};
}
