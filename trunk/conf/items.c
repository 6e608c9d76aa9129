#include "conf/items.h"
#include "base/mem.h"
#include "conf/value.h"

#include <stdlib.h>
#include <string.h>

static void *at(void *base, size_t offset)
{
	return (char *)base + offset;
}

static const void *at_const(const void *base, size_t offset)
{
	return (const char *)base + offset;
}

int items_count(const void *base, const struct row *row)
{
	int count;
	memcpy(&count, at_const(base, row->items.count), sizeof(count));
	return count;
}

static char *array(const void *base, const struct row *row)
{
	char *v;
	memcpy(&v, at_const(base, row->items.v), sizeof(v));
	return v;
}

void *items_at(void *base, const struct row *row, int i)
{
	return array(base, row) + (size_t)i * row->items.size;
}

const void *items_at_const(const void *base, const struct row *row, int i)
{
	return array(base, row) + (size_t)i * row->items.size;
}

const char *item_name(const void *item)
{
	const char *name;
	memcpy(&name, item, sizeof(name));
	return name;
}

const void *items_find(const void *base, const struct row *row, const char *name)
{
	for (int i = 0; i < items_count(base, row); i++)
		if (strcmp(item_name(items_at_const(base, row, i)), name) == 0)
			return items_at_const(base, row, i);
	return NULL;
}

void *items_add(void *base, const struct row *row, const char *name)
{
	int count = items_count(base, row), room;
	char *v = array(base, row), *own = mem_strdup(name);
	memcpy(&room, at_const(base, row->items.room), sizeof(room));
	if (count == room) {
		room = room ? 2 * room : 4;
		v = mem_realloc(v, (size_t)room * row->items.size);
	}
	void *item = v + (size_t)count++ * row->items.size;
	memset(item, 0, row->items.size);
	memcpy(item, &own, sizeof(own));
	memcpy(at(base, row->items.count), &count, sizeof(count));
	memcpy(at(base, row->items.room), &room, sizeof(room));
	memcpy(at(base, row->items.v), &v, sizeof(v));
	items_default(item, row);
	return item;
}

void items_default(void *base, const struct row *owner)
{
	for (const struct row *row = schema_first(); row; row = schema_next(row))
		if (row_is_value(row) && row_owner(row) == owner)
			value_set_default(base, row);
}

static void free_items(void *base, const struct row *row)
{
	for (int i = 0; i < items_count(base, row); i++) {
		char *name;
		void *item = items_at(base, row, i);
		items_fini(item, row);
		memcpy(&name, item, sizeof(name));
		free(name);
	}
	free(array(base, row));
}

void items_fini(void *base, const struct row *owner)
{
	for (const struct row *row = schema_first(); row; row = schema_next(row)) {
		if (row_owner(row) != owner)
			continue;
		if (row_is_value(row))
			value_fini(base, row);
		else if (row->items.size)
			free_items(base, row);
	}
}
