#include "sip/flow.h"
#include "base/mem.h"
#include "sip/inside.h"

#include <stdlib.h>

struct sip_flow *sip_flow_new(enum sip_transport transport, const struct addr *peer,
			      const struct addr *local)
{
	struct sip_flow *f = mem_new(struct sip_flow);
	f->refs = 1;
	f->transport = transport;
	f->peer = *peer;
	f->local = *local;
	return f;
}

struct sip_flow *sip_flow_ref(struct sip_flow *flow)
{
	flow->refs++;
	return flow;
}

void sip_flow_unref(struct sip_flow **flow)
{
	struct sip_flow *f = *flow;
	*flow = NULL;
	if (!f || --f->refs > 0)
		return;
	sip_port_unref(&f->port);
	free(f);
}

/* Its socket is closed before the last one lets go. */
void sip_port_unref(struct sip_port **port)
{
	struct sip_port *p = *port;
	*port = NULL;
	if (p && --p->refs == 0)
		free(p);
}

enum sip_transport sip_flow_transport(const struct sip_flow *flow)
{
	return flow->transport;
}

const struct addr *sip_flow_peer(const struct sip_flow *flow)
{
	return &flow->peer;
}

const struct addr *sip_flow_local(const struct sip_flow *flow)
{
	return &flow->local;
}

bool sip_flow_is_open(const struct sip_flow *flow)
{
	return flow->transport == SIP_UDP ? flow->port->udp != NULL : flow->stream != NULL;
}

bool sip_flow_same(const struct sip_flow *a, const struct sip_flow *b)
{
	if (a == b)
		return true;
	return a->transport == SIP_UDP && b->transport == SIP_UDP && a->port == b->port &&
	       addr_same(&a->peer, &b->peer) && addr_same(&a->local, &b->local);
}

bool sip_flow_same_host(const struct sip_flow *a, const struct sip_flow *b)
{
	char one[ADDR_TEXT_MAX], other[ADDR_TEXT_MAX];
	addr_ip(one, &a->peer);
	addr_ip(other, &b->peer);
	return strcmp(one, other) == 0;
}

void sip_flow_accept(struct sip_flow *flow)
{
	if (!flow->is_accepted && flow->stream)
		sip_stream_accept(flow->stream);
	flow->is_accepted = true;
}

bool sip_flow_is_accepted(const struct sip_flow *flow)
{
	return flow->is_accepted;
}

void sip_flow_close(struct sip_flow *flow)
{
	if (flow->stream)
		sip_stream_end(flow->stream);
}

static err send_datagram(struct sip_endpoint *ep, const struct sip_flow *flow, struct span bytes)
{
	int sent = 0;
	struct udp_out out = {.data = bytes, .to = &flow->peer, .from = &flow->local};
	if (!flow->port->udp)
		return err_fail(ERR_CLOSED, "the UDP port is closed");
	if (udp_send(flow->port->udp, &out, 1, &sent) != OK)
		ep->counts.send_failed++;
	return OK;
}

err sip_flow_send(struct sip_endpoint *ep, struct sip_flow *flow, struct span bytes)
{
	err e = ERR_CLOSED;
	if (flow->transport == SIP_UDP)
		e = send_datagram(ep, flow, bytes);
	else if (flow->stream)
		e = sip_stream_send(flow->stream, bytes);
	ep->counts.sent += e == OK;
	ep->counts.send_failed += e != OK;
	return e;
}
