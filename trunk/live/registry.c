#include "live/registry.h"

#include <utlist.h>

static void on_source_free(void *ctx, struct source *source)
{
	struct registry *registry = ctx;
	if (registry->sources)
		map_remove(registry->sources, source->key);
}

void registry_init(struct registry *registry)
{
	registry->sources = map_new();
	registry->observers = NULL;
}

void registry_fini(struct registry *registry)
{
	map_free(&registry->sources);
}

struct source *registry_find(const struct registry *registry, const char *key)
{
	return map_get(registry->sources, key);
}

struct source *registry_get(struct registry *registry, const char *key, const char *vhost,
			    const char *app, const char *stream, const struct source_opts *opts)
{
	struct source *s = registry_find(registry, key);
	if (s)
		return source_ref(s);
	s = source_new(key, vhost, app, stream, opts);
	s->on_free = on_source_free;
	s->on_free_ctx = registry;
	s->observers = &registry->observers;
	map_set(registry->sources, key, s);
	return s;
}

void registry_observe(struct registry *registry, struct source_observer *observer)
{
	DL_APPEND(registry->observers, observer);
	for (struct map_iter it = map_begin(registry->sources); map_next(&it);) {
		struct source *s = it.value;
		if (s->is_on && observer->on_begin)
			observer->on_begin(observer, s, false);
	}
}

void registry_unobserve(struct registry *registry, struct source_observer *observer)
{
	DL_DELETE(registry->observers, observer);
}
