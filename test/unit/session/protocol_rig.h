/* protocol_rig - a server with three peers of a protocol of datagrams that is none of its own. */
#pragma once
#include "base/mem.h"
#include "net/listen.h"
#include "rtmp/dialogue.h"
#include "rtmp/handshake.h"
#include "rtmp/server.h"
#include "support/co_unit.h"
#include "support/datagram.h"
#include "support/test_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

static struct server *server;
static struct datagram_peer a, b, viewer;

static inline void forget_peers(void)
{
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	memset(&viewer, 0, sizeof(viewer));
}

static inline int setup(void **state)
{
	forget_peers();
	return co_setup(state);
}

/* For what depends on time alone. */
static inline int setup_fake_time(void **state)
{
	forget_peers();
	return co_setup_fake_time(state);
}

static inline int teardown(void **state)
{
	datagram_stop(&viewer);
	datagram_stop(&a);
	datagram_stop(&b);
	test_server_free(&server);
	return co_teardown(state);
}

static inline void begin(const char *content)
{
	char *conf = test_server_vhost(content);
	server = test_server_new(conf);
	free(conf);
}

static inline struct msg *picture(int64_t ts)
{
	static const uint8_t key[] = {0x12, 0, 0, 0, 0, 1, 2, 3}; /* H.263, a key frame */
	struct msg *m = msg_new(MSG_VIDEO, ts, sizeof(key));
	memcpy(m->payload, key, sizeof(key));
	return m;
}

static inline void publish(struct datagram_peer *peer)
{
	datagram_start(peer, server, "x", true);
	wait_until(peer->is_begun || peer->is_over);
}

/* ---- admission ---- */
