#include "cluster/push_parts.h"

#include <utlist.h>

void push_show(struct push *p)
{
	struct map *pushes = p->cluster->pushes;
	struct push *list = map_get(pushes, p->source->key);
	if (p->prev)
		DL_DELETE(list, p);
	DL_PREPEND(list, p);
	map_set(pushes, p->source->key, list);
}

void push_hide(struct push *p)
{
	struct map *pushes = p->cluster->pushes;
	struct push *list = map_get(pushes, p->source->key), *other;
	DL_DELETE(list, p);
	if (list)
		map_set(pushes, p->source->key, list);
	else
		map_remove(pushes, p->source->key);
	DL_FOREACH (list, other)
		if (other->co)
			co_wake(other->co);
}

const struct push *push_shown(const struct cluster *cluster, const struct source *source)
{
	return map_get(cluster->pushes, source->key);
}

static bool is_another_leaving(const struct push *p)
{
	const struct push *other;
	DL_FOREACH (push_shown(p->cluster, p->source), other)
		if (other != p && other->is_leaving)
			return true;
	return false;
}

err push_wait_for_former(const struct push *p)
{
	while (is_another_leaving(p) && !p->is_leaving)
		TRY(co_wait(CLOCK_NEVER));
	return OK;
}
