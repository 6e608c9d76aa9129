#include "service/gb_handover.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/gb_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { LINE_MAX_BYTES = 512, PORT_MAX = 65535, EXPIRES_MAX_MS = 86400000 };

static bool speaks_udp(const struct gb_device *d)
{
	return sip_flow_transport(d->flow) == SIP_UDP;
}

static bool is_reached(const struct gb_device *d)
{
	return d->is_online && d->flow && sip_flow_is_open(d->flow);
}

/* ---- the process that is replaced ---- */

/* Calls of such devices, and those whose media comes to a port of UDP, are the next process's to make anew. */
static void mark_handed(struct gb_hub *h)
{
	bool all = h->caster->media == CASTER_UDP;
	struct gb_call *c;
	DL_FOREACH (h->calls, c) {
		const struct gb_device *d = gb_device_find(gb_hub_devices(h), c->device);
		c->is_handed = all || (d && d->flow && speaks_udp(d));
	}
}

static bool is_left(const struct gb_hub *h, const char *device)
{
	const struct gb_call *c;
	DL_FOREACH (h->calls, c)
		if (strcmp(c->device, device) == 0)
			return false;
	return true;
}

static void tell_device(const struct gb_device *d, gb_tell *tell, void *ctx)
{
	char peer[ADDR_TEXT_MAX], local[ADDR_TEXT_MAX], text[LINE_MAX_BYTES];
	int64_t left = d->expires_ms - clock_ms();
	addr_ip(peer, sip_flow_peer(d->flow));
	addr_ip(local, sip_flow_local(d->flow));
	snprintf(text, sizeof(text), "%s %s %d %s %d %lld %s", d->id, peer,
		 addr_port(sip_flow_peer(d->flow)), local, addr_port(sip_flow_local(d->flow)),
		 (long long)(left > 0 ? left : 0), d->call_id);
	tell(ctx, "camera", text);
}

static void give(struct gb_hub *h, gb_tell *tell, void *ctx)
{
	if (!gb_hub_devices(h))
		return;
	mark_handed(h);
	for (struct map_iter it = map_begin(gb_hub_devices(h)->by_id); map_next(&it);) {
		const struct gb_device *d = it.value;
		if (!is_reached(d))
			continue;
		if (speaks_udp(d))
			tell_device(d, tell, ctx);
		else if (is_left(h, d->id))
			sip_flow_close(d->flow);
	}
}

void gb_handover_give(const struct server *server, gb_tell *tell, void *ctx)
{
	struct gb_hub *h;
	DL_FOREACH (server->gb, h)
		give(h, tell, ctx);
}

void gb_handover_end(const struct server *server)
{
	struct gb_hub *h;
	struct gb_call *c;
	DL_FOREACH (server->gb, h)
		DL_FOREACH (h->calls, c)
			if (c->is_handed)
				gb_call_end(c, "another process takes over");
}

void gb_handover_release(struct gb_hub *h, const char *device)
{
	if (h->server->drain.state != DRAIN_HANDED || !gb_hub_devices(h) || !is_left(h, device))
		return;
	const struct gb_device *d = gb_device_find(gb_hub_devices(h), device);
	if (d && is_reached(d))
		sip_flow_close(d->flow);
}

/* ---- the one that takes over ---- */

/* The next word, up to a blank that must be there. */
static bool take_word(const char **at, char out[static ADDR_TEXT_MAX])
{
	size_t n = strcspn(*at, " ");
	if (n == 0 || n >= ADDR_TEXT_MAX || !(*at)[n])
		return false;
	memcpy(out, *at, n);
	out[n] = '\0';
	*at += n + 1;
	return true;
}

/* From 1 to `most`. */
static bool take_number(const char **at, int64_t most, int64_t *out)
{
	char word[ADDR_TEXT_MAX], *end;
	if (!take_word(at, word))
		return false;
	*out = strtoll(word, &end, 10);
	return !*end && *out > 0 && *out <= most;
}

static bool take_address(const char **at, struct addr *out)
{
	char ip[ADDR_TEXT_MAX];
	int64_t port;
	return take_word(at, ip) && take_number(at, PORT_MAX, &port) &&
	       addr_literal(out, ip, (int)port);
}

/* The hub whose port is at `local` adopts the device. */
static void adopt(const struct server *server, const char *id, const char *call_id,
		  const struct addr *peer, const struct addr *local, int64_t left)
{
	struct gb_hub *h;
	DL_FOREACH (server->gb, h) {
		struct sip_flow *flow =
			h->endpoint ? sip_endpoint_flow(h->endpoint, peer, local) : NULL;
		if (!flow)
			continue;
		gb_registrar_adopt(&h->registrar, id, call_id, flow, left);
		sip_flow_unref(&flow);
		return;
	}
}

/* "ID PEER PORT LOCAL PORT MILLISECONDS CALL-ID". */
void gb_handover_take(const struct server *server, const char *text)
{
	char id[ADDR_TEXT_MAX];
	int64_t left;
	struct addr peer, local;
	bool is_good = take_word(&text, id) && gb_is_id(span_str(id)) &&
		       take_address(&text, &peer) && take_address(&text, &local) &&
		       take_number(&text, EXPIRES_MAX_MS, &left);
	if (is_good)
		adopt(server, id, text, &peer, &local, left);
}
