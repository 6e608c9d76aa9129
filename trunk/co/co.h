/* co - coroutines of one thread, over state-threads. Layer: co.
 *
 * One primitive to wait: co_wait() sleeps until somebody calls co_wake() on this coroutine, its
 * deadline passes or it is stopped. What it waits *for* is a predicate that the caller looks at
 * again after each return: input on a socket, room in it, new media, a child that ended. So a
 * player waits for all of them at once, with one coroutine.
 *
 * Stop is sticky: after co_stop() every wait of that coroutine returns ERR_STOPPED at once, for
 * ever. Functions that may switch coroutines are marked BLOCKS; whatever is shared may have
 * changed when they return. */
#pragma once
#include "base/clock.h"
#include "base/err.h"
#include <stdbool.h>

#define BLOCKS

struct co;

/* Starts state-threads with its poll back end (checked), the reactor coroutine and the timers.
 * Call it once, after the last fork. The caller becomes the root coroutine. */
err co_init(void);
/* Ends the reactor; every other coroutine must have been joined. For leak-free tests. */
void co_fini(void);

/* Starts a coroutine that its owner must co_join(). It first runs when the caller waits. The
 * name is borrowed for ever (a literal). NULL when there is no memory for a stack. */
struct co *co_start(const char *name, void (*main)(void *arg), void *arg);
/* Starts a coroutine that nobody joins: it belongs to the group, which outlives it. */
struct co_group;
struct co *co_start_in(struct co_group *group, const char *name, void (*main)(void *arg),
		       void *arg);

/* Asks it to end. Does not wait. NULL is fine; twice is fine. */
void co_stop(struct co *co);
/* Waits until it has ended, stopped or not; ignores the caller's own stop. Clears the pointer,
 * accepts NULL. */
void co_join(struct co **co) BLOCKS;
/* The same, and stops it after ms milliseconds, or at once if the caller is being stopped. */
void co_join_within(struct co **co, int64_t ms) BLOCKS;

/* The running coroutine; never NULL after co_init(). */
struct co *co_self(void);
bool co_stopping(void);
/* Wakes it from co_wait(), or lets its next co_wait() return at once. Callable from timers. A
 * coroutine that wakes itself comes back from co_wait() after all others that can run have run. */
void co_wake(struct co *co);
/* OK when woken (look at your predicate again), ERR_TIMEOUT at the deadline (monotonic
 * milliseconds, CLOCK_NEVER for none), ERR_STOPPED. */
err co_wait(int64_t deadline) BLOCKS;
/* OK after ms milliseconds, or ERR_STOPPED. Ignores wakes. */
err co_sleep(int64_t ms) BLOCKS;
/* Gives back the memory of the caller's stack that deeper calls have used before. For one that is
 * about to wait for long: a page or two for each of thousands. */
void co_trim(void);
/* Lets all coroutines that can run do so, input and timers included. For long loops. */
void co_yield (void) BLOCKS;
/* How many events of descriptors there have been: who sees no more of them has an idle process. */
uint64_t co_events(void);

/* Set of coroutines that are stopped together. */
struct co_group {
	struct co *head;
	struct co *waiter; /* in co_group_stop() */
	int count;
};
/* Stops all members and waits until the last one has ended. Not from a member. */
void co_group_stop(struct co_group *group) BLOCKS;

/* A text of eight characters that names this coroutine's connection in each log line. Inherited
 * by coroutines that it starts. */
const char *co_id(void);
void co_set_id(const char *id);
/* Whether this coroutine logs nothing but errors: its connection is one of very many at once. */
void co_set_muted(bool muted);
bool co_muted(void);
/* Whether it has had a line for the log since then, written or not. */
bool co_has_spoken(void);
/* Makes a fresh one, random. */
void co_new_id(char out[static 9]);

/* A callback at a time: O(1) to set and to cancel, millisecond resolution. The callback runs in
 * the reactor: it must be short and must not block; it may set its timer again. Zeroed memory
 * with `fn` set is an idle timer. */
struct timer {
	void (*fn)(struct timer *timer);
	struct timer *prev, *next; /* the reactor's */
	int64_t due;
	bool armed;
};
void timer_set(struct timer *timer, int64_t due);
void timer_cancel(struct timer *timer);

/* A descriptor in the reactor's epoll set: edge-triggered, both directions, registered once.
 * `ready` gathers what happened; the owner clears IN or OUT when a call says EAGAIN. */
enum { REACTOR_IN = 1, REACTOR_OUT = 2, REACTOR_HUP = 4 };
struct reactor_fd {
	int fd;
	unsigned ready;
	struct co *waiter;                        /* woken on each event, or NULL */
	void (*on_event)(struct reactor_fd *rfd); /* instead of waking; must not block */
};
err reactor_add(struct reactor_fd *rfd, int fd);
/* As reactor_add, level-triggered and only for `events` (REACTOR_IN, REACTOR_OUT), for libraries
 * that do not read until EAGAIN. Calling it again changes the events. */
err reactor_add_level(struct reactor_fd *rfd, int fd, unsigned events);
/* Of one that was added by reactor_add(): the directions whose events matter from now on, both at first. What is
 * there already is an event. */
err reactor_want(struct reactor_fd *rfd, unsigned events);
/* Before the descriptor is closed. */
void reactor_remove(struct reactor_fd *rfd);

/* Runs fn(arg) on a helper thread and waits for it; for files and whatever else could block.
 * fn must not call anything of co, net or log. The wait ignores a stop, since arg is in use. */
void co_offload(void (*fn)(void *arg), void *arg) BLOCKS;
/* How many coroutines wait for helper threads. */
int co_offloaded(void);
