/* flow - the way to a peer: a connection, or an address at one of our UDP ports. Layer: sip.
 *
 * Devices are behind routers: they are answered, and asked, where their last message came from, whatever it says of
 * its sender. Whoever keeps a flow holds a reference; the connection can end meanwhile. */
#pragma once
#include "base/addr.h"
#include "sip/message.h"

struct sip_flow;

struct sip_flow *sip_flow_ref(struct sip_flow *flow);
/* NULL is fine; clears. */
void sip_flow_unref(struct sip_flow **flow);

enum sip_transport sip_flow_transport(const struct sip_flow *flow);
/* The other end, and ours. */
const struct addr *sip_flow_peer(const struct sip_flow *flow);
const struct addr *sip_flow_local(const struct sip_flow *flow);
/* Something can be sent: the connection is there, or the port is. */
bool sip_flow_is_open(const struct sip_flow *flow);
/* The same connection, or the same addresses and ports over UDP. */
bool sip_flow_same(const struct sip_flow *a, const struct sip_flow *b);
/* The peers have one IP address, whatever their ports and transports. */
bool sip_flow_same_host(const struct sip_flow *a, const struct sip_flow *b);

/* The peer is somebody: its connection is no stranger's any more, which has a time limit. Nothing for UDP. */
void sip_flow_accept(struct sip_flow *flow);
bool sip_flow_is_accepted(const struct sip_flow *flow);
/* Ends a connection, after what was sent before. Nothing for UDP. */
void sip_flow_close(struct sip_flow *flow);
