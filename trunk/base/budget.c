#include "base/budget.h"
#include "base/check.h"

static bool has_room(const struct budget *b, bool stranger, size_t n)
{
	size_t max = stranger ? b->strangers_max : b->max;
	return b->used <= max && n <= max - b->used;
}

bool purse_take(struct purse *purse, size_t n)
{
	for (const struct budget *b = purse->from; b; b = b->above)
		if (!has_room(b, purse->stranger, n))
			return false;
	for (struct budget *b = purse->from; b; b = b->above)
		b->used += n;
	purse->taken += n;
	return true;
}

void purse_give(struct purse *purse, size_t n)
{
	check(n <= purse->taken);
	for (struct budget *b = purse->from; b; b = b->above)
		b->used -= n;
	purse->taken -= n;
}

void purse_empty(struct purse *purse)
{
	purse_give(purse, purse->taken);
}
