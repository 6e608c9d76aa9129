/* items - the structs of named blocks (vhosts, and what is named inside them), by the table alone. Layer: conf.
 * `base` is the struct of the block that they are in. */
#pragma once
#include "conf/schema.h"

/* A struct conf has the values of the rows that no named block has (`owner` NULL), an item those of its own
 * block. */
void items_default(void *base, const struct row *owner);
/* Releases the values, and the items inside. */
void items_fini(void *base, const struct row *owner);

int items_count(const void *base, const struct row *row);
/* Borrowed until the next one is added. */
void *items_at(void *base, const struct row *row, int i);
const void *items_at_const(const void *base, const struct row *row, int i);
const char *item_name(const void *item);
/* The first of that name; NULL. */
const void *items_find(const void *base, const struct row *row, const char *name);
/* One more, with the defaults of its rows. */
void *items_add(void *base, const struct row *row, const char *name);
