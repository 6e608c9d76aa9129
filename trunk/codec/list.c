#include "codec/list.h"

#include <stdio.h>
#include <string.h>

/* The first item behind p, without its comma; NULL at the end. */
static const char *next(const char *p)
{
	p = p ? strchr(p, ',') : NULL;
	return p ? p + 1 : NULL;
}

static bool has(const char *list, const char *item, size_t n)
{
	for (const char *p = next(list); p; p = next(p))
		if (strcspn(p, ",") == n && memcmp(p, item, n) == 0)
			return true;
	return false;
}

bool list_has(const char *list, const char *item)
{
	return has(list, item, strlen(item));
}

bool list_has_all(const char *list, const char *items)
{
	for (const char *p = next(items); p; p = next(p))
		if (!has(list, p, strcspn(p, ",")))
			return false;
	return true;
}

int list_count(const char *list)
{
	int n = 0;
	for (const char *p = next(list); p; p = next(p))
		n++;
	return n;
}

void list_add(char *list, size_t cap, const char *item)
{
	size_t n = strlen(list);
	if (n + strlen(item) + 2 <= cap)
		snprintf(list + n, cap - n, ",%s", item);
}

void list_merge(struct buf *list, const char *items)
{
	for (const char *p = next(items); p; p = next(p)) {
		size_t n = strcspn(p, ",");
		if (!has(buf_text(list), p, n))
			buf_printf(list, ",%.*s", (int)n, p);
	}
}
