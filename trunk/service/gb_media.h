/* gb_media - the lines by which cameras send: connections that come, connections that are made to them, datagrams.
 * Layer: service. */
#pragma once
#include "net/udp.h"
#include "service/gb_stream.h"

/* A connection to the media port; for listen_opts.on_accept. */
void gb_media_accept(void *hub, struct sock *sock);
/* Fetches the stream from there, on a coroutine of its own. The stream's owner hears when it has begun, and when the
 * device does not take the connection. */
void gb_media_connect(struct gb_stream *stream, const struct addr *to, int64_t timeout_ms);

/* Datagrams at that socket, which is taken. */
struct gb_port;
struct gb_port *gb_port_new(struct gb_hub *hub, struct udp **udp);
void gb_port_free(struct gb_port **port) BLOCKS;
int gb_port_number(const struct gb_port *port);
