#include "live/registry.h"

/* One registry per process: sources that go must find it. */
static struct registry *the_registry;

static void on_source_free(struct source *source)
{
	if (the_registry && the_registry->sources)
		map_remove(the_registry->sources, source->key);
}

void registry_init(struct registry *registry)
{
	registry->sources = map_new();
	the_registry = registry;
}

void registry_fini(struct registry *registry)
{
	map_free(&registry->sources);
	the_registry = NULL;
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
	map_set(registry->sources, key, s);
	return s;
}
