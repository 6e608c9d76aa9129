/* list - ",a,b": lists of servers as servers pass them to each other. Layer: codec.
 * Each item stands behind a comma; what comes from others may be anything. NULL is an empty list. */
#pragma once
#include "base/buf.h"
#include <stdbool.h>
#include <stddef.h>

/* Of what a server says of itself when it connects: it sends no longer list or text, and takes none. */
enum { RELAY_LIST_MAX = 4096 };

/* As a whole: ",ab" does not have "a". */
bool list_has(const char *list, const char *item);
/* Each item of the other list. */
bool list_has_all(const char *list, const char *items);
int list_count(const char *list);
/* Puts the item behind it, unless it does not fit into cap bytes: then the list stays as it is. */
void list_add(char *list, size_t cap, const char *item);
/* Puts those items behind it that it does not have. */
void list_merge(struct buf *list, const char *items);
