#include "service/gb_hub.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "node/notice.h"
#include "service/gb_call.h"
#include "service/gb_demand.h"
#include "service/gb_external.h"
#include "service/gb_media.h"
#include "sip/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* Cameras behind one router come all at once when their power is back. */
enum { STRANGERS_OF_A_SITE = 256 };

static const struct conf_caster *conf_of(const struct gb_hub *h)
{
	return h->caster;
}

bool gb_hub_is_on(const struct gb_hub *h)
{
	return h->is_there && conf_of(h)->enabled;
}

/* By SIP; a reload may have changed that. */
static bool is_served(const struct gb_hub *h)
{
	return gb_hub_is_on(h) && conf_of(h)->sip.enabled;
}

/* ---- what devices do ---- */

/* By its own id: a device with channels of other ids is called for them when somebody watches. */
static void call_at_once(struct gb_hub *h, struct gb_device *d)
{
	if (conf_of(h)->sip.invite != CASTER_AUTO || h->server->drain.state != DRAIN_OFF ||
	    clock_ms() < d->quiet_until_ms || gb_call_find(h, d->id))
		return;
	(void)gb_call_start(h, d, d->id, d->id, false);
}

static void on_registered(void *ctx, struct gb_device *d, bool is_new_life)
{
	struct gb_hub *h = ctx;
	struct gb_call *c;
	DL_FOREACH (h->calls, c)
		if (strcmp(c->device, d->id) == 0)
			gb_call_registered(c, is_new_life);
	call_at_once(h, d);
}

static void on_left(void *ctx, struct gb_device *d)
{
	struct gb_hub *h = ctx;
	struct gb_call *c;
	DL_FOREACH (h->calls, c)
		if (strcmp(c->device, d->id) == 0)
			gb_call_end(c, "the device is off line");
}

/* The Call-ID says which, whatever a device writes for the tags. Some send it outside of the dialog; in one that is
 * none of ours it is about a call that has ended. */
static void on_bye(void *ctx, struct gb_device *d, const struct sip_message *bye)
{
	struct gb_hub *h = ctx;
	struct gb_call *c;
	bool is_of_all = bye->to.tag.n == 0;
	DL_FOREACH (h->calls, c)
		if (span_is(bye->call_id, c->dialog.call_id))
			is_of_all = false;
	DL_FOREACH (h->calls, c)
		if (strcmp(c->device, d->id) == 0 &&
		    (is_of_all || span_is(bye->call_id, c->dialog.call_id)))
			gb_call_hung_up(c);
}

static const struct gb_registrar_ops registrar_ops = {on_registered, on_left, on_bye};

/* ---- rules ---- */

static const char *password_of(void *ctx, const char *id, bool *listed)
{
	const struct gb_hub *h = ctx;
	const struct text_list *devices = &conf_of(h)->sip.devices;
	size_t n = strlen(id);
	for (int i = 0; i < devices->count; i++) {
		const char *rule = devices->v[i];
		if (strncmp(rule, id, n) != 0 || rule[n] != ' ')
			continue;
		*listed = true;
		return rule + n + 1;
	}
	return NULL;
}

static bool may_log(void *ctx)
{
	const struct gb_hub *h = ctx;
	return notice_rate_take(h->server->notices, NOTICE_SIP);
}

static bool asks_catalog(const struct conf_caster *c)
{
	return c->sip.catalog == CONF_AUTO ? c->sip.invite != CASTER_AUTO
					   : c->sip.catalog == CONF_ON;
}

static struct gb_registrar_opts opts_of(struct gb_hub *h)
{
	const struct conf_caster *c = conf_of(h);
	return (struct gb_registrar_opts){
		.server_id = c->sip.server_id,
		.password = c->sip.password,
		.password_of = password_of,
		.only_listed = c->sip.only_listed,
		.open = c->sip.open,
		.catalog = asks_catalog(c),
		.keepalive_ms = c->sip.keepalive_ms,
		.may_log = may_log,
		.ctx = h,
	};
}

static void end_all(struct gb_hub *h)
{
	struct gb_call *c;
	DL_FOREACH (h->calls, c)
		gb_call_end(c, "it is switched off");
	if (!gb_hub_is_on(h))
		gb_external_end(h, "it is switched off");
	if (h->endpoint)
		gb_registrar_dismiss(&h->registrar, "it is switched off");
}

static void resume(struct gb_hub *h)
{
	for (struct map_iter it = map_begin(h->registrar.devices.by_id); map_next(&it);) {
		struct gb_device *d = it.value;
		if (d->is_online && d->flow && sip_flow_is_open(d->flow))
			call_at_once(h, d);
	}
}

void gb_hub_resume(struct server *server)
{
	struct gb_hub *h;
	DL_FOREACH (server->gb, h)
		if (h->endpoint && is_served(h))
			resume(h);
}

static void configure(struct gb_hub *h, struct conf *conf)
{
	const struct conf_caster *c = conf_caster_named(conf, h->name);
	struct conf *before = h->conf;
	h->is_there = c != NULL;
	if (c) {
		h->conf = conf_ref(conf);
		h->caster = c;
	}
	if (!is_served(h))
		end_all(h);
	if (h->endpoint) {
		struct gb_registrar_opts opts = opts_of(h);
		gb_registrar_configure(&h->registrar, &opts);
	}
	if (c)
		conf_unref(&before);
}

void gb_hub_reload(struct server *server)
{
	struct gb_hub *h;
	DL_FOREACH (server->gb, h)
		configure(h, server->conf);
}

/* ---- SIP ---- */

/* By UDP at that port, or, 0, in any way. */
static bool is_at(const struct gb_call *c, int port)
{
	const struct gb_device *d = gb_device_find(&c->hub->registrar.devices, c->device);
	return !port || (d && d->flow && sip_flow_transport(d->flow) == SIP_UDP &&
			 addr_port(sip_flow_local(d->flow)) == port);
}

enum { GOODBYE_MS = 1000 };

static void hang_up(struct gb_hub *h, int port, const char *why)
{
	struct gb_call *c;
	DL_FOREACH (h->calls, c)
		if (is_at(c, port))
			gb_call_end(c, why);
}

/* While there is a way to say good-bye. */
static void wait_for_goodbyes(struct gb_hub *h, int64_t until) BLOCKS
{
	enum { STEP_MS = 10 };
	struct gb_call *c;
	do {
		DL_FOREACH (h->calls, c)
			if (c->is_over)
				break;
	} while (c && clock_ms() < until && co_sleep(STEP_MS) == OK);
}

static void on_request(void *ctx, struct sip_incoming *in)
{
	struct gb_hub *h = ctx;
	if (is_served(h)) /* connections outlive the port */
		gb_registrar_take(&h->registrar, in);
}

static err begin(struct gb_hub *h)
{
	struct gb_registrar_opts opts = opts_of(h);
	if (h->endpoint)
		return OK;
	TRY(gb_registrar_init(&h->registrar, &registrar_ops, &opts));
	err e = sip_endpoint_new(&h->endpoint, &(struct sip_endpoint_opts){
						       .on_request = on_request,
						       .may_log = may_log,
						       .ctx = h,
						       .agent = SERVER_NAME,
						       .connections_max = GB_DEVICES_MAX,
						       .per_address_max = STRANGERS_OF_A_SITE,
					       });
	if (e)
		gb_registrar_fini(&h->registrar);
	h->registrar.endpoint = h->endpoint;
	return e;
}

err gb_hub_listen_sip(struct gb_hub *h, struct udp **udp)
{
	err e = begin(h);
	if (e) {
		udp_close(udp);
		return e;
	}
	return sip_endpoint_add_udp(h->endpoint, udp);
}

void gb_hub_unlisten_sip(struct gb_hub *h, int port)
{
	if (!h->endpoint)
		return;
	hang_up(h, port, "its SIP port is closed");
	wait_for_goodbyes(h, clock_after(GOODBYE_MS));
	(void)sip_endpoint_remove_udp(h->endpoint, port);
}

/* Cameras and clients share the descriptors that max_connections stands for. */
static bool has_room(const struct gb_hub *h)
{
	return sip_endpoint_counts(h->endpoint)->connections + h->server->places.count <
	       h->server->conf->max_connections;
}

void gb_hub_accept_sip(void *ctx, struct sock *sock)
{
	struct gb_hub *h = ctx;
	if (begin(h) == OK && has_room(h))
		sip_endpoint_accept(h->endpoint, sock);
	else
		sock_close(&sock);
}

struct gb_devices *gb_hub_devices(struct gb_hub *h)
{
	return h->endpoint ? &h->registrar.devices : NULL;
}

/* ---- media ---- */

err gb_hub_listen_media(struct gb_hub *h, struct udp **udp)
{
	gb_port_free(&h->port);
	h->port = gb_port_new(h, udp);
	return OK;
}

void gb_hub_unlisten_media(struct gb_hub *h, int port)
{
	if (h->port && gb_port_number(h->port) == port)
		gb_port_free(&h->port);
}

int gb_hub_media_port(const struct gb_hub *h)
{
	struct hostport at;
	return hostport_listen(&at, conf_of(h)->listen) ? at.port : 0;
}

uint32_t gb_hub_ssrc(const struct gb_hub *h)
{
	enum { TRIES = 64 };
	uint32_t ssrc = 0;
	for (int i = 0; i < TRIES; i++) {
		uint16_t own = 0;
		const struct gb_stream *s;
		(void)sip_random(&own, sizeof(own));
		ssrc = gb_ssrc(conf_of(h)->sip.server_id, own);
		DL_FOREACH (h->streams, s)
			if (s->ssrc == ssrc)
				break;
		if (!s)
			break;
	}
	return ssrc;
}

void gb_hub_address(const struct gb_hub *h, const struct sip_flow *flow,
		    char out[static ADDR_TEXT_MAX])
{
	const char *said = conf_of(h)->sip.candidate;
	const char *value = *said == '$' ? getenv(said + 1) : said;
	if (value && *value && strcmp(value, "*") != 0)
		snprintf(out, ADDR_TEXT_MAX, "%s", value);
	else
		addr_ip(out, sip_flow_local(flow));
}

/* ---- its life ---- */

struct gb_hub *gb_hub_named(const struct server *server, const char *caster)
{
	struct gb_hub *h;
	DL_FOREACH (server->gb, h)
		if (strcmp(h->name, caster) == 0)
			break;
	return h;
}

void gb_hub_prepare(struct server *server, struct conf *conf)
{
	for (int i = 0; i < conf->caster_count; i++) {
		const struct conf_caster *c = conf_caster_named(conf, conf->casters[i].name);
		if (gb_hub_named(server, c->name))
			continue;
		struct gb_hub *h = mem_new(struct gb_hub);
		snprintf(h->name, sizeof(h->name), "%s", c->name);
		h->server = server;
		h->conf = conf_ref(conf);
		h->caster = c;
		h->by_channel = map_new();
		DL_APPEND(server->gb, h);
	}
}

void gb_hub_init(struct server *server)
{
	server->maker = (struct maker){&gb_demand_ops, server};
	gb_hub_prepare(server, server->conf);
	gb_hub_reload(server);
}

void gb_hub_stop(struct server *server)
{
	int64_t until = clock_after(GOODBYE_MS);
	struct gb_hub *h;
	DL_FOREACH (server->gb, h) {
		h->is_ending = true;
		gb_external_end(h, "the server ends");
		hang_up(h, 0, "the server ends");
	}
	DL_FOREACH (server->gb, h)
		wait_for_goodbyes(h, until);
}

static void hub_free(struct gb_hub *h)
{
	gb_port_free(&h->port);
	if (h->endpoint) {
		sip_endpoint_free(&h->endpoint);
		gb_registrar_fini(&h->registrar);
	}
	map_free(&h->by_channel);
	conf_unref(&h->conf);
	free(h);
}

void gb_hub_free(struct server *server)
{
	struct gb_hub *h, *next;
	server->maker = (struct maker){0};
	DL_FOREACH_SAFE (server->gb, h, next) {
		DL_DELETE(server->gb, h);
		hub_free(h);
	}
}
