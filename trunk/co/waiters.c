#include "co/waiters.h"

#include <utlist.h>

err waiters_wait(struct waiter **list)
{
	struct waiter self = {.co = co_self(), .is_queued = true};
	err e = OK;
	DL_APPEND(*list, &self);
	while (self.is_queued && e == OK)
		e = co_wait(CLOCK_NEVER);
	if (self.is_queued)
		DL_DELETE(*list, &self);
	return e;
}

void waiters_wake(struct waiter **list)
{
	for (struct waiter *w; (w = *list);) {
		DL_DELETE(*list, w);
		w->is_queued = false;
		co_wake(w->co);
	}
}
