#include "child/child.h"
#include "base/backoff.h"
#include "base/log.h"
#include "base/mem.h"
#include "child/output.h"
#include "child/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utlist.h>

enum {
	TERM_MS = 2000,    /* from TERM to KILL */
	STEADY_MS = 10000, /* one that has run for so long has not failed at its start */
	RETRY_MS = 1000,   /* after a first failure; no longer than RETRY_MAX_MS after others */
	RETRY_MAX_MS = 30000,
	FAILURES_MAX = 10,
	READ_SLICE = 16,
};

struct child {
	struct child *prev, *next;
	struct children *set;
	const char *kind;
	char *name, *command;
	char **argv;
	char *out_file, *err_file; /* NULL: what it says is kept in `output` */
	struct co *co;
	enum child_state state;
	bool is_over;
	int64_t first_wait_ms, since_wall_ms, started_ms;
	struct spawned run;
	struct reactor_fd ended, said;
	int starts;
	int failures;   /* in a row */
	int short_runs; /* in a row, whatever their end */
	char last_end[160];
	struct child_output output;
};

const char *child_state_name(enum child_state state)
{
	static const char *const names[] = {"starting", "running", "waiting", "given_up", "ending"};
	return names[state];
}

static void set_state(struct child *c, enum child_state state)
{
	c->state = state;
	c->since_wall_ms = clock_wall_ms();
}

/* ---- while it runs ---- */

/* A program that talks without end is read in slices. */
static void read_output(struct child *c)
{
	char bytes[1024];
	for (int i = 0; i < READ_SLICE; i++) {
		ssize_t n = read(c->run.out, bytes, sizeof(bytes));
		if (n <= 0) {
			c->said.ready &= ~(unsigned)REACTOR_IN;
			return;
		}
		child_output_take(&c->output, bytes, (size_t)n);
	}
	co_wake(co_self());
}

static bool has_ended(const struct child *c)
{
	siginfo_t info = {0};
	return waitid(P_PID, (id_t)c->run.pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == c->run.pid;
}

/* Its end is waited for also when it was killed: to take apart what it had may take the kernel long, and for ever where
 * a disk does not answer. A coroutine that is being stopped cannot wait any more: its program is killed at once. */
static void watch(struct child *c)
{
	int64_t kill_ms = CLOCK_NEVER;
	while (!has_ended(c)) {
		read_output(c);
		if (c->is_over && c->state != CHILD_ENDING) {
			set_state(c, CHILD_ENDING);
			spawn_kill(c->run.pid, SIGTERM);
			kill_ms = clock_after(TERM_MS);
		}
		err e = co_wait(kill_ms);
		if (e == ERR_STOPPED)
			return;
		if (clock_ms() >= kill_ms) {
			spawn_kill(c->run.pid, SIGKILL);
			kill_ms = CLOCK_NEVER;
		}
	}
	read_output(c);
}

static void note_end(struct child *c, int status)
{
	if (WIFSIGNALED(status))
		snprintf(c->last_end, sizeof(c->last_end), "signal %d", WTERMSIG(status));
	else
		snprintf(c->last_end, sizeof(c->last_end), "status %d", WEXITSTATUS(status));
}

static err run(struct child *c)
{
	struct spawn_opts opts = {
		.argv = c->argv, .out_file = c->out_file, .err_file = c->err_file};
	err e = spawn(&c->run, &opts);
	if (e) {
		snprintf(c->last_end, sizeof(c->last_end), "%s", err_trail(e));
		return e;
	}
	c->starts++;
	c->set->starts++;
	c->started_ms = clock_ms();
	set_state(c, CHILD_RUNNING);
	c->ended.waiter = c->said.waiter = co_self();
	e = reactor_add(&c->ended, c->run.pidfd);
	if (!e)
		e = reactor_add(&c->said, c->run.out);
	log_info("%s %s: process %d: %s", c->kind, c->name, (int)c->run.pid, c->command);
	if (!e)
		watch(c);
	int status = spawn_reap(c->run.pid);
	reactor_remove(&c->said);
	reactor_remove(&c->ended);
	close(c->run.out);
	close(c->run.pidfd);
	c->run.pid = 0;
	child_output_end(&c->output);
	note_end(c, status);
	return e ? e : status ? err_fail(ERR_CLOSED, "%s", c->last_end) : OK;
}

/* ---- one run after the other ---- */

static const char *last_words(const struct child *c)
{
	return c->output.count ? child_output_line(&c->output, c->output.count - 1) : "nothing";
}

/* Returns how long to wait until the next run; CLOCK_NEVER: it is given up. One that ends well after a moment
 * waits longer and longer, too, but is not given up. */
static int64_t judge(struct child *c, err e, int64_t ran_ms)
{
	if (ran_ms >= STEADY_MS)
		c->failures = c->short_runs = 0;
	c->short_runs++;
	c->failures = e ? c->failures + 1 : 0;
	c->set->failures += e != OK;
	int64_t wait = backoff_ms(c->short_runs, RETRY_MS, RETRY_MAX_MS);
	if (e && c->failures >= FAILURES_MAX) {
		log_error("%s %s: given up after %d failures in a row: %s; it last said: %s",
			  c->kind, c->name, c->failures, err_trail(e), last_words(c));
		return CLOCK_NEVER;
	}
	if (e)
		log_warn("%s %s: it ended after %lld ms, and is started again in %lld ms: %s; it "
			 "last said: %s",
			 c->kind, c->name, (long long)ran_ms, (long long)wait, err_trail(e),
			 last_words(c));
	else
		log_info("%s %s: it has ended well, and is started again in %lld ms", c->kind,
			 c->name, (long long)wait);
	return wait;
}

static void wait_for(struct child *c, int64_t ms)
{
	int64_t until = ms == CLOCK_NEVER ? CLOCK_NEVER : clock_after(ms);
	while (!c->is_over && clock_ms() < until && co_wait(until) != ERR_STOPPED)
		;
}

static void child_free(struct child *c)
{
	DL_DELETE(c->set->head, c);
	c->set->count--;
	if (c->set->waiter)
		co_wake(c->set->waiter);
	for (char **w = c->argv; *w; w++)
		free(*w);
	free(c->argv);
	free(c->out_file);
	free(c->err_file);
	free(c->name);
	free(c->command);
	free(c);
}

static void child_main(void *arg)
{
	struct child *c = arg;
	wait_for(c, c->first_wait_ms);
	while (!c->is_over && !co_stopping()) {
		c->started_ms = clock_ms();
		set_state(c, CHILD_STARTING);
		err e = run(c);
		if (c->is_over || co_stopping())
			break;
		int64_t wait = judge(c, e, clock_ms() - c->started_ms);
		set_state(c, wait == CLOCK_NEVER ? CHILD_GIVEN_UP : CHILD_WAITING);
		wait_for(c, wait);
	}
	c->co = NULL;
	if (c->is_over)
		child_free(c);
}

/* ---- its command ---- */

static char *copy_of(const char *text)
{
	return text ? mem_strdup(text) : NULL;
}

static char *command_text(const struct child *c)
{
	struct buf text = {.max = 8192};
	for (size_t i = 0; c->argv[i]; i++)
		buf_printf(&text, "%s%s", i ? " " : "", c->argv[i]);
	if (c->out_file)
		buf_printf(&text, " 1>%s", c->out_file);
	if (c->err_file)
		buf_printf(&text, " 2>%s", c->err_file);
	char *copy = mem_strdup(buf_text(&text));
	buf_free(&text);
	return copy;
}

static void take_command(struct child *c, const struct spawn_opts *run)
{
	size_t count = 0;
	while (run->argv[count])
		count++;
	c->argv = mem_zalloc((count + 1) * sizeof(*c->argv));
	for (size_t i = 0; i < count; i++)
		c->argv[i] = mem_strdup(run->argv[i]);
	c->out_file = copy_of(run->out_file);
	c->err_file = copy_of(run->err_file);
	c->command = command_text(c);
}

struct child *child_start(struct children *set, const struct child_opts *opts)
{
	struct child *c = mem_new(struct child);
	c->set = set;
	c->kind = opts->kind;
	c->name = mem_strdup(opts->name);
	c->first_wait_ms = opts->first_wait_ms;
	take_command(c, &opts->run);
	set_state(c, CHILD_STARTING);
	DL_APPEND(set->head, c);
	set->count++;
	c->co = co_start_in(opts->group, "child", child_main, c);
	if (!c->co)
		set_state(c, CHILD_GIVEN_UP);
	return c;
}

void child_end(struct child **child)
{
	struct child *c = *child;
	*child = NULL;
	if (!c)
		return;
	c->is_over = true;
	if (c->co)
		co_wake(c->co);
	else
		child_free(c);
}

void child_facts(const struct child *c, struct child_facts *out)
{
	*out = (struct child_facts){
		.state = c->state,
		.kind = c->kind,
		.name = c->name,
		.command = c->command,
		.pid = c->run.pid,
		.since_wall_ms = c->since_wall_ms,
		.starts = c->starts,
		.failures = c->failures,
		.last_end = c->last_end,
		.line_count = c->output.count,
	};
	for (int i = 0; i < c->output.count; i++)
		out->lines[i] = child_output_line(&c->output, i);
}

const struct child *child_next(const struct children *set, const struct child *child)
{
	return child ? child->next : set->head;
}

static bool same_file(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool child_runs(const struct child *c, const struct spawn_opts *run)
{
	size_t i = 0;
	for (; c->argv[i] && run->argv[i]; i++)
		if (strcmp(c->argv[i], run->argv[i]) != 0)
			return false;
	return !c->argv[i] && !run->argv[i] && same_file(c->out_file, run->out_file) &&
	       same_file(c->err_file, run->err_file);
}

void children_end(struct children *set)
{
	struct child *c, *next;
	DL_FOREACH_SAFE (set->head, c, next) {
		struct child *one = c;
		child_end(&one);
	}
	set->waiter = co_self();
	while (set->count && co_wait(CLOCK_NEVER) != ERR_STOPPED)
		;
	set->waiter = NULL;
}
