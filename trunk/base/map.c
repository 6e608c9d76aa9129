#include "base/map.h"
#include "base/check.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct map_entry {
	UT_hash_handle hh;
	void *value;
	char key[];
};

struct map {
	struct map_entry *head;
};

struct map *map_new(void)
{
	return mem_new(struct map);
}

static void free_all(struct map **map, bool with_values)
{
	if (!*map)
		return;
	struct map_entry *e, *next;
	HASH_ITER (hh, (*map)->head, e, next) {
		HASH_DEL((*map)->head, e);
		if (with_values)
			free(e->value);
		free(e);
	}
	free(*map);
	*map = NULL;
}

void map_free(struct map **map)
{
	free_all(map, false);
}

void map_free_values(struct map **map)
{
	free_all(map, true);
}

static struct map_entry *find(const struct map *map, const char *key)
{
	struct map_entry *e;
	HASH_FIND_STR(map->head, key, e);
	return e;
}

void *map_get(const struct map *map, const char *key)
{
	struct map_entry *e = find(map, key);
	return e ? e->value : NULL;
}

void *map_set(struct map *map, const char *key, void *value)
{
	check(value);
	struct map_entry *e = find(map, key);
	if (e) {
		void *old = e->value;
		e->value = value;
		return old;
	}
	size_t n = strlen(key);
	e = mem_zalloc(sizeof(*e) + n + 1);
	memcpy(e->key, key, n + 1);
	e->value = value;
	HASH_ADD_KEYPTR(hh, map->head, e->key, n, e);
	return NULL;
}

void *map_remove(struct map *map, const char *key)
{
	struct map_entry *e = find(map, key);
	if (!e)
		return NULL;
	void *value = e->value;
	HASH_DEL(map->head, e);
	free(e);
	return value;
}

size_t map_count(const struct map *map)
{
	return HASH_COUNT(map->head);
}

struct map_iter map_begin(const struct map *map)
{
	return (struct map_iter){.next = map->head};
}

int map_next(struct map_iter *it)
{
	struct map_entry *e = it->next;
	if (!e)
		return 0;
	it->key = e->key;
	it->value = e->value;
	it->next = e->hh.next;
	return 1;
}
