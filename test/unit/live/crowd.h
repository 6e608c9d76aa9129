/* crowd - a stream with many players, each of which counts what it is woken for. For tests of the fanout. */
#pragma once
#include "base/mem.h"
#include "live/source.h"
#include "support/fake_time.h"
#include "support/unit.h"
#include "unit/live/media.h"

#include <stdlib.h>

enum { PLAYERS_MAX = 5000, MESSAGES_MAX = 20000, SLACK_MS = 2, ROUND_MS = 50 };

struct player {
	struct co *co;
	struct consumer consumer;
	int wakes;
	int order;        /* of its first wake since clear() */
	uint64_t read;    /* messages */
	int64_t worst_ms; /* the longest that one had to wait */
};

static struct player *players;
static int player_count, order;
static struct source *source;
static struct feeder feeder;
static int64_t published_ms[MESSAGES_MAX];

static inline void player_main(void *arg)
{
	struct player *p = arg;
	while (co_wait(CLOCK_NEVER) == OK) {
		uint64_t news = source->log.next;
		if (p->read < news) {
			int64_t waited = clock_ms() - published_ms[p->read];
			p->worst_ms = waited > p->worst_ms ? waited : p->worst_ms;
		}
		p->read = news;
		if (!p->wakes++)
			p->order = order++;
	}
}

static inline int setup(void **state)
{
	(void)state;
	players = mem_zalloc(PLAYERS_MAX * sizeof(*players));
	player_count = order = 0;
	fake_time_begin();
	return co_init() == OK ? 0 : -1;
}

/* One of several messages that have come together. */
static inline void pub_more(struct msg *m)
{
	assert_true(source->log.next < MESSAGES_MAX);
	published_ms[source->log.next] = clock_ms();
	source_publish(source, source->feeder, &m, (uint32_t)clock_ms());
}

static inline void pub(struct msg *m)
{
	pub_more(m);
	source_caught_up(source, &feeder, true);
}

static inline void begin(int64_t batch_ms)
{
	source = source_new("k", "v", "a", "s",
			    &(struct source_opts){.chunk_size = 4096,
						  .gop_cache = true,
						  .backlog_ms = 30000,
						  .batch_ms = batch_ms});
	source_begin(source, &feeder);
	pub(key_frame(50));
}

static inline struct player *join_one(bool relay, void (*on_send_slot)(struct consumer *consumer))
{
	struct player *p = &players[player_count++];
	p->co = co_start("player", player_main, p);
	assert_non_null(p->co);
	p->read = source->log.next;
	consumer_open(&p->consumer, source,
		      &(struct consumer_opts){.kind = relay ? CONSUMER_RELAY : CONSUMER_PLAYER,
					      .co = p->co,
					      .on_send_slot = on_send_slot});
	return p;
}

static inline void join(int count, bool relay)
{
	for (int i = 0; i < count; i++)
		join_one(relay, NULL);
	co_yield ();
}

static inline void leave(struct player *p)
{
	if (!p->co)
		return;
	consumer_close(&p->consumer);
	co_stop(p->co);
	co_join(&p->co);
}

static inline int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < player_count; i++)
		leave(&players[i]);
	source_leave(source, &feeder, 0);
	source_unref(&source);
	co_fini();
	fake_time_end();
	free(players);
	return msg_live() ? -1 : 0;
}

static inline void clear(void)
{
	order = 0;
	for (int i = 0; i < player_count; i++)
		players[i].wakes = 0;
}

static inline void yields(int n)
{
	while (n-- > 0)
		co_yield ();
}

static inline int woken(int from, int to)
{
	int n = 0;
	for (int i = from; i < to; i++)
		n += players[i].wakes > 0;
	return n;
}
