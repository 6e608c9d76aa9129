/* source_rig - one source, feeders that note what they lose, and receivers that read FLV. */
#pragma once
#include "base/mem.h"
#include "live/registry.h"
#include "live/wire.h"
#include "support/fake_time.h"
#include "support/unit.h"
#include "unit/live/receiver.h"

#include <stdlib.h>
#include <sys/uio.h>

static struct source *source;
static struct source_keeper keeper;
static struct feeder feeder, other, pull;
static struct source_opts opts;
static int lost, freed;

static inline void on_lost(struct feeder *f)
{
	(void)f;
	lost++;
}

static inline void on_free(struct source_keeper *k, struct source *s)
{
	(void)k;
	(void)s;
	freed++;
}

static inline void make(void)
{
	source = source_new("k", "v", "a", "s", &opts);
	keeper = (struct source_keeper){.on_free = on_free};
	source->keeper = &keeper;
}

static inline int setup(void **state)
{
	(void)state;
	opts = (struct source_opts){
		.chunk_size = 4096, .gop_cache = true, .backlog_ms = 30000, .notify_end = true};
	feeder = (struct feeder){.kind = FEEDER_PUBLISHER, .on_lost = on_lost};
	other = feeder;
	pull = (struct feeder){.kind = FEEDER_RELAY, .on_lost = on_lost};
	lost = freed = 0;
	fake_time_begin();
	return co_init() == OK ? 0 : -1;
}

static inline int teardown(void **state)
{
	(void)state;
	if (source)
		source_unref(&source);
	co_fini();
	fake_time_end();
	return msg_live() ? -1 : 0;
}

static inline void pub(struct msg *m, uint32_t raw)
{
	source_publish(source, source->feeder, &m, raw);
	assert_null(m);
}

static inline void join(struct receiver *c)
{
	receiver_join(c, source, &wire_flv, CONSUMER_PLAYER);
}

static inline bool has_ended(const struct receiver *c)
{
	return consumer_ended(&c->member);
}

static inline const char *late_joiner_reads(void)
{
	struct receiver c;
	join(&c);
	const char *text = receiver_reads(&c);
	receiver_leave(&c);
	return text;
}

static inline void announce(uint8_t what)
{
	pub(metadata(what), 0);
	pub(aac_header(what), 0);
	pub(avc_header(what), 0);
}

/* A stream with its headers and one key frame, and a player of it. */
static inline void watch_from_a_key_frame(struct receiver *player)
{
	make();
	source_begin(source, &feeder);
	announce('1');
	pub(key_frame(500), 0);
	join(player);
}
