/* Addresses are a stranger's choice only as far as checks from them were authentic, so the hash needs no
 * secret. */
#include "rtc/path_table.h"
#include "base/mem.h"

#include <stdlib.h>

enum { FIRST_ROOM = 64 };

struct path_entry {
	struct path_entry *next;
	struct rtc_path path;
	struct rtc_link *link;
};

/* FNV-1a (no secret, see above). */
static uint64_t hash_bytes(uint64_t h, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ ((const uint8_t *)p)[i]) * 0x100000001b3u;
	return h;
}

static uint64_t hash_addr(uint64_t h, const struct addr *a)
{
	if (a->sa.ss_family == AF_INET6)
		return hash_bytes(h, &a->sa.v6.sin6_addr, sizeof(a->sa.v6.sin6_addr));
	return hash_bytes(h, &a->sa.v4.sin_addr, sizeof(a->sa.v4.sin_addr));
}

static struct path_entry **bucket(const struct path_table *t, const struct rtc_path *path)
{
	int port = addr_port(&path->peer);
	uint64_t h = hash_addr(0xcbf29ce484222325u, &path->peer);
	h = hash_bytes(hash_addr(h, &path->local), &port, sizeof(port));
	return &t->buckets[(h ^ h >> 32) & (t->room - 1)];
}

static struct path_entry **find(const struct path_table *t, const struct rtc_path *path)
{
	struct path_entry **at = bucket(t, path);
	while (*at && !rtc_path_same(&(*at)->path, path))
		at = &(*at)->next;
	return at;
}

static void grow(struct path_table *t)
{
	struct path_table fresh = {.room = t->room ? 2 * t->room : FIRST_ROOM, .count = t->count};
	fresh.buckets = mem_zalloc(fresh.room * sizeof(struct path_entry *));
	for (size_t i = 0; i < t->room; i++) {
		for (struct path_entry *e = t->buckets[i], *next; e; e = next) {
			struct path_entry **at = bucket(&fresh, &e->path);
			next = e->next;
			e->next = *at;
			*at = e;
		}
	}
	free(t->buckets);
	*t = fresh;
}

struct rtc_link *path_table_get(const struct path_table *t, const struct rtc_path *path)
{
	struct path_entry *e = t->count ? *find(t, path) : NULL;
	return e ? e->link : NULL;
}

struct rtc_link *path_table_set(struct path_table *t, const struct rtc_path *path,
				struct rtc_link *link)
{
	if (t->count >= t->room)
		grow(t);
	struct path_entry **at = find(t, path), *e = *at;
	if (!e) {
		e = *at = mem_new(struct path_entry);
		e->path = *path;
		t->count++;
	}
	struct rtc_link *former = e->link;
	e->link = link;
	return former != link ? former : NULL;
}

void path_table_remove(struct path_table *t, const struct rtc_path *path,
		       const struct rtc_link *link)
{
	struct path_entry **at = t->count ? find(t, path) : NULL;
	if (!at || !*at || (*at)->link != link)
		return;
	struct path_entry *e = *at;
	*at = e->next;
	t->count--;
	free(e);
}

void path_table_fini(struct path_table *t)
{
	for (size_t i = 0; i < t->room; i++) {
		for (struct path_entry *e = t->buckets[i], *next; e; e = next) {
			next = e->next;
			free(e);
		}
	}
	free(t->buckets);
	*t = (struct path_table){0};
}
