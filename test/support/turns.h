/* turns - a coroutine that has a turn whenever others let it: how many it had, and the longest slice between two of them.
 * Layer: test. Needs co_unit.h. */
#pragma once
#include "co/co.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#ifdef __SANITIZE_ADDRESS__
enum { TURNS_SLOWER = 20 }; /* so many times, in this build */
#else
enum { TURNS_SLOWER = 1 };
#endif

struct turns {
	struct co *co;
	bool over;
	int count;
	double last, longest; /* milliseconds of this thread on a processor */
};

static inline double turns_cpu_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static inline void turns_main(void *arg)
{
	struct turns *t = arg;
	for (t->last = turns_cpu_ms(); !t->over; t->count++) {
		co_yield ();
		double now = turns_cpu_ms();
		t->longest = now - t->last > t->longest ? now - t->last : t->longest;
		t->last = now;
	}
}

/* It has its first turn before this returns. */
static inline void turns_begin(struct turns *t)
{
	*t = (struct turns){0};
	t->co = co_start("turns", turns_main, t);
	co_yield ();
	t->count = 0;
}

static inline void turns_end(struct turns *t)
{
	t->over = true;
	co_join(&t->co);
}
