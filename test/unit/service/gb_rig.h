/* gb_rig - a test server that cameras register at, one camera, and its media. Layer: test. */
#pragma once
#include "base/mem.h"
#include "service/gb_call.h"
#include "service/gb_external.h"
#include "service/gb_handover.h"
#include "service/gb_hub.h"
#include "service/gb_media.h"
#include "support/co_unit.h"
#include "support/gb_camera.h"
#include "support/pair.h"
#include "support/test_server.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct server *server;
static struct gb_camera camera;
static struct pair line;
static int sip_port;
static struct making making;

/* ---- around a test ---- */

static inline struct udp *open_udp(void)
{
	struct udp *udp;
	struct udp_opts at = {.at = {.host = "127.0.0.1"}, .what = "test"};
	assert_int_equal(udp_open(&udp, &at), OK);
	return udp;
}

/* Of two values of a directive the first counts: what a test says comes first. */
static inline void begin(const char *media, const char *sip)
{
	char *conf = mem_printf(
		"stream_caster { enabled on; %s sip { %s timeout 5; reinvite 0.2; idle 0.3; } }\n"
		"vhost __defaultVhost__ { }",
		media, sip);
	server = test_server_new(conf);
	free(conf);
	gb_hub_init(server);
	struct udp *udp = open_udp();
	sip_port = udp_port(udp);
	assert_int_equal(gb_hub_listen_sip(server->gb, &udp), OK);
	gb_camera_open(&camera, GB_CAMERA, sip_port);
}

static inline int setup(void **state)
{
	memset(&line, 0, sizeof(line));
	memset(&making, 0, sizeof(making));
	return co_setup(state);
}

static inline int teardown(void **state)
{
	pair_close(&line);
	if (server) {
		maker_leave(&server->maker, &making);
		gb_hub_stop(server);
		co_group_stop(&server->sessions);
		co_group_stop(&server->services);
		gb_hub_unlisten_sip(server->gb, sip_port);
		gb_camera_close(&camera);
		gb_hub_free(server);
		assert_int_equal(server->places.count, 0);
		test_server_free(&server);
	}
	return co_teardown(state);
}

/* ---- what a camera does ---- */

static inline uint32_t ssrc_of_invite(void)
{
	char body[2048];
	snprintf(body, sizeof(body), "%.*s", (int)camera.m.body.n, (const char *)camera.m.body.p);
	const char *at = strstr(body, "\r\ny=");
	assert_non_null(at);
	return (uint32_t)strtoul(at + 4, NULL, 10);
}

static inline uint32_t await_invite(void)
{
	assert_true(gb_camera_await(&camera, "INVITE", 3000));
	return ssrc_of_invite();
}

static inline size_t put_rtp(uint8_t *out, uint32_t ssrc, uint16_t seq, const uint8_t *payload,
			     size_t n)
{
	memset(out, 0, 12);
	out[0] = 0x80;
	out[1] = 96;
	be_put(out + 2, seq, 2);
	be_put(out + 4, seq * 3600u, 4);
	be_put(out + 8, ssrc, 4);
	memcpy(out + 12, payload, n);
	return n + 12;
}

/* A pack with a key picture. */
static inline size_t put_pack(uint8_t *out, unsigned n)
{
	static const uint8_t head[] = {0, 0, 1, 0xBA, 0x44, 0, 4, 0, 4, 1, 0, 0, 3, 0xF8},
			     units[] = {0,    0,    0,    1,    0x67, 0x42, 0xC0, 0x1E,
					0xDA, 0x01, 0x40, 0x16, 0xE9, 0x00, 0x00, 0x03,
					0x9C, 0,    0,    0,    1,    0x68, 0xCE, 0,
					0,    0,    1,    0x65, 0x88, 0x84, 0x0A};
	uint8_t *at = out;
	uint32_t pts = n * 3600;
	memcpy(at, head, sizeof(head));
	at += sizeof(head);
	const uint8_t pes[] = {0,
			       0,
			       1,
			       0xE0,
			       0,
			       (uint8_t)(8 + sizeof(units)),
			       0x80,
			       0x80,
			       5,
			       0x21,
			       (uint8_t)(pts >> 22),
			       (uint8_t)(pts >> 14 | 1),
			       (uint8_t)(pts >> 7),
			       (uint8_t)(pts << 1 | 1)};
	memcpy(at, pes, sizeof(pes));
	at += sizeof(pes);
	memcpy(at, units, sizeof(units));
	return (size_t)(at - out) + sizeof(units);
}

static inline void send_packs(uint32_t ssrc, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		uint8_t pack[256], packet[300];
		size_t n = put_rtp(packet + 2, ssrc, (uint16_t)i, pack, put_pack(pack, i));
		be_put(packet, n, 2);
		assert_int_equal(sock_send(line.far, packet, n + 2), OK);
	}
}

static inline void connect_media(void)
{
	assert_int_equal(pair_open(&line, 1000, 2000), OK);
	gb_media_accept(server->gb, line.near);
	line.near = NULL;
}

static inline struct source *source_of(const char *name)
{
	char key[64];
	snprintf(key, sizeof(key), "/live/%s", name);
	return registry_find(&server->registry, key);
}

static inline bool is_live(const char *name)
{
	struct source *s = source_of(name);
	return s && source_is_live(s);
}

static inline enum gb_call_state state_of_call(void)
{
	const struct gb_call *c = gb_call_find(server->gb, GB_CAMERA);
	assert_non_null(c);
	return c->state;
}

/* Called, answered and live, over TCP. */
static inline void go_live(void)
{
	uint32_t ssrc = await_invite();
	gb_camera_answer(&camera, 100, "");
	gb_camera_answer(&camera, 200, "");
	assert_true(gb_camera_await(&camera, "ACK", 3000));
	assert_string_equal(gb_call_state_text(state_of_call()), "answered");
	connect_media();
	send_packs(ssrc, 0, 5);
	wait_until(is_live(GB_CAMERA));
	assert_string_equal(gb_call_state_text(state_of_call()), "live");
}

static const struct conf_vhost *vhost(void)
{
	return conf_vhost_find(server->conf, DEFAULT_VHOST);
}

static inline bool want(void)
{
	making.co = co_self();
	return maker_want(&server->maker, vhost(), "live", GB_CAMERA, &making);
}
