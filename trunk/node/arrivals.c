/* A bucket is one time, at which it is full again: each arrival moves it by what one costs. It is empty
 * when that lies a whole burst ahead. */
#include "node/arrivals.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum {
	SETS = 512,
	WAYS = 8,     /* an address is in one of these of its set */
	US = 1000000, /* fine enough for the highest rate */
	KEY = 16,
};

struct bucket {
	int64_t full_us; /* when it is full again */
};

struct known {
	uint8_t key[KEY];
	struct bucket bucket;
};

struct arrivals {
	uint64_t seed, refused;
	struct map *listeners; /* name -> struct bucket */
	struct known known[SETS][WAYS];
};

struct arrivals *arrivals_new(void)
{
	struct arrivals *a = mem_new(struct arrivals);
	a->seed = (uint64_t)(uintptr_t)a ^ (uint64_t)clock_wall_ms();
	a->listeners = map_new();
	return a;
}

void arrivals_free(struct arrivals **arrivals)
{
	if (!*arrivals)
		return;
	map_free_values(&(*arrivals)->listeners);
	free(*arrivals);
	*arrivals = NULL;
}

uint64_t arrivals_refused(const struct arrivals *a)
{
	return a->refused;
}

/* ---- addresses ---- */

static void make_key(uint8_t key[static KEY], const struct addr *addr)
{
	char ip[ADDR_TEXT_MAX];
	struct addr plain;
	memset(key, 0, KEY);
	addr_ip(ip, addr); /* IPv4-mapped ones become IPv4 */
	if (!addr_literal(&plain, ip, 0))
		return;
	key[KEY - 1] = (uint8_t)plain.sa.ss_family;
	if (plain.sa.ss_family == AF_INET)
		memcpy(key, &plain.sa.v4.sin_addr, 4);
	else
		memcpy(key, &plain.sa.v6.sin6_addr, 8);
}

static uint64_t hash_key(uint64_t h, const uint8_t key[static KEY])
{
	for (int i = 0; i < KEY; i++)
		h = (h ^ key[i]) * 0x100000001b3u;
	return h ^ h >> 29;
}

/* The address's own, or that of one which has not come for the longest. */
static struct bucket *bucket_of(struct arrivals *a, const struct addr *addr)
{
	uint8_t key[KEY];
	make_key(key, addr);
	struct known *set = a->known[hash_key(a->seed, key) % SETS], *oldest = set;
	for (int i = 0; i < WAYS; i++) {
		if (memcmp(set[i].key, key, KEY) == 0)
			return &set[i].bucket;
		if (set[i].bucket.full_us < oldest->bucket.full_us)
			oldest = &set[i];
	}
	*oldest = (struct known){0};
	memcpy(oldest->key, key, KEY);
	return &oldest->bucket;
}

static bool take(struct arrivals *a, struct bucket *b, struct arrival_rate rate)
{
	int64_t now_us = clock_us(), cost = US / rate.per_s;
	int64_t burst = rate.burst > 0 ? rate.burst : 1;
	if (b->full_us < now_us)
		b->full_us = now_us;
	if (b->full_us + cost > now_us + burst * cost) {
		a->refused++;
		return false;
	}
	b->full_us += cost;
	return true;
}

bool arrivals_of_address(struct arrivals *a, const struct addr *addr, struct arrival_rate rate)
{
	return rate.per_s <= 0 || take(a, bucket_of(a, addr), rate);
}

bool arrivals_at_listener(struct arrivals *a, const char *name, struct arrival_rate rate)
{
	if (rate.per_s <= 0)
		return true;
	struct bucket *b = map_get(a->listeners, name);
	if (!b) {
		b = mem_new(struct bucket);
		map_set(a->listeners, name, b);
	}
	return take(a, b, rate);
}
