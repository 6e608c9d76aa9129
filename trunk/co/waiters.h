/* waiters - coroutines that wait for one thing to happen, all of which it wakes. Layer: co. */
#pragma once
#include "co/co.h"

/* One that waits; a list of them begins as NULL. */
struct waiter {
	struct waiter *prev, *next;
	struct co *co;
	bool is_queued;
};

/* Until waiters_wake() of that list, which stays where it is meanwhile. */
err waiters_wait(struct waiter **list) BLOCKS;
void waiters_wake(struct waiter **list);
