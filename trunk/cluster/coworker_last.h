/* coworker_last - which coworker had a stream when it was last asked for. Layer: cluster.
 * It is asked alone before all others are: in a large cluster that is one question instead of hundreds. What is kept
 * may be wrong at any time, so that it decides nothing but whom to ask first. */
#pragma once

enum { COWORKER_LAST_MAX = 16384 /* streams; the ones found longest ago are forgotten */ };

struct coworker_last;
struct coworker_last *coworker_last_new(void);
/* NULL is fine; clears. */
void coworker_last_free(struct coworker_last **last);
/* Its API as the members have it; NULL: not known. Valid until the next change. */
const char *coworker_last_get(const struct coworker_last *last, const char *key);
void coworker_last_set(struct coworker_last *last, const char *key, const char *api);
void coworker_last_forget(struct coworker_last *last, const char *key);
