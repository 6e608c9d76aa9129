#include "node/places.h"
#include "base/mem.h"

#include <stdlib.h>

struct place_count {
	int n;
	char *key;
};

void places_init(struct places *p)
{
	*p = (struct places){.counts = map_new()};
}

void places_fini(struct places *p)
{
	map_free(&p->counts);
}

static struct place_count *count_up(struct places *p, const char *key)
{
	struct place_count *c = map_get(p->counts, key);
	if (!c) {
		c = mem_new(struct place_count);
		c->key = mem_strdup(key);
		map_set(p->counts, key, c);
	}
	c->n++;
	return c;
}

static void count_down(struct places *p, struct place_count **count)
{
	struct place_count *c = *count;
	*count = NULL;
	if (!c || --c->n > 0)
		return;
	map_remove(p->counts, c->key);
	free(c->key);
	free(c);
}

static bool is_within(const struct places *p, const char *key, int limit)
{
	const struct place_count *c = map_get(p->counts, key);
	return limit <= 0 || !c || c->n < limit;
}

/* Those that stand in nobody's way; others may have a place of the reserve, should they prove who they are. */
static bool is_open(const struct places *p, const struct place_limits *limits, const char *listener,
		    const char *ip, bool is_own)
{
	return (limits->all <= 0 || p->count < limits->all) &&
	       is_within(p, listener, limits->per_listener) &&
	       (is_own || is_within(p, ip, limits->per_address));
}

/* What waits to prove itself is bounded for each address, or one of them would take the whole reserve. */
static bool has_reserve(const struct places *p, const struct place_limits *limits, const char *ip,
			bool is_own)
{
	int most = limits->per_address + limits->reserve_per_address;
	if (limits->all > 0 && p->count >= limits->all + limits->reserve)
		return false;
	return is_own || limits->per_address <= 0 || limits->reserve_per_address <= 0 ||
	       is_within(p, ip, most);
}

bool place_take(struct conn_place *place, struct places *p, const struct place_limits *limits,
		const char *listener, const struct addr *peer)
{
	char ip[ADDR_TEXT_MAX];
	bool is_own = addr_is_loopback(peer);
	addr_ip(ip, peer);
	*place = (struct conn_place){0};
	bool open = is_open(p, limits, listener, ip, is_own);
	if (!open && !has_reserve(p, limits, ip, is_own)) {
		p->refused++;
		return false;
	}
	place->is_reserved = !open;
	place->places = p;
	place->listener = count_up(p, listener);
	place->address = is_own ? NULL : count_up(p, ip);
	p->count++;
	return true;
}

void place_prove(struct conn_place *place)
{
	if (place->places)
		count_down(place->places, &place->address);
}

void place_give(struct conn_place *place)
{
	struct places *p = place->places;
	if (!p)
		return;
	count_down(p, &place->listener);
	count_down(p, &place->address);
	p->count--;
	*place = (struct conn_place){0};
}

bool place_hand_over(struct conn_place *place, const struct place_limits *limits,
		     const struct addr *peer)
{
	struct conn_place old = *place;
	if (!old.places)
		return true;
	/* Without this one; the listener's count stays above 0, and so keeps its key. */
	old.places->count--;
	old.listener->n--;
	count_down(old.places, &old.address);
	bool taken = place_take(place, old.places, limits, old.listener->key, peer);
	old.listener->n++;
	old.places->count++;
	place_give(&old);
	return taken;
}
