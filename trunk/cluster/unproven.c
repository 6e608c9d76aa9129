#include "cluster/unproven.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

struct unproven_address {
	int count, refs;
	char ip[ADDR_TEXT_MAX];
};

struct unproven_waiter {
	struct unproven_waiter *prev, *next;
	const struct unproven_pass *pass;
	struct co *co;
};

void unproven_init(struct unproven *u, int max, int per_address)
{
	*u = (struct unproven){.max = max, .per_address = per_address, .by_address = map_new()};
}

void unproven_fini(struct unproven *u)
{
	map_free(&u->by_address);
}

static struct unproven_address *address_ref(struct unproven *u, const struct addr *from)
{
	char ip[ADDR_TEXT_MAX];
	addr_ip(ip, from);
	struct unproven_address *a = map_get(u->by_address, ip);
	if (!a) {
		a = mem_new(struct unproven_address);
		snprintf(a->ip, sizeof(a->ip), "%s", ip);
		map_set(u->by_address, ip, a);
	}
	a->refs++;
	return a;
}

static void address_unref(struct unproven *u, struct unproven_address *a)
{
	if (!a || --a->refs > 0)
		return;
	map_remove(u->by_address, a->ip);
	free(a);
}

static bool has_room(const struct unproven_pass *pass)
{
	const struct unproven *u = pass->from;
	return u->count < u->max && (!pass->address || pass->address->count < u->per_address);
}

/* One has left, or one that was woken does not want its place: the next that has room is woken. */
static void wake_next(const struct unproven *u)
{
	const struct unproven_waiter *w;
	DL_FOREACH (u->waiters, w)
		if (has_room(w->pass)) {
			co_wake(w->co);
			return;
		}
}

void unproven_begin(struct unproven *u, struct unproven_pass *pass, const struct addr *from)
{
	*pass = (struct unproven_pass){.from = u, .address = from ? address_ref(u, from) : NULL};
}

err unproven_wait(struct unproven_pass *pass)
{
	struct unproven *u = pass->from;
	struct unproven_waiter self = {.pass = pass, .co = co_self()};
	err e = OK;
	DL_APPEND(u->waiters, &self);
	while (!has_room(pass) && !e)
		e = co_wait(CLOCK_NEVER);
	DL_DELETE(u->waiters, &self);
	if (e) {
		wake_next(u);
		return e;
	}
	pass->counts = true;
	u->count++;
	if (pass->address)
		pass->address->count++;
	wake_next(u); /* two may have left before this one ran */
	return OK;
}

void unproven_end(struct unproven_pass *pass)
{
	struct unproven *u = pass->from;
	struct unproven_pass was = *pass;
	*pass = (struct unproven_pass){0};
	if (!u)
		return;
	u->count -= was.counts;
	if (was.address)
		was.address->count -= was.counts;
	address_unref(u, was.address);
	if (was.counts)
		wake_next(u);
}
