/* fanout - whose turn it is when a source has something new. Layer: live, used by source.c.
 *
 * Sends cost per call, so players are served in batches: each waits at most opts.batch_ms. To keep
 * thousands of sends from falling on one moment, players are spread over groups, and each group
 * has its own point within the period. Without batching, and for relays and pushes, a turn comes
 * with each picture; audio rides along with the next one, unless there are no pictures.
 *
 * While all consumers are batched nobody needs a message before the next turn, so the feeder need
 * not read before it either: the source is *paced*, and each turn begins with the feeder's. */
#pragma once
#include "live/source.h"

void fanout_init(struct source *source);
void fanout_fini(struct source *source);
void fanout_add(struct source *source, struct consumer *consumer, bool urgent);
void fanout_remove(struct source *source, struct consumer *consumer);
/* There is another feeder. */
void fanout_begin(struct source *source);
/* A message was appended. */
void fanout_published(struct source *source, const struct msg *msg, int64_t now_ms);
/* Everybody, at once: the state has changed. */
void fanout_wake_all(struct source *source);
