#include "node/notice.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"

#include <stdlib.h>

enum { NOTICES_MAX = 1024, NOTICE_MS = 60000 };

struct notice {
	int64_t until;
};

struct notices {
	struct map *by_ip;
};

struct notices *notices_new(void)
{
	struct notices *n = mem_new(struct notices);
	n->by_ip = map_new();
	return n;
}

void notices_free(struct notices **notices)
{
	struct notices *n = *notices;
	*notices = NULL;
	if (!n)
		return;
	for (struct map_iter it = map_begin(n->by_ip); map_next(&it);)
		free(it.value);
	map_free(&n->by_ip);
	free(n);
}

static void sweep(struct notices *notices, int64_t now)
{
	for (struct map_iter it = map_begin(notices->by_ip); map_next(&it);) {
		struct notice *n = it.value;
		if (n->until >= now)
			continue;
		map_remove(notices->by_ip, it.key);
		free(n);
	}
}

bool notice_is_due(struct notices *notices, const char *ip)
{
	int64_t now = clock_ms();
	struct notice *n = map_get(notices->by_ip, ip);
	if (n && n->until >= now)
		return false;
	if (!n && map_count(notices->by_ip) >= NOTICES_MAX)
		sweep(notices, now);
	if (!n && map_count(notices->by_ip) >= NOTICES_MAX)
		return false;
	if (!n) {
		n = mem_new(struct notice);
		map_set(notices->by_ip, ip, n);
	}
	n->until = now + NOTICE_MS;
	return true;
}
