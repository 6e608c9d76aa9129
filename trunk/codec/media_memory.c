#include "codec/media_memory.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "codec/block.h"

#include <stdlib.h>

enum {
	LARGE = 64 * 1024,
	TRIM_BYTES = 16 << 20, /* less than was used: worth a trim */
	WINDOW_MS = 10000,     /* use counts as fallen when it has not risen again for one or two */
	WAITING_BYTES = 32 << 20, /* of blocks that wait to be freed, while others are being made */
};

/* Written over a block that waits to be freed. */
struct dead {
	struct dead *next;
	size_t n;
};

static size_t used, max;
static size_t held;          /* the most that the heap was for, since it was trimmed */
static size_t peak, peak_of; /* the most that was used in this window, and in the one before it */
static int64_t window_ms;
static struct dead *waiting;
static size_t waiting_bytes, freed; /* freed since freed_ms, or that millisecond */
static int64_t freed_ms;
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
	if (!fits(n)) {
		if (relieve)
			relieve(relief_ctx, n);
		if (!fits(n))
			return false;
	}
	media_memory_charge(n);
	return true;
}

static void free_waiting(size_t least)
{
	for (size_t n = 0; waiting && n < least;) {
		struct dead *dead = waiting;
		waiting = dead->next;
		n += dead->n;
		waiting_bytes -= dead->n;
		free(dead);
	}
}

/* Blocks that wait to be freed are memory too: where that is short, or they are many, each new charge frees
 * some. */
void media_memory_charge(size_t n)
{
	if (waiting && (waiting_bytes > WAITING_BYTES || !media_memory_has_room(waiting_bytes)))
		free_waiting(2 * n);
	used += n;
	peak = used > peak ? used : peak;
}

void media_memory_give(size_t n)
{
	check(n <= used);
	used -= n;
}

/* ---- giving back ---- */

void media_memory_free(void *block, size_t n)
{
	media_memory_give(n);
	freed += n;
	if (freed > FREE_AT_ONCE && clock_ms() != freed_ms) {
		freed_ms = clock_ms();
		freed = n;
	}
	if (freed <= FREE_AT_ONCE || n < sizeof(struct dead)) {
		free(block);
		return;
	}
	struct dead *dead = block;
	*dead = (struct dead){waiting, n};
	waiting = dead;
	waiting_bytes += n;
}

size_t media_memory_waiting(void)
{
	return waiting_bytes;
}

/* The most that was used lately. Use goes up and down with each group of pictures: trimming at each fall
 * would have the system take pages and zero them again, a thousand times a second. */
static size_t used_lately(void)
{
	int64_t now = clock_ms();
	if (now - window_ms >= WINDOW_MS) {
		window_ms = now;
		peak_of = peak;
		peak = used;
	}
	return peak > peak_of ? peak : peak_of;
}

void media_memory_drain(void)
{
	free_waiting(FREE_AT_ONCE);
	size_t lately = used_lately();
	size_t worth = lately / 4 > TRIM_BYTES ? lately / 4 : TRIM_BYTES;
	held = lately > held ? lately : held;
	if (held - lately <= worth)
		return;
	blocks_release();
	mem_trim();
	if (!waiting)
		held = lately;
}
