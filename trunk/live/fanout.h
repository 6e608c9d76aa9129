/* fanout - whose send slot it is when a source has something new. Layer: live, used by source.c and
 * consumer.c; the state is embedded in the source, and nobody else's.
 *
 * Sends cost per call, so players are served in batches: each waits at most opts.batch_ms. To keep
 * thousands of sends from falling on one moment, players are spread over groups, and each group
 * has its own point within the period. Without batching, and for relays and pushes, the slot comes
 * after each read that has brought a picture; audio rides along with the next one, unless there
 * are no pictures.
 *
 * While all consumers are batched nobody needs a message before the next slot, so the feeder need
 * not read before it either: the source is *paced*, and each slot begins with the feeder's read. */
#pragma once
#include "base/histogram.h"
#include "co/co.h"

struct consumer;
struct msg;
struct source;

struct fanout_group {
	struct consumer *consumers;
	int count;
	uint64_t seen; /* messages at its last send slot */
};
enum { FANOUT_GROUPS = 32 };

struct fanout {
	struct fanout_group groups[FANOUT_GROUPS];
	struct fanout_group relays;  /* a slot with each picture, before all others */
	struct fanout_group instant; /* players without batching: likewise, behind them */
	int step;                    /* every so many of the groups are in use */
	int phase;                   /* of this source's slots, in groups */
	struct timer tick;
	uint32_t due;       /* the groups whose slot it is */
	bool catching_up;   /* the feeder is to read first */
	bool is_news;       /* for those who are not batched */
	struct timer round; /* goes on with a round over a large instant group */
	struct consumer *round_next;
	bool round_again; /* there is news for those whom this round has served already */
};

void fanout_init(struct source *source);
void fanout_fini(struct source *source);
/* `instant`: served with each picture, even where others are batched. */
void fanout_add(struct source *source, struct consumer *consumer, bool instant);
void fanout_remove(struct source *source, struct consumer *consumer);
/* There is another feeder. */
void fanout_begin(struct source *source);
/* A message was appended. */
void fanout_published(struct source *source, const struct msg *msg, int64_t now_ms);
/* There is something to send that did not come as a message: those who are not batched have a send slot. */
void fanout_now(struct source *source);
/* Everybody, at once: the state has changed. */
void fanout_wake_all(struct source *source);
/* How late send slots have begun, of all sources of the process. */
const struct histogram *fanout_lateness(void);
