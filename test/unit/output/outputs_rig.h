/* outputs_rig - a server with HLS and recordings, and encoders of its streams; without a network. Layer: test. */
#pragma once
#include "base/mem.h"
#include "codec/media_memory.h"
#include "codec/ts.h"
#include "output/dvr.h"
#include "output/hls.h"
#include "support/co_unit.h"
#include "support/hex.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct server server;
static char folder[64];

static inline void begin(const char *vhost)
{
	struct conf_report report;
	char *text = mem_printf("listen 1935;\nvhost __defaultVhost__ { %s }\n", vhost);
	conf_report_init(&report);
	server = (struct server){.server_id = (char *)(uintptr_t) "vid-test",
				 .service_id = "testtest"};
	assert_int_equal(conf_load_text(&server.conf, "t.conf", text, &report), OK);
	conf_report_fini(&report);
	registry_init(&server.registry);
	free(text);
}

static inline void end(void)
{
	co_group_stop(&server.services);
}

static inline void end_registry(void)
{
	registry_fini(&server.registry);
	conf_unref(&server.conf);
}

/* ---- a publisher ---- */

struct encoder {
	struct feeder feeder;
	struct source *source;
};

static inline void lost(struct feeder *feeder)
{
	(void)feeder;
}

static inline void publish(struct encoder *e, enum msg_type type, const char *hex, size_t more,
			   uint32_t ts)
{
	struct span s = hex_bytes(hex);
	struct msg *m = msg_new(type, 0, s.n + more);
	memcpy(m->payload, s.p, s.n);
	memset(m->payload + s.n, 0x55, more);
	source_publish(e->source, &e->feeder, &m, ts);
	hex_free(s);
}

static inline void encoder_begin(struct encoder *e, const char *name)
{
	static const struct source_opts opts = {
		.chunk_size = 4096, .gop_cache = true, .backlog_ms = 30000};
	char *key = mem_printf("/live/%s", name);
	*e = (struct encoder){.feeder = {.kind = FEEDER_PUBLISHER, .on_lost = lost}};
	e->source = registry_get(&server.registry, key, "__defaultVhost__", "live", name, &opts);
	assert_true(source_begin(e->source, &e->feeder));
	publish(e, MSG_VIDEO, "17 00 000000 01 42C01E FF E1 0004 6742C01E 01 0001 68", 0, 0);
	publish(e, MSG_AUDIO, "AF 00 1210", 0, 0);
	free(key);
}

static inline void turn(void)
{
	for (int i = 0; i < 20; i++)
		(void)co_sleep(1);
}

/* Pictures and sound of each 40 ms; a key frame each second. */
static inline void encoder_run(struct encoder *e, uint32_t from, uint32_t to)
{
	for (uint32_t t = from; t < to; t += 40) {
		bool is_key = t % 1000 == 0;
		publish(e, MSG_VIDEO,
			is_key ? "17 01 000000 00000065 65" : "27 01 000000 00000065 41", 100, t);
		publish(e, MSG_AUDIO, "AF 01 21", 50, t + 10);
		if (is_key)
			turn();
	}
	source_caught_up(e->source, &e->feeder, true);
	turn();
}

static inline void encoder_end(struct encoder *e)
{
	source_leave(e->source, &e->feeder, 0);
	turn();
	source_unref(&e->source);
}

static inline unsigned count(const char *text, const char *what)
{
	unsigned n = 0;
	for (const char *p = text; (p = strstr(p, what)); p++)
		n++;
	return n;
}

static char *list_text(const struct hls *hls, const char *path)
{
	const struct hls_item *item = hls_find(hls, "__defaultVhost__", path);
	return item ? mem_strndup((const char *)item->blob->p, item->blob->n) : mem_strdup("");
}
