#include "cluster/unproven.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

struct unproven_address {
	int count;
	char ip[ADDR_TEXT_MAX];
};

void unproven_init(struct unproven *u, int max, int per_address)
{
	*u = (struct unproven){.max = max, .per_address = per_address, .by_address = map_new()};
}

void unproven_fini(struct unproven *u)
{
	for (struct map_iter it = map_begin(u->by_address); map_next(&it);)
		free(it.value);
	map_free(&u->by_address);
}

static struct unproven_address *address_of(struct unproven *u, const char *ip)
{
	struct unproven_address *a = map_get(u->by_address, ip);
	if (!a) {
		a = mem_new(struct unproven_address);
		snprintf(a->ip, sizeof(a->ip), "%s", ip);
		map_set(u->by_address, ip, a);
	}
	return a;
}

bool unproven_enter(struct unproven *u, struct unproven_pass *pass, const struct addr *from)
{
	char ip[ADDR_TEXT_MAX];
	struct unproven_address *a = NULL;
	if (from) {
		addr_ip(ip, from);
		a = map_get(u->by_address, ip);
	}
	if (u->count >= u->max || (a && a->count >= u->per_address)) {
		u->refused++;
		return false;
	}
	*pass = (struct unproven_pass){.from = u, .address = from ? address_of(u, ip) : NULL};
	u->count++;
	if (pass->address)
		pass->address->count++;
	return true;
}

void unproven_leave(struct unproven_pass *pass)
{
	struct unproven *u = pass->from;
	struct unproven_address *a = pass->address;
	*pass = (struct unproven_pass){0};
	if (!u)
		return;
	u->count--;
	if (!a || --a->count > 0)
		return;
	map_remove(u->by_address, a->ip);
	free(a);
}
