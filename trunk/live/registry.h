/* registry - the sources of this process by key ("[vhost]/app/stream"), who observes them, and what is
 * done when media memory is short. Layer: live. */
#pragma once
#include "base/map.h"
#include "live/source.h"

struct registry {
	struct source_keeper keeper;
	struct map *sources; /* borrowed sources: an entry goes with its source */
	struct timer drain;  /* memory goes back to the system in steps */
	int64_t relief_ms;   /* monotonic; no relief before */
	uint64_t looks;      /* at all sources, for memory: counted up */
	int64_t told_ms;     /* no line in the log before */
	/* Media memory is full although all caches are gone: the feeder of this source, the one that
	 * has held most, is to end. Must not block, nor end it at once. NULL: nobody ends. */
	void (*on_exhausted)(struct registry *registry, struct source *source);
};

void registry_init(struct registry *registry);
/* Begins to give back freed memory from time to time; needs co_init(). */
void registry_serve(struct registry *registry);
void registry_fini(struct registry *registry);
/* From now on the observer hears of all sources; of streams that are on already it hears at once, as
 * if they began. Borrowed until registry_unobserve(). */
void registry_observe(struct registry *registry, struct source_observer *observer);
void registry_unobserve(struct registry *registry, struct source_observer *observer);
/* The source of that key, made with these options if there is none. One reference. */
struct source *registry_get(struct registry *registry, const char *key, const char *vhost,
			    const char *app, const char *stream, const struct source_opts *opts);
/* Borrowed, or NULL. */
struct source *registry_find(const struct registry *registry, const char *key);
