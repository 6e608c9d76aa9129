/* The difference between what is open and what is wanted. A new listener accepts nothing before all
 * of them could be opened, so an error has touched nobody. */
#include "main/listeners.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/listen.h"
#include "net/udp.h"
#include "node/server.h"
#include "service/gb_hub.h"
#include "service/gb_media.h"
#include "service/http_service.h"
#include "service/rtc_hub.h"
#include "service/rtmp_service.h"
#include "service/srt_hub.h"
#include "sip/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct listening {
	struct listening *prev, *next;
	struct endpoint endpoint;
	struct http_port http;     /* of ENDPOINT_HTTP */
	struct listener *listener; /* of TCP */
	struct udp *udp;           /* of UDP, until it is given to its service */
	int port;                  /* of UDP */
	struct timer retry;        /* UDP: another process has the port still */
	struct server *server;     /* likewise */
	bool is_shared;            /* UDP: likewise, and this one has it, too */
	bool is_given;             /* its service has it */
	bool fresh;                /* of the change that is under way */
	bool wanted;               /* by it */
};

enum {
	DATAGRAM_BUFFER = 4 << 20, /* as far as the system allows */
	RETRY_MS = 1000,
};

/* Who takes connections. */
static void fill_service(struct listening *l, struct listen_opts *opts, struct server *server)
{
	struct gb_hub *gb = gb_hub_named(server, l->endpoint.caster);
	static void (*const services[])(void *ctx, struct sock *sock) = {
		[ENDPOINT_RTMP] = rtmp_service_accept, [ENDPOINT_HTTP] = http_service_accept,
		[ENDPOINT_RTC] = rtc_hub_accept,       [ENDPOINT_SIP] = gb_hub_accept_sip,
		[ENDPOINT_GB] = gb_media_accept,
	};
	void *const contexts[] = {
		[ENDPOINT_RTMP] = server, [ENDPOINT_HTTP] = &l->http, [ENDPOINT_RTC] = server->rtc,
		[ENDPOINT_SIP] = gb,      [ENDPOINT_GB] = gb,
	};
	opts->on_accept = services[l->endpoint.protocol];
	opts->ctx = contexts[l->endpoint.protocol];
}

static void fill_opts(struct listening *l, struct listen_opts *opts,
		      const struct listeners *listeners)
{
	const struct endpoint *e = &l->endpoint;
	l->http = (struct http_port){
		.server = listeners->server, .router = listeners->router, .ports = e->http};
	opts->at = e->at;
	opts->reuse_port = e->shared;
	opts->what = endpoint_name(e);
	opts->tls = e->tls ? certs_server(listeners->server->certs, e->certs) : NULL;
	opts->mixed = e->plain;
	fill_service(l, opts, listeners->server);
}

static struct listening *find(const struct listeners *listeners, const struct endpoint *e)
{
	struct listening *l;
	DL_FOREACH (listeners->open, l)
		if (endpoint_same(&l->endpoint, e))
			return l;
	return NULL;
}

/* One that goes and whose address overlaps this one's. */
static struct listener *find_displaced(const struct listeners *listeners, const struct endpoint *e)
{
	struct listening *l;
	DL_FOREACH (listeners->open, l)
		if (!l->wanted && l->endpoint.transport == e->transport &&
		    hostport_clash(&l->endpoint.at, &e->at))
			return l->listener;
	return NULL;
}

static bool is_udp(const struct listening *l)
{
	return l->endpoint.transport == ENDPOINT_UDP;
}

static err rtc_begin(struct server *server, struct listening *l)
{
	rtc_hub_listen(server->rtc, &l->udp);
	return OK;
}

static void rtc_end(struct server *server, const struct listening *l)
{
	rtc_hub_unlisten(server->rtc, l->port);
}

static err srt_begin(struct server *server, struct listening *l)
{
	return srt_hub_listen(server->srt, &l->udp);
}

static void srt_end(struct server *server, const struct listening *l)
{
	srt_hub_unlisten(server->srt, l->port);
}

static err sip_begin(struct server *server, struct listening *l)
{
	return gb_hub_listen_sip(gb_hub_named(server, l->endpoint.caster), &l->udp);
}

static void sip_end(struct server *server, const struct listening *l)
{
	gb_hub_unlisten_sip(gb_hub_named(server, l->endpoint.caster), l->port);
}

static err gb_begin(struct server *server, struct listening *l)
{
	return gb_hub_listen_media(gb_hub_named(server, l->endpoint.caster), &l->udp);
}

static void gb_end(struct server *server, const struct listening *l)
{
	gb_hub_unlisten_media(gb_hub_named(server, l->endpoint.caster), l->port);
}

/* Who takes datagrams. */
static const struct datagrams {
	size_t packet_max; /* of one; 0: what all have */
	/* What it needs can be had; before a port is opened, and nothing to be waited for. NULL: nothing. */
	err (*prepare)(void) BLOCKS;
	err (*begin)(struct server *server, struct listening *l);
	void (*end)(struct server *server, const struct listening *l);
} datagrams[] = {
	[ENDPOINT_RTC] = {.begin = rtc_begin, .end = rtc_end},
	[ENDPOINT_SRT] = {.prepare = srt_bridge_start, .begin = srt_begin, .end = srt_end},
	[ENDPOINT_SIP] = {.packet_max = SIP_DATAGRAM_MAX, .begin = sip_begin, .end = sip_end},
	[ENDPOINT_GB] = {.begin = gb_begin, .end = gb_end},
};

static err open_datagrams(struct listening *l, int fd)
{
	const struct datagrams *service = &datagrams[l->endpoint.protocol];
	struct udp_opts opts = {
		.at = l->endpoint.at,
		.reuse_port = l->endpoint.shared,
		.fd = fd,
		.recv_buffer = DATAGRAM_BUFFER,
		.send_buffer = DATAGRAM_BUFFER,
		.packet_max = service->packet_max,
		.what = endpoint_name(&l->endpoint),
	};
	TRY(udp_open(&l->udp, &opts));
	l->port = udp_port(l->udp);
	return OK;
}

static void hand_over(struct server *server, struct listening *l)
{
	err e = datagrams[l->endpoint.protocol].begin(server, l);
	if (e)
		log_error("%s: %s", endpoint_name(&l->endpoint), err_trail(e));
	else if (l->is_shared)
		rtc_hub_read(server->rtc, false);
}

/* The process before this one serves its peers to their end, and its port with them. */
static void on_retry(struct timer *timer)
{
	struct listening *l = container_of(timer, struct listening, retry);
	if (open_datagrams(l, 0) != OK) {
		timer_set(timer, clock_after(RETRY_MS));
		return;
	}
	log_info("listening: %s, which the process before has left", endpoint_name(&l->endpoint));
	hand_over(l->server, l);
}

static void give_datagrams(struct server *server, struct listening *l)
{
	if (l->udp) {
		hand_over(server, l);
		return;
	}
	l->server = server;
	l->retry.fn = on_retry;
	timer_set(&l->retry, clock_after(RETRY_MS));
}

/* The service has its ports from here on, and has them no more. */
static void give(const struct listeners *listeners, struct listening *l)
{
	if (is_udp(l))
		give_datagrams(listeners->server, l);
	else
		listener_start(l->listener);
	if (l->endpoint.protocol == ENDPOINT_RTC && !is_udp(l))
		listeners->server->rtc->tcp_port = l->endpoint.at.port;
	l->is_given = true;
}

static void take_back(const struct listeners *listeners, struct listening *l)
{
	struct rtc_hub *rtc = listeners->server->rtc;
	if (is_udp(l) && l->is_given && l->port)
		datagrams[l->endpoint.protocol].end(listeners->server, l);
	else if (l->endpoint.protocol == ENDPOINT_RTC && rtc->tcp_port == l->endpoint.at.port)
		rtc->tcp_port = 0;
}

static void drop(struct listeners *listeners, struct listening *l)
{
	DL_DELETE(listeners->open, l);
	take_back(listeners, l);
	if (l->listener)
		listener_close(&l->listener);
	timer_cancel(&l->retry);
	udp_close(&l->udp);
	free(l);
}

static err open_connections(struct listeners *listeners, struct listening *l,
			    struct inherit *inherit)
{
	struct listen_opts opts = {.fd = inherit ? inherit_take(inherit, &l->endpoint) : 0};
	fill_opts(l, &opts, listeners);
	opts.displaces = find_displaced(listeners, &l->endpoint);
	return listener_open(&l->listener, &opts);
}

/* After an upgrade in place the former process may have the port still: then that is waited for. */
static err open_or_wait(struct listening *l, struct inherit *inherit)
{
	const struct datagrams *service = &datagrams[l->endpoint.protocol];
	bool may_wait = inherit && inherit->count > 0;
	if (service->prepare)
		TRY(service->prepare());
	int fd = inherit ? inherit_take(inherit, &l->endpoint) : 0;
	l->is_shared = fd > 0 && fd == inherit->shared;
	err e = open_datagrams(l, fd);
	if (!e || !may_wait)
		return e;
	log_warn("%s; it is tried again until the port is free", err_trail(e));
	return OK;
}

static err open_one(struct listeners *listeners, const struct endpoint *e, struct inherit *inherit)
{
	struct listening *l = mem_new(struct listening);
	l->endpoint = *e;
	l->fresh = l->wanted = true;
	err code = is_udp(l) ? open_or_wait(l, inherit) : open_connections(listeners, l, inherit);
	if (code) {
		free(l);
		return err_add(code, "%s", e->directive);
	}
	DL_APPEND(listeners->open, l);
	return OK;
}

static void mark(struct listeners *listeners, const struct endpoints *want)
{
	struct listening *l;
	DL_FOREACH (listeners->open, l)
		l->fresh = l->wanted = false;
	for (int i = 0; i < want->count; i++)
		if ((l = find(listeners, &want->v[i])))
			l->wanted = true;
}

static err open_missing(struct listeners *listeners, const struct endpoints *want,
			struct inherit *inherit)
{
	for (int i = 0; i < want->count; i++)
		if (!find(listeners, &want->v[i]))
			TRY(open_one(listeners, &want->v[i], inherit));
	return OK;
}

static void drop_fresh(struct listeners *listeners)
{
	struct listening *l, *next;
	DL_FOREACH_SAFE (listeners->open, l, next)
		if (l->fresh)
			drop(listeners, l);
}

static void log_change(const char *what, const struct endpoint *e)
{
	char text[HOST_MAX + 8];
	if (*e->at.host)
		hostport_text(text, &e->at);
	else
		snprintf(text, sizeof(text), "port %d", e->at.port);
	log_info("%s %s on %s", what, endpoint_name(e), text);
}

/* What is open keeps its sharing: that is decided when an address is bound. */
static void take_over(struct listeners *listeners, struct listening *l, const struct endpoint *e)
{
	struct listen_opts opts = {0};
	bool shared = l->endpoint.shared;
	bool moves = is_udp(l) && strcmp(l->endpoint.caster, e->caster) != 0;
	if (moves)
		take_back(listeners, l);
	l->endpoint = *e;
	l->endpoint.shared = shared;
	if (moves && open_datagrams(l, 0) != OK)
		log_warn("%s: its port is not free for another stream_caster yet",
			 endpoint_name(e));
	if (moves)
		give_datagrams(listeners->server, l);
	if (is_udp(l))
		return;
	fill_opts(l, &opts, listeners);
	listener_update(l->listener, &opts);
}

static void commit(struct listeners *listeners, const struct endpoints *want)
{
	struct listening *l, *next;
	for (int i = 0; i < want->count; i++) {
		l = find(listeners, &want->v[i]);
		if (!l->fresh)
			take_over(listeners, l, &want->v[i]);
	}
	DL_FOREACH_SAFE (listeners->open, l, next) {
		if (l->fresh) {
			if (l->listener || l->udp)
				log_change("listening:", &l->endpoint);
			give(listeners, l);
		} else if (!l->wanted) {
			log_change("no longer listening:", &l->endpoint);
			drop(listeners, l);
		}
	}
}

err listeners_apply(struct listeners *listeners, const struct endpoints *want,
		    struct inherit *inherit)
{
	mark(listeners, want);
	err e = open_missing(listeners, want, inherit);
	if (e) {
		drop_fresh(listeners);
		return e;
	}
	commit(listeners, want);
	return OK;
}

/* Without the numbers packets would be spread over both processes: then the port is waited for, as ever. */
static err join(struct listening *l, const struct steer_range *numbers)
{
	bool shared = l->endpoint.shared;
	l->endpoint.shared = true;
	err e = open_datagrams(l, 0);
	l->endpoint.shared = shared;
	TRY(e);
	e = steer_begin(udp_fd(l->udp), SRT_NUMBER_AT, numbers);
	if (e)
		udp_close(&l->udp);
	return e;
}

void listeners_share_srt(struct listeners *listeners, const struct steer_range *numbers)
{
	struct listening *l;
	DL_FOREACH (listeners->open, l) {
		if (l->endpoint.protocol != ENDPOINT_SRT || !l->retry.armed)
			continue;
		err e = join(l, numbers);
		if (e) {
			log_warn("%s; it is tried again until the port is free", err_trail(e));
			continue;
		}
		timer_cancel(&l->retry);
		log_change("listening, beside the process before:", &l->endpoint);
		hand_over(l->server, l);
	}
}

void listeners_retry(struct listeners *listeners)
{
	struct listening *l;
	DL_FOREACH (listeners->open, l) {
		if (!l->retry.armed)
			continue;
		timer_cancel(&l->retry);
		on_retry(&l->retry);
	}
}

void listeners_close_tcp(struct listeners *listeners)
{
	struct listening *l, *next;
	DL_FOREACH_SAFE (listeners->open, l, next)
		if (!is_udp(l))
			drop(listeners, l);
}

void listeners_close(struct listeners *listeners)
{
	while (listeners->open)
		drop(listeners, listeners->open);
}

int listeners_fds(const struct listeners *listeners, int *fds, int most)
{
	const struct listening *l;
	int n = 0;
	DL_FOREACH (listeners->open, l)
		if (n < most && l->listener)
			fds[n++] = listener_fd(l->listener);
	return n;
}
