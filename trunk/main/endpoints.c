#include "main/endpoints.h"
#include "base/mem.h"
#include "service/http_session.h"

#include <stdio.h>
#include <stdlib.h>

enum { HTTP_ENDPOINTS = 5, RTC_ENDPOINTS = 2, CASTER_ENDPOINTS = 4 };

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
	bool tls = endpoint->tls && !endpoint->plain;
	if (endpoint->protocol == ENDPOINT_RTMP)
		return tls ? "RTMPS" : "RTMP";
	if (endpoint->protocol == ENDPOINT_RTC)
		return endpoint->transport == ENDPOINT_UDP ? "WebRTC" : "WebRTC over TCP";
	if (endpoint->protocol == ENDPOINT_SRT)
		return "SRT";
	if (endpoint->protocol == ENDPOINT_SIP)
		return "SIP";
	if (endpoint->protocol == ENDPOINT_GB)
		return "GB28181 media";
	if (endpoint->http & HTTP_PORT_FILES)
		return tls ? "HTTPS" : "HTTP";
	if (!(endpoint->http & HTTP_PORT_API))
		return "metrics";
	return tls ? "HTTPS API" : "HTTP API";
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
		if (!covered || e->tls != by->tls || e->plain != by->plain)
			list->v[kept++] = *e;
	}
	list->count = kept;
}

/* "listen 1935 [::]:1935" asks twice for what the first one is already, in either order. Two HTTP
 * endpoints at one address are one that serves both, and so are a plain and an encrypted one. */
static void add(struct endpoints *list, const char *text, struct endpoint e)
{
	if (!hostport_listen(&e.at, text))
		return;
	struct endpoint *there = find_covering(list, &e);
	if (there) {
		if (!there->tls)
			there->certs = e.certs;
		there->http |= e.http;
		there->plain |= e.plain;
		there->tls |= e.tls;
		return;
	}
	remove_covered(list, &e);
	list->v[list->count++] = e;
}

static void add_rtmp(struct endpoints *out, const struct conf *conf, bool share)
{
	for (int i = 0; i < conf->listen.count; i++)
		add(out, conf->listen.v[i],
		    (struct endpoint){.shared = share, .plain = true, .directive = "listen"});
	for (int i = 0; conf->rtmps.enabled && i < conf->rtmps.listen.count; i++)
		add(out, conf->rtmps.listen.v[i],
		    (struct endpoint){.shared = share,
				      .tls = true,
				      .certs = CERTS_RTMPS,
				      .directive = "rtmps.listen"});
}

static bool is_served(const struct conf *conf, unsigned http)
{
	return http == HTTP_PORT_API       ? conf->http_api.enabled
	       : http == HTTP_PORT_METRICS ? conf->exporter.enabled
					   : conf->http_server.enabled;
}

static void add_http(struct endpoints *out, const struct conf *conf)
{
	const struct conf_https *files = &conf->http_server.https, *api = &conf->http_api.https;
	const struct {
		bool enabled;
		const char *listen;
		unsigned http;
		bool tls;
		enum certs_of certs;
		const char *directive;
	} all[HTTP_ENDPOINTS] = {
		{true, conf->http_server.listen, HTTP_PORT_FILES, false, 0, "http_server.listen"},
		{true, conf->http_api.listen, HTTP_PORT_API, false, 0, "http_api.listen"},
		{files->enabled, files->listen, HTTP_PORT_FILES, true, CERTS_HTTP_SERVER,
		 "http_server.https.listen"},
		{true, conf->exporter.listen, HTTP_PORT_METRICS, false, 0, "exporter.listen"},
		{api->enabled, api->listen, HTTP_PORT_API, true, CERTS_HTTP_API,
		 "http_api.https.listen"},
	};
	for (int i = 0; i < HTTP_ENDPOINTS; i++)
		if (all[i].enabled && is_served(conf, all[i].http))
			add(out, all[i].listen,
			    (struct endpoint){.protocol = ENDPOINT_HTTP,
					      .http = all[i].http,
					      .plain = !all[i].tls,
					      .tls = all[i].tls,
					      .certs = all[i].certs,
					      .directive = all[i].directive});
}

/* Each process is told by its own port whose datagrams these are: it is never shared. */
static void add_rtc(struct endpoints *out, const struct conf *conf)
{
	const struct conf_rtc_server *rtc = &conf->rtc_server;
	if (!rtc->enabled)
		return;
	add(out, rtc->listen,
	    (struct endpoint){.transport = ENDPOINT_UDP,
			      .protocol = ENDPOINT_RTC,
			      .plain = true,
			      .directive = "rtc_server.listen"});
	if (rtc->tcp.enabled)
		add(out, rtc->tcp.listen,
		    (struct endpoint){.protocol = ENDPOINT_RTC,
				      .plain = true,
				      .directive = "rtc_server.tcp.listen"});
}

static void add_srt(struct endpoints *out, const struct conf *conf)
{
	const struct conf_srt_server *srt = &conf->srt_server;
	for (int i = 0; srt->enabled && i < srt->listen.count; i++)
		add(out, srt->listen.v[i],
		    (struct endpoint){.transport = ENDPOINT_UDP,
				      .protocol = ENDPOINT_SRT,
				      .plain = true,
				      .directive = "srt_server.listen"});
}

static void add_both(struct endpoints *out, const char *listen, struct endpoint e, bool tcp,
		     bool udp)
{
	e.plain = true;
	if (tcp)
		add(out, listen, e);
	e.transport = ENDPOINT_UDP;
	if (udp)
		add(out, listen, e);
}

/* Devices are bound to the process at which they have registered. */
static void add_caster(struct endpoints *out, const struct conf_caster *c)
{
	struct endpoint media = {.protocol = ENDPOINT_GB, .directive = "stream_caster.listen"};
	struct endpoint sip = {.protocol = ENDPOINT_SIP, .directive = "stream_caster.sip.listen"};
	if (!c->enabled)
		return;
	snprintf(media.caster, sizeof(media.caster), "%s", c->name);
	snprintf(sip.caster, sizeof(sip.caster), "%s", c->name);
	add_both(out, c->listen, media, true, c->media == CASTER_UDP);
	if (c->sip.enabled)
		add_both(out, c->sip.listen, sip, c->sip.transport != SIP_UDP_ALONE,
			 c->sip.transport != SIP_TCP_ALONE);
}

void endpoints_of(struct endpoints *out, const struct conf *conf)
{
	bool share = shares_ports(conf);
	int most = conf->listen.count + conf->rtmps.listen.count + HTTP_ENDPOINTS + RTC_ENDPOINTS +
		   conf->srt_server.listen.count + CASTER_ENDPOINTS * conf->caster_count;
	*out = (struct endpoints){.v = mem_alloc(sizeof(*out->v) * (size_t)most)};
	add_rtmp(out, conf, share);
	add_http(out, conf);
	add_rtc(out, conf);
	add_srt(out, conf);
	for (int i = 0; i < conf->caster_count; i++)
		add_caster(out, &conf->casters[i]);
	/* Each process answers for itself: API and figures are never shared. */
	for (int i = 0; i < out->count; i++)
		if (out->v[i].protocol == ENDPOINT_HTTP)
			out->v[i].shared = share && out->v[i].http == HTTP_PORT_FILES;
}

void endpoints_draining(struct endpoints *out, const struct conf *conf)
{
	int kept = 0;
	endpoints_of(out, conf);
	for (int i = 0; i < out->count; i++)
		if (!out->v[i].shared)
			out->v[kept++] = out->v[i];
	out->count = kept;
}

void endpoints_free(struct endpoints *endpoints)
{
	free(endpoints->v);
	*endpoints = (struct endpoints){0};
}
