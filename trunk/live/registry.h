/* registry - the sources of this process by key ("[vhost]/app/stream"). Layer: live. */
#pragma once
#include "base/map.h"
#include "live/source.h"

struct registry {
	struct map *sources; /* borrowed sources: an entry goes with its source */
	struct source_observer *observers;
};

void registry_init(struct registry *registry);
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
