#include "main/endpoints.h"
#include "base/mem.h"
#include "service/http_session.h"

#include <stdlib.h>

enum { HTTP_ENDPOINTS = 2 };

static bool shares_ports(const struct conf *conf)
{
	return conf->reuse_port == CONF_ON || (conf->reuse_port == CONF_AUTO && conf_is_edge(conf));
}

bool endpoint_same(const struct endpoint *a, const struct endpoint *b)
{
	return a->transport == b->transport && hostport_covers(&a->at, &b->at) &&
	       hostport_covers(&b->at, &a->at);
}

const char *endpoint_name(const struct endpoint *endpoint)
{
	if (endpoint->protocol == ENDPOINT_RTMP)
		return "RTMP";
	return endpoint->http & HTTP_PORT_FILES ? "HTTP" : "HTTP API";
}

static struct endpoint *find_covering(const struct endpoints *list, const struct endpoint *e)
{
	for (int i = 0; i < list->count; i++)
		if (list->v[i].transport == e->transport && list->v[i].protocol == e->protocol &&
		    hostport_covers(&list->v[i].at, &e->at))
			return &list->v[i];
	return NULL;
}

static void remove_covered(struct endpoints *list, const struct endpoint *by)
{
	int kept = 0;
	for (int i = 0; i < list->count; i++) {
		struct endpoint *e = &list->v[i];
		bool covered = e->transport == by->transport && e->protocol == by->protocol &&
			       hostport_covers(&by->at, &e->at);
		if (!covered)
			list->v[kept++] = *e;
	}
	list->count = kept;
}

/* "listen 1935 [::]:1935" asks twice for what the first one is already, in either order. Two HTTP
 * endpoints at one address are one that serves both. */
static void add(struct endpoints *list, const char *text, struct endpoint e)
{
	if (!hostport_listen(&e.at, text))
		return;
	struct endpoint *there = find_covering(list, &e);
	if (there) {
		there->http |= e.http;
		return;
	}
	remove_covered(list, &e);
	list->v[list->count++] = e;
}

void endpoints_of(struct endpoints *out, const struct conf *conf)
{
	const struct text_list *listen = &conf->listen;
	bool share = shares_ports(conf);
	*out = (struct endpoints){
		.v = mem_alloc(sizeof(*out->v) * (size_t)(listen->count + HTTP_ENDPOINTS))};
	for (int i = 0; i < listen->count; i++)
		add(out, listen->v[i], (struct endpoint){.shared = share, .directive = "listen"});
	if (conf->http_server.enabled)
		add(out, conf->http_server.listen,
		    (struct endpoint){.protocol = ENDPOINT_HTTP,
				      .http = HTTP_PORT_FILES,
				      .directive = "http_server.listen"});
	if (conf->http_api.enabled)
		add(out, conf->http_api.listen,
		    (struct endpoint){.protocol = ENDPOINT_HTTP,
				      .http = HTTP_PORT_API,
				      .directive = "http_api.listen"});
	/* Each process answers for itself: the API is never shared. */
	for (int i = 0; i < out->count; i++)
		if (out->v[i].protocol == ENDPOINT_HTTP)
			out->v[i].shared = share && !(out->v[i].http & HTTP_PORT_API);
}

void endpoints_draining(struct endpoints *out, const struct conf *conf)
{
	int kept = 0;
	endpoints_of(out, conf);
	for (int i = 0; i < out->count; i++)
		if (out->v[i].http & HTTP_PORT_API)
			out->v[kept++] = out->v[i];
	out->count = kept;
	for (int i = 0; i < kept; i++)
		out->v[i].http = HTTP_PORT_API;
}

void endpoints_free(struct endpoints *endpoints)
{
	free(endpoints->v);
	*endpoints = (struct endpoints){0};
}
