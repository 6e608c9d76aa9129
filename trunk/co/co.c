/* Coroutines. state-threads switches, this file decides who runs: every coroutine is created
 * detached, so that its stack is recycled, and is represented by a struct of ours that its owner
 * joins. A wait is a condition variable of its own plus flags, never st_thread_interrupt(), which
 * forgets the stop after one call. */
#include "co/inside.h"

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <utlist.h>

static struct co root;
static struct co *current;
static struct co *all; /* read by debuggers: who exists */
static bool st_started;

static struct err_trail **current_trail(void)
{
	return &current->trail;
}

static st_utime_t whole_ms(void)
{
	return (st_utime_t)clock_ms() * 1000;
}

/* Whatever ran meanwhile said that it is the current one. */
void co_switched(struct co *me)
{
	current = me;
}

void co_block(enum co_waits waits)
{
	struct co *me = current;
	me->waits = waits;
	st_cond_wait(me->cond);
	me->waits = WAITS_NOT;
	current = me;
}

void co_resume(struct co *co)
{
	if (co->waits != WAITS_NOT)
		st_cond_signal(co->cond);
}

/* The timer is left armed when a wait ends early, since the next wait mostly has a deadline that
 * is later still: a player that wakes ten times a second with a deadline in 30 s costs the wheel
 * one move in 30 s. So it may fire for a wait whose deadline is not now. */
static void deadline_passed(struct timer *timer)
{
	struct co *co = container_of(timer, struct co, timer);
	if ((co->waits != WAITS_WAKE && co->waits != WAITS_TIME) || co->deadline == CLOCK_NEVER)
		return;
	if (co->deadline > clock_ms()) {
		timer_set(timer, co->deadline);
		return;
	}
	co->expired = true;
	co_resume(co);
}

static err co_prepare(struct co *co, const char *name)
{
	co->cond = st_cond_new();
	if (!co->cond)
		return err_fail(ERR_SYSTEM, "no memory for a coroutine");
	co->name = name;
	co->timer.fn = deadline_passed;
	co->deadline = CLOCK_NEVER;
	DL_APPEND2(all, co, all_prev, all_next);
	return OK;
}

static void co_release(struct co *co)
{
	timer_cancel(&co->timer);
	st_cond_destroy(co->cond);
	free(co->trail);
	co->trail = NULL;
	DL_DELETE2(all, co, all_prev, all_next);
}

void co_free(struct co *co)
{
	co_release(co);
	free(co);
}

static err start_library(void)
{
	st_set_utime_function(whole_ms);
	/* The "best" back end of the packaged library is select(), with 1,024 descriptors. */
	if (st_set_eventsys(ST_EVENTSYS_POLL) != 0 && st_get_eventsys() != ST_EVENTSYS_POLL)
		return err_fail(ERR_SYSTEM, "state-threads has no poll back end");
	stack_watch(true);
	int rc = st_init();
	stack_watch(false);
	if (rc != 0)
		return err_sys(ERR_SYSTEM, "st_init");
	if (st_get_eventsys() != ST_EVENTSYS_POLL)
		return err_fail(ERR_SYSTEM, "state-threads uses %s instead of poll",
				st_get_eventsys_name());
	st_started = true;
	return OK;
}

static void raise_limits(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	/* The kernel would merge idle stacks into huge pages and fill them with memory. */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	signal(SIGPIPE, SIG_IGN);
}

/* A line for the log waits for the answer. */
static bool muted_for_log(void)
{
	current->has_spoken = true;
	return current->muted;
}

err co_init(void)
{
	check(!current);
	if (!st_started) {
		raise_limits();
		TRY(start_library());
	}
	root = (struct co){0};
	timers_init(clock_ms());
	TRY(co_prepare(&root, "root"));
	root.thread = st_thread_self();
	current = &root;
	stack_init(&root);
	co_new_id(root.id);
	err_set_trail_slot(current_trail);
	log_set_id_slot(co_id);
	log_set_muted_slot(muted_for_log);
	err e = reactor_init();
	if (e != OK)
		co_fini();
	return e;
}

void co_fini(void)
{
	check(current == &root);
	offload_fini();
	reactor_fini();
	err_set_trail_slot(NULL);
	log_set_id_slot(NULL);
	log_set_muted_slot(NULL);
	co_release(&root);
	current = NULL;
}

static void co_ended(struct co *me)
{
	struct co_group *group = me->group;
	me->done = true;
	if (!group) {
		if (me->joiner)
			co_resume(me->joiner);
		return;
	}
	DL_DELETE(group->head, me);
	group->count--;
	if (group->count == 0 && group->waiter)
		co_resume(group->waiter);
	co_free(me);
}

static void *co_run(void *arg)
{
	struct co *me = arg;
	current = me;
	stack_entered(me);
	me->main(me->arg);
	co_ended(me);
	return NULL;
}

struct co *co_spawn(const char *name, void (*main)(void *arg), void *arg)
{
	struct co *co = mem_new(struct co);
	co->main = main;
	co->arg = arg;
	memcpy(co->id, current->id, sizeof(co->id));
	if (co_prepare(co, name) != OK) {
		free(co);
		return NULL;
	}
	stack_watch(true);
	co->thread = st_thread_create(co_run, co, 0, STACK_SIZE);
	stack_watch(false);
	if (!co->thread) {
		co_free(co);
		return NULL;
	}
	return co;
}

struct co *co_start(const char *name, void (*main)(void *arg), void *arg)
{
	return co_spawn(name, main, arg);
}

struct co *co_start_in(struct co_group *group, const char *name, void (*main)(void *arg), void *arg)
{
	struct co *co = co_spawn(name, main, arg);
	if (!co)
		return NULL;
	co->group = group;
	co->stopping = group->waiter != NULL; /* the group is being stopped already */
	DL_APPEND(group->head, co);
	group->count++;
	return co;
}

void co_stop(struct co *co)
{
	if (!co || co->stopping)
		return;
	co->stopping = true;
	if (co->waits == WAITS_WAKE || co->waits == WAITS_TIME)
		co_resume(co);
}

void co_join(struct co **co)
{
	struct co *child = *co;
	if (!child)
		return;
	check(child != current && !child->group && !child->joiner);
	child->joiner = current;
	while (!child->done)
		co_block(WAITS_DONE);
	co_free(child);
	*co = NULL;
}

struct patience {
	struct timer timer;
	struct co *co;
};

static void patience_ended(struct timer *timer)
{
	co_stop(((struct patience *)timer)->co);
}

void co_join_within(struct co **co, int64_t ms)
{
	if (!*co)
		return;
	struct patience patience = {.timer = {.fn = patience_ended}, .co = *co};
	if (co_stopping())
		co_stop(*co);
	else
		timer_set(&patience.timer, clock_ms() + ms);
	co_join(co);
	timer_cancel(&patience.timer);
}

void co_group_stop(struct co_group *group)
{
	check(!group->waiter);
	struct co *co;
	group->waiter = current;
	DL_FOREACH (group->head, co)
		co_stop(co);
	while (group->count > 0)
		co_block(WAITS_DONE);
	group->waiter = NULL;
}

struct co *co_self(void)
{
	return current;
}

bool co_stopping(void)
{
	return current->stopping;
}

void co_wake(struct co *co)
{
	co->yield_first |= co == current;
	if (co->woken)
		return;
	co->woken = true;
	if (co->waits == WAITS_WAKE)
		co_resume(co);
}

/* True when the deadline has passed already; then others have had a turn. */
static bool deadline_arm(struct co *me, int64_t deadline)
{
	me->deadline = deadline;
	me->expired = false;
	if (deadline == CLOCK_NEVER || (me->timer.armed && me->timer.due <= deadline))
		return false;
	if (deadline <= clock_ms()) {
		co_yield ();
		return true;
	}
	timer_set(&me->timer, deadline);
	return false;
}

err co_wait(int64_t deadline)
{
	struct co *me = current;
	check(!reactor_is_running());
	if (me->yield_first) {
		me->yield_first = false;
		co_yield ();
	}
	if (!me->woken && !me->stopping && !deadline_arm(me, deadline)) {
		while (!me->woken && !me->stopping && !me->expired)
			co_block(WAITS_WAKE);
	}
	if (me->stopping)
		return ERR_STOPPED;
	if (!me->woken)
		return err_plain(ERR_TIMEOUT);
	me->woken = false;
	return OK;
}

err co_sleep(int64_t ms)
{
	struct co *me = current;
	check(!reactor_is_running());
	if (!me->stopping && !deadline_arm(me, clock_after(ms))) {
		while (!me->stopping && !me->expired)
			co_block(WAITS_TIME);
	}
	return me->stopping ? ERR_STOPPED : OK;
}

/* A sleep of no time ends after the next look at descriptors and clock, behind all that can run. */
void co_yield (void)
{
	struct co *me = current;
	st_usleep(0);
	current = me;
}

const char *co_id(void)
{
	return current ? current->id : "";
}

bool co_muted(void)
{
	return current->muted;
}

void co_set_muted(bool muted)
{
	current->muted = muted;
	current->has_spoken = false;
}

bool co_has_spoken(void)
{
	return current->has_spoken;
}

void co_set_id(const char *id)
{
	size_t n = strnlen(id, sizeof(current->id) - 1);
	memcpy(current->id, id, n);
	current->id[n] = '\0';
}

void co_new_id(char out[static 9])
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	uint64_t bits = 0;
	if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != sizeof(bits))
		bits = (uint64_t)clock_us() * 0x9e3779b97f4a7c15u;
	for (int i = 0; i < 8; i++, bits /= 36)
		out[i] = digits[bits % 36];
	out[8] = '\0';
}
