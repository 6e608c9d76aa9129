/* Timers: a hierarchical timing wheel of 64 slots a level. A timer lies at the level of the
 * highest group of six bits in which its time differs from `base`, the time up to which all is
 * done; so every timer of a lower level is due before every timer of a higher one, and one bitmap
 * a level finds the next slot at once. A timer moves down at most once a level. */
#include "co/inside.h"

#include "base/check.h"

#include <string.h>

enum { LEVELS = 7, SLOTS = 64, BITS = 6 };
#define FARTHEST ((INT64_C(1) << (LEVELS * BITS)) - 1) /* 139 years */

/* Heads of circular lists; the last one is of those that are being run. */
static struct timer slots[LEVELS * SLOTS + 1];
static struct timer *const running = &slots[LEVELS * SLOTS];
static uint64_t used[LEVELS + 1];
static int64_t base;

void timers_init(int64_t now)
{
	base = now;
	memset(used, 0, sizeof(used));
	for (size_t i = 0; i <= LEVELS * SLOTS; i++)
		slots[i].prev = slots[i].next = &slots[i];
}

static void list_put(struct timer *head, struct timer *timer)
{
	size_t i = (size_t)(head - slots);
	timer->prev = head->prev;
	timer->next = head;
	head->prev->next = timer;
	head->prev = timer;
	used[i / SLOTS] |= UINT64_C(1) << i % SLOTS;
	timer->armed = true;
}

static void wheel_put(struct timer *timer)
{
	int64_t at = timer->due <= base ? base + 1 : timer->due;
	if (at > FARTHEST)
		at = FARTHEST;
	int level = (63 - __builtin_clzll((uint64_t)(at ^ base))) / BITS;
	size_t slot = (size_t)(at >> (level * BITS)) % SLOTS;
	list_put(&slots[(size_t)level * SLOTS + slot], timer);
}

static void wheel_take(struct timer *timer)
{
	timer->prev->next = timer->next;
	timer->next->prev = timer->prev;
	if (timer->prev == timer->next) {
		size_t i = (size_t)(timer->prev - slots); /* only the head is left */
		used[i / SLOTS] &= ~(UINT64_C(1) << i % SLOTS);
	}
	timer->prev = timer->next = NULL;
	timer->armed = false;
}

void timer_set(struct timer *timer, int64_t due)
{
	check(timer->fn);
	if (timer->armed)
		wheel_take(timer);
	if (due == CLOCK_NEVER)
		return;
	timer->due = due;
	wheel_put(timer);
	reactor_wake_before(due);
}

void timer_cancel(struct timer *timer)
{
	if (timer->armed)
		wheel_take(timer);
}

/* The first slot in use: its time, and which it is. For a higher level it is the time at which
 * its timers must move down. */
static int64_t first_slot(struct timer **head)
{
	for (int level = 0; level < LEVELS; level++) {
		if (!used[level])
			continue;
		int slot = __builtin_ctzll(used[level]);
		int shift = level * BITS;
		*head = &slots[level * SLOTS + slot];
		return (base >> (shift + BITS) << (shift + BITS)) | (int64_t)slot << shift;
	}
	*head = NULL;
	return CLOCK_NEVER;
}

int64_t timers_next(void)
{
	struct timer *head;
	return first_slot(&head);
}

/* All that are due, each once: one that a callback sets again, for a time that has passed meanwhile,
 * waits for the next run, and those whom this run has woken come before it. */
void timers_run(int64_t now)
{
	struct timer *head = NULL;
	int64_t at;
	while ((at = first_slot(&head)) <= now) {
		base = at;
		/* Nothing is put into this slot again: base has reached it. */
		while (head->next != head) {
			struct timer *timer = head->next;
			wheel_take(timer);
			if (timer->due <= base)
				list_put(running, timer);
			else
				wheel_put(timer);
		}
	}
	if (base < now)
		base = now;
	while (running->next != running) {
		struct timer *timer = running->next;
		wheel_take(timer);
		timer->fn(timer);
	}
}
