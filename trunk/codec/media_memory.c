#include "codec/media_memory.h"
#include "base/check.h"

enum { LARGE = 64 * 1024 };

static size_t used, max;
static void (*relieve)(void *ctx, size_t n);
static void *relief_ctx;

void media_memory_limit(size_t limit)
{
	max = limit;
}

size_t media_memory_max(void)
{
	return max;
}

size_t media_memory_used(void)
{
	return used;
}

static size_t full_at(void)
{
	return max - max / 16;
}

enum media_memory_state media_memory_state(void)
{
	if (media_memory_has_room(0))
		return MEDIA_MEMORY_FREE;
	return used <= full_at() ? MEDIA_MEMORY_TIGHT : MEDIA_MEMORY_FULL;
}

bool media_memory_has_room(size_t n)
{
	size_t limit = max - max / 4;
	return !max || (used <= limit && n <= limit - used);
}

void media_memory_relief(void (*fn)(void *ctx, size_t n), void *ctx)
{
	relieve = fn;
	relief_ctx = ctx;
}

/* Small messages may use a reserve beyond the maximum. */
static bool fits(size_t n)
{
	size_t limit = n >= LARGE ? full_at() : max + max / 16;
	return !max || (used <= limit && n <= limit - used);
}

bool media_memory_take(size_t n)
{
	if (!fits(n) && relieve)
		relieve(relief_ctx, n);
	if (!fits(n))
		return false;
	used += n;
	return true;
}

void media_memory_charge(size_t n)
{
	used += n;
}

void media_memory_give(size_t n)
{
	check(n <= used);
	used -= n;
}
