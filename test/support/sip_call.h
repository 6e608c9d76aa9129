/* sip_call - a peer that has registered, around tests of requests that are sent to it. Layer: test. */
#pragma once
#include "sip/endpoint.h"
#include "support/co_unit.h"
#include "support/sip_rig.h"
#include "support/unit.h"

#include <stdio.h>

enum { SOON_MS = 100, NOT_MS = 90000 };

static struct sip_peer *peer;

/* A peer that has registered. */
static inline void meet(enum sip_transport transport)
{
	peer = sip_peer_new(transport);
	rig.accepts = true;
	sip_peer_ask(peer, "REGISTER", "z9hG4bK1");
	assert_true(sip_peer_get(peer, SOON_MS));
}

static inline int setup_udp(void **state)
{
	int rc = sip_rig_setup_fake_time(state);
	meet(SIP_UDP);
	return rc;
}

static inline int setup_tcp(void **state)
{
	int rc = sip_rig_setup_fake_time(state);
	meet(SIP_TCP);
	return rc;
}

static inline int teardown(void **state)
{
	sip_peer_free(&peer);
	return sip_rig_teardown(state);
}

static inline const char *text(void)
{
	return (const char *)peer->text;
}

static inline bool is_method(const char *method)
{
	return peer->message.is_request && span_is(peer->message.method_name, method);
}

static inline void get(const char *method)
{
	if (!sip_peer_get(peer, SOON_MS) || !is_method(method))
		fail_msg("no %s but %.20s", method, text());
}

/* Nothing comes until time is over. */
static inline void get_nothing(void)
{
	if (sip_peer_get(peer, NOT_MS))
		fail_msg("%.40s", text());
}

/* When the same request comes, in milliseconds from its first one. */
static inline void get_times(const int *times, int count)
{
	int64_t begin = peer->at_ms;
	for (int i = 0; i < count; i++) {
		assert_true(sip_peer_get(peer, NOT_MS));
		assert_int_equal(peer->at_ms - begin, times[i]);
	}
}

static inline int64_t now_and(int64_t ms)
{
	return clock_ms() + ms;
}
