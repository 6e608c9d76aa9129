#include "live/registry.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/media_memory.h"

#include <utlist.h>

enum {
	IDLE_MS = 1000,          /* from one look for memory to give back to the next */
	RELIEF_MS = 50,          /* from one look for memory to the next */
	TELL_MS = 10000,         /* from one line in the log to the next */
	SHRUNK_AT_ONCE = 16,     /* streams */
	SMALL_BYTES = 256 << 10, /* a stream that holds less is no help */
	MARGIN_SHARE = 16,       /* of the maximum: freed beyond need, so that looks are rare */
};

static struct registry *registry_of(struct source_keeper *keeper)
{
	return container_of(keeper, struct registry, keeper);
}

static void on_source_free(struct source_keeper *keeper, struct source *source)
{
	struct registry *registry = registry_of(keeper);
	if (registry->sources)
		map_remove(registry->sources, source->key);
}

/* ---- short of memory ---- */

/* Of those that are fed. */
struct fat {
	struct fat_one {
		struct source *source;
		size_t bytes;
	} v[SHRUNK_AT_ONCE], /* those that hold most, the first one the most */
		worst;       /* of the published ones */
	int count;
};

static void note_fat(struct fat *fat, struct source *s, size_t bytes)
{
	int i = fat->count;
	if (i == SHRUNK_AT_ONCE && bytes <= fat->v[i - 1].bytes)
		return;
	if (i == SHRUNK_AT_ONCE)
		i--;
	else
		fat->count++;
	for (; i > 0 && fat->v[i - 1].bytes < bytes; i--)
		fat->v[i] = fat->v[i - 1];
	fat->v[i] = (struct fat_one){s, bytes};
}

/* Once for all that is to be done: there may be thousands, and a message waits. */
static void look(struct registry *registry, struct fat *fat)
{
	registry->looks++;
	for (struct map_iter it = map_begin(registry->sources); map_next(&it);) {
		struct source *s = it.value;
		size_t bytes = source_bytes(s);
		if (!s->feeder)
			continue;
		if (bytes > SMALL_BYTES)
			note_fat(fat, s, bytes);
		if (bytes > fat->worst.bytes && source_is_published(s))
			fat->worst = (struct fat_one){s, bytes};
	}
}

static void tell(struct registry *registry, const struct source *s, size_t bytes, int64_t now)
{
	if (now < registry->told_ms)
		return;
	registry->told_ms = now + TELL_MS;
	log_warn("media memory is short, %zu of %zu MB (max_memory): %s, which held %zu MB, loses "
		 "its cache",
		 media_memory_used() >> 20, media_memory_max() >> 20, s->key, bytes >> 20);
}

/* The fattest stream loses its cache first. When that is not enough, memory is held by what cannot be
 * taken away (unfinished messages, tails of messages for receivers that do not read): then the feeder
 * that had most must go. */
static void relieve(void *ctx, size_t room)
{
	struct registry *registry = ctx;
	struct fat fat = {.count = 0};
	int64_t now = clock_ms();
	size_t wanted = room + media_memory_max() / MARGIN_SHARE;
	int n = 0;
	if (now < registry->relief_ms)
		return;
	look(registry, &fat);
	for (; n < fat.count && !media_memory_has_room(wanted); n++) {
		tell(registry, fat.v[n].source, fat.v[n].bytes, now);
		source_shrink(fat.v[n].source);
	}
	/* Nothing more is to be had for now, neither is it worth a look for each message. */
	if (!media_memory_has_room(n < SHRUNK_AT_ONCE ? wanted : room))
		registry->relief_ms = now + RELIEF_MS;
	if (fat.worst.source && registry->on_exhausted && media_memory_state() == MEDIA_MEMORY_FULL)
		registry->on_exhausted(registry, fat.worst.source);
}

static void on_tight(struct source_keeper *keeper)
{
	relieve(registry_of(keeper), 0);
}

/* ---- the registry ---- */

static void on_drain(struct timer *timer)
{
	media_memory_drain();
	timer_set(timer, clock_ms() + (media_memory_waiting() ? MEDIA_MEMORY_STEP_MS : IDLE_MS));
}

void registry_serve(struct registry *registry)
{
	timer_set(&registry->drain, clock_ms() + MEDIA_MEMORY_STEP_MS);
}

void registry_init(struct registry *registry)
{
	registry->sources = map_new();
	registry->keeper = (struct source_keeper){.on_free = on_source_free, .on_tight = on_tight};
	registry->drain = (struct timer){.fn = on_drain};
	registry->relief_ms = registry->told_ms = 0;
	registry->looks = 0;
	registry->on_exhausted = NULL;
	media_memory_relief(relieve, registry);
}

void registry_fini(struct registry *registry)
{
	timer_cancel(&registry->drain);
	map_free(&registry->sources);
	media_memory_relief(NULL, NULL);
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
	s->keeper = &registry->keeper;
	map_set(registry->sources, key, s);
	return s;
}

void registry_observe(struct registry *registry, struct source_observer *observer)
{
	DL_APPEND(registry->keeper.observers, observer);
	for (struct map_iter it = map_begin(registry->sources); map_next(&it);) {
		struct source *s = it.value;
		if (s->is_on && observer->on_begin)
			observer->on_begin(observer, s, false);
	}
}

void registry_unobserve(struct registry *registry, struct source_observer *observer)
{
	DL_DELETE(registry->keeper.observers, observer);
}
