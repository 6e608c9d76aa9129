#include "node/generation.h"

bool generation_has(const struct generation *g, const char *key)
{
	return g->state == GENERATION_THERE && g->keys && map_get(g->keys, key);
}

void generation_note(struct generation *g, const char *key, bool has)
{
	if (!g->keys)
		g->keys = map_new();
	if (has)
		map_set(g->keys, key, g);
	else
		map_remove(g->keys, key);
}

void generation_forget(struct generation *g)
{
	map_free(&g->keys);
	*g = (struct generation){0};
}
