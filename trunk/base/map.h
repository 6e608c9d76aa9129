/* map - text keys to pointers. Layer: base. The one place that uses uthash.
 * Keys are copied, values are borrowed. Entries keep the order in which they were added. */
#pragma once
#include <stddef.h>

struct map;
struct map_iter {
	void *next;
	const char *key; /* borrowed until the entry is removed */
	void *value;
};

struct map *map_new(void);
/* Frees the map and its keys, not the values. NULL is fine; clears the pointer. */
void map_free(struct map **map);
/* The same, and frees the values, which are plain blocks of memory. */
void map_free_values(struct map **map);
/* The value, or NULL. */
void *map_get(const struct map *map, const char *key);
/* Adds or replaces; value must not be NULL. Returns the value that was replaced, or NULL. */
void *map_set(struct map *map, const char *key, void *value);
/* Returns the value that was removed, or NULL. */
void *map_remove(struct map *map, const char *key);
size_t map_count(const struct map *map);

/* for (struct map_iter it = map_begin(m); map_next(&it);) … it.key, it.value
 * The entry that the loop stands on may be removed; nothing else may change meanwhile. */
struct map_iter map_begin(const struct map *map);
int map_next(struct map_iter *it);
