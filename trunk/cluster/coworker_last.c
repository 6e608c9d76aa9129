#include "cluster/coworker_last.h"
#include "base/map.h"
#include "base/mem.h"

#include <stdlib.h>

struct coworker_last {
	struct map *by_key; /* stream key -> text; the one found longest ago comes first */
};

struct coworker_last *coworker_last_new(void)
{
	struct coworker_last *last = mem_new(struct coworker_last);
	last->by_key = map_new();
	return last;
}

void coworker_last_free(struct coworker_last **last)
{
	if (*last)
		map_free_values(&(*last)->by_key);
	free(*last);
	*last = NULL;
}

const char *coworker_last_get(const struct coworker_last *last, const char *key)
{
	return map_get(last->by_key, key);
}

void coworker_last_forget(struct coworker_last *last, const char *key)
{
	free(map_remove(last->by_key, key));
}

void coworker_last_set(struct coworker_last *last, const char *key, const char *api)
{
	coworker_last_forget(last, key);
	if (map_count(last->by_key) >= COWORKER_LAST_MAX) {
		struct map_iter oldest = map_begin(last->by_key);
		if (map_next(&oldest))
			coworker_last_forget(last, oldest.key);
	}
	map_set(last->by_key, key, mem_strdup(api));
}
