/* The cluster as one: /api/v1/clusters/streams, nodes and clients/<id>. */
#include "api/api_route.h"
#include "codec/url.h"
#include "topology/tree.h"
#include "topology/view.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { VIEWS_MAX = 32, VIEWS_PER_HOST = VIEWS_MAX / 4 };

/* A question and the texts it borrows. */
struct asked {
	struct asked *prev, *next;
	char ip[ADDR_TEXT_MAX];
	struct view_query q;
	char *vhost, *app, *stream, *scope, *from, *path;
};

static const struct conf_cluster *cluster_of(const struct api_call *call, const char *vhost)
{
	const struct conf_vhost *v = conf_vhost_find(call->conf, vhost);
	if (!v && call->conf->vhost_count)
		v = &call->conf->vhosts[0];
	return v ? &v->cluster : NULL;
}

static bool is_path(const char *text)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,_-";
	return strspn(text, letters) == strlen(text);
}

/* A stranger may ask for less than the configuration allows, not for more. */
static void read_query(struct asked *a, const struct api_call *call)
{
	*a = (struct asked){
		.vhost = api_query(call, "vhost"),
		.app = api_query(call, "app"),
		.stream = api_query(call, "stream"),
		.scope = api_query(call, "scope"),
		.from = api_query(call, "from"),
		.path = api_query(call, "path"),
	};
	const struct conf_cluster *c = cluster_of(call, *a->vhost ? a->vhost : DEFAULT_VHOST);
	int hops = c ? c->hop_limit : 0, timeout = c ? (int)c->query_timeout_ms : 0;
	if (!is_path(a->path))
		*a->path = '\0';
	a->q = (struct view_query){
		.vhost = a->vhost,
		.app = a->app,
		.stream = a->stream,
		.from = a->from,
		.path = a->path,
		.scope = strcmp(a->scope, "below") == 0   ? VIEW_BELOW
			 : strcmp(a->scope, "roots") == 0 ? VIEW_ROOTS
							  : VIEW_ALL,
		.hops = api_query_int(call, "hops", hops, 0, hops),
		.room = api_query_int(call, "room", 0, 0, INT_MAX),
		.deadline = clock_after(api_query_int(call, "timeout", timeout, 0, timeout)),
	};
}

static void asked_fini(struct asked *a)
{
	free(a->vhost);
	free(a->app);
	free(a->stream);
	free(a->scope);
	free(a->from);
	free(a->path);
}

/* Each question makes others: only so many are answered at a time, and no single asker has all. */
static struct asked *views;

static bool is_busy(const char *ip)
{
	const struct asked *a;
	int all = 0, same = 0;
	DL_FOREACH (views, a) {
		all++;
		same += strcmp(a->ip, ip) == 0;
	}
	return all >= VIEWS_MAX || same >= VIEWS_PER_HOST;
}

static bool begin(struct api_call *call, struct asked *a)
{
	char ip[ADDR_TEXT_MAX];
	addr_ip(ip, call->peer);
	if (is_busy(ip))
		return false;
	read_query(a, call);
	memcpy(a->ip, ip, sizeof(ip));
	DL_APPEND(views, a);
	return true;
}

static void end(struct asked *a)
{
	DL_DELETE(views, a);
	asked_fini(a);
}

enum api_code api_cluster_streams(struct api_call *call)
{
	struct asked a;
	if (!begin(call, &a))
		return API_BUSY;
	view_streams(call->answer, &call->quota, call->server, &a.q);
	end(&a);
	return API_OK;
}

enum api_code api_cluster_nodes(struct api_call *call)
{
	struct asked a;
	if (!begin(call, &a))
		return API_BUSY;
	json_object_set_new(call->answer, "self", tree_self(call->server));
	json_object_set_new(call->answer, "nodes", view_nodes(call->server, a.q.deadline));
	end(&a);
	return API_OK;
}

enum api_code api_cluster_clients(struct api_call *call)
{
	struct asked a;
	char node[SIGN_ID_MAX] = "";
	if (!*call->tail)
		return API_NO_CLIENT;
	if (!begin(call, &a))
		return API_BUSY;
	view_kick(node, call->server, &a.q, call->tail);
	end(&a);
	if (!*node)
		return API_NO_CLIENT;
	json_put_text(call->answer, "client", call->tail);
	json_put_text(call->answer, "node", node);
	return API_OK;
}
