/* inside - what the files of this layer share. Not for other layers. Layer: co.
 *
 *   co.c       coroutines: start, stop, join, wait, groups
 *   reactor.c  the one coroutine that waits for descriptors and runs timers
 *   timer.c    the timing wheel
 *   stack.c    guard pages, and what sanitizers and valgrind want to know about stacks
 *   offload.c  helper threads */
#pragma once
#include "co/co.h"
#include <st.h>

/* One size for all: state-threads searches its list of free stacks linearly for one that is
 * large enough, and recycles fastest when the first always fits. */
enum { STACK_SIZE = 64 * 1024 };

/* The reason why a coroutine is suspended, so that it is not resumed for another one. */
enum co_waits { WAITS_NOT, WAITS_WAKE, WAITS_TIME, WAITS_DONE };

struct co {
	st_cond_t cond;
	enum co_waits waits;
	bool woken;       /* co_wake() was called and co_wait() has not returned since */
	bool yield_first; /* it has woken itself: others go first */
	bool stopping;    /* sticky */
	bool expired;     /* the deadline of the current wait has passed */
	bool done;        /* main has returned */
	char id[9];
	bool muted;       /* see co_set_muted() */
	bool has_spoken;  /* likewise */
	int64_t deadline; /* of the current wait */
	struct timer timer;
	void (*main)(void *arg);
	void *arg;
	const char *name;
	struct err_trail *trail; /* err's words; allocated at the first error */
	struct co *joiner;
	struct co_group *group;
	struct co *prev, *next;         /* in the group */
	struct co *all_prev, *all_next; /* in the list of all, for debuggers */
	st_thread_t thread;             /* for debuggers */
	char *entry;                    /* where its main began on its stack; NULL for the root */
	struct stack_bounds {
		const void *low;
		size_t size;
	} stack; /* only known in sanitizer builds */
};

/* Suspends the running coroutine until co_resume(); for waits that nothing else may end. */
void co_block(enum co_waits waits) BLOCKS;
void co_resume(struct co *co);
/* Lets other coroutines run while this one is on state-threads' own queues. */
void co_switched(struct co *me);
/* Starts a coroutine of the layer itself; it counts for nobody. */
struct co *co_spawn(const char *name, void (*main)(void *arg), void *arg);
void co_free(struct co *co);

err reactor_init(void);
void reactor_fini(void) BLOCKS;
/* A timer was set to `due`: the reactor must not sleep longer than that. */
void reactor_wake_before(int64_t due);
bool reactor_is_running(void);

void timers_init(int64_t now);
/* When timers_run() has something to do next, or CLOCK_NEVER. It may be early, never late. */
int64_t timers_next(void);
void timers_run(int64_t now);

void offload_fini(void) BLOCKS;

/* Around st_init() and st_thread_create(): the mappings made meanwhile are stacks. */
void stack_watch(bool on);
/* First thing in the main function of a coroutine, and once for the root. */
void stack_entered(struct co *co);
void stack_init(struct co *root);
