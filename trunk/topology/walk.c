#include "topology/walk.h"
#include "base/mem.h"

#include <stdlib.h>

enum { SLICE_WORK = 2048 }; /* one or two milliseconds */

void slice_worked(struct slice *slice, int work)
{
	slice->work += work;
	if (slice->work < SLICE_WORK)
		return;
	slice->work = 0;
	co_yield ();
}

void source_walk_begin(struct source_walk *walk, const struct registry *registry)
{
	*walk = (struct source_walk){
		.v = mem_alloc((map_count(registry->sources) + 1) * sizeof(*walk->v))};
	for (struct map_iter it = map_begin(registry->sources); map_next(&it);)
		walk->v[walk->count++] = source_ref(it.value);
}

/* The one before is let go at once: if it was the last that held the source, this ends here. */
struct source *source_walk_next(struct source_walk *walk)
{
	if (walk->next > 0)
		source_unref(&walk->v[walk->next - 1]);
	return walk->next < walk->count ? walk->v[walk->next++] : NULL;
}

void source_walk_end(struct source_walk *walk)
{
	for (size_t i = 0; i < walk->count; i++)
		source_unref(&walk->v[i]);
	free(walk->v);
	walk->v = NULL;
}
