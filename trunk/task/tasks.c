#include "task/tasks.h"
#include "base/mem.h"
#include "task/inside.h"

#include <stdlib.h>

static void on_begin(struct source_observer *observer, struct source *source, bool resumed)
{
	(void)resumed;
	stream_programs_settle(container_of(observer, struct tasks, observer), source);
}

static void on_end(struct source_observer *observer, struct source *source)
{
	stream_programs_end(container_of(observer, struct tasks, observer), source);
}

struct tasks *tasks_new(struct server *server)
{
	struct tasks *t = mem_new(struct tasks);
	t->server = server;
	t->wall_ms = clock_wall_ms();
	t->observer.on_begin = on_begin;
	t->observer.on_end = on_end;
	registry_observe(&server->registry, &t->observer);
	return t;
}

void tasks_serve(struct tasks *t)
{
	t->serves = true;
	ingests_settle(t);
}

void tasks_drain(struct tasks *t)
{
	t->serves = false;
	ingests_settle(t);
}

void tasks_reload(struct tasks *t)
{
	for (struct map_iter it = map_begin(t->server->registry.sources); map_next(&it);) {
		struct source *source = it.value;
		if (source->is_on)
			stream_programs_settle(t, source);
	}
	ingests_settle(t);
}

static void end_all(struct tasks *t)
{
	t->is_over = true;
	ingests_settle(t);
	stream_programs_end(t, NULL);
}

void tasks_stop(struct tasks *t)
{
	if (!t)
		return;
	end_all(t);
	children_end(&t->children);
}

void tasks_free(struct tasks **tasks)
{
	struct tasks *t = *tasks;
	*tasks = NULL;
	if (!t)
		return;
	registry_unobserve(&t->server->registry, &t->observer);
	end_all(t);
	free(t);
}

const struct children *tasks_children(const struct tasks *t)
{
	return &t->children;
}
