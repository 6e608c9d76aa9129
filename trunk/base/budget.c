#include "base/budget.h"
#include "base/check.h"

static bool has_room(const struct budget *b, bool untrusted, size_t n)
{
	size_t max = untrusted ? b->untrusted_max : b->max;
	return b->used <= max && n <= max - b->used;
}

bool quota_take(struct quota *quota, size_t n)
{
	bool untrusted = quota->untrusted && quota->taken + n > quota->reserve;
	for (const struct budget *b = quota->from; b; b = b->above)
		if (!has_room(b, untrusted, n))
			return false;
	for (struct budget *b = quota->from; b; b = b->above)
		b->used += n;
	quota->taken += n;
	return true;
}

void quota_give(struct quota *quota, size_t n)
{
	check(n <= quota->taken);
	for (struct budget *b = quota->from; b; b = b->above)
		b->used -= n;
	quota->taken -= n;
}

void quota_empty(struct quota *quota)
{
	quota_give(quota, quota->taken);
}
