/* vfork: a copy of the page tables of a process with many players would stop the media for a while. Until the child is
 * another program it shares our memory, and other threads may hold locks of libc: only what is safe after a signal may
 * be called, and all memory is made before. */
#include "main/spawn.h"
#include "base/mem.h"
#include "main/inherit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { PID_DIGITS = 20, EXEC_FAILED = 127 };

struct plan {
	char **env;
	char *pid_text; /* where the digits of LISTEN_PID belong */
	int high[SPAWN_FDS_MAX];
	volatile int
		failure; /* errno of the child, which shares our memory until it is another program */
};

static char *pid_variable(char **digits)
{
	char *text = mem_printf("LISTEN_PID=%0*d", PID_DIGITS, 0);
	*digits = text + strlen("LISTEN_PID=");
	return text;
}

/* "NAME=5,6" */
static char *others_variable(const struct spawn *s)
{
	char *text = mem_printf("%s=%d", s->variable, INHERIT_FIRST_FD + s->listening);
	for (int i = s->listening + 1; i < s->count; i++) {
		char *longer = mem_printf("%s,%d", text, INHERIT_FIRST_FD + i);
		free(text);
		text = longer;
	}
	return text;
}

/* What there is, and four more. */
static char **environment(const struct spawn *s, char **digits)
{
	size_t n = 0, kept = 0;
	while (environ[n])
		n++;
	char **env = mem_zalloc((n + 5) * sizeof(env[0]));
	for (; kept < n; kept++)
		env[kept] = mem_strdup(environ[kept]);
	env[kept++] = pid_variable(digits);
	env[kept++] = mem_printf("LISTEN_FDS=%d", s->listening);
	env[kept] = others_variable(s);
	return env;
}

/* Out of the way of where they will be. */
static bool raise_fds(const struct spawn *s, struct plan *plan)
{
	for (int i = 0; i < s->count; i++) {
		plan->high[i] = fcntl(s->fds[i], F_DUPFD_CLOEXEC, INHERIT_FIRST_FD + SPAWN_FDS_MAX);
		if (plan->high[i] < 0)
			return false;
	}
	return true;
}

static void drop(const struct spawn *s, struct plan *plan)
{
	int number = errno;
	for (int i = 0; i < s->count; i++)
		if (plan->high[i] > 0)
			close(plan->high[i]);
	for (char **p = plan->env; *p; p++)
		free(*p);
	free(plan->env);
	errno = number;
}

/* Signals are as they are here, but no handler of ours runs in the child. */
static void release_signals(const sigset_t *mask)
{
	struct sigaction action;
	for (int i = 1; i < NSIG; i++)
		if (sigaction(i, NULL, &action) == 0 && action.sa_handler != SIG_DFL &&
		    action.sa_handler != SIG_IGN)
			signal(i, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
}

/* The system call itself: in a coverage build execve() writes the counters, which are the parent's, and stops
 * them. Returns when that has failed, with errno. */
static void become(const struct spawn *s, struct plan *plan, const sigset_t *mask)
{
	pid_t pid = getpid();
	for (int i = PID_DIGITS - 1; i >= 0; i--, pid /= 10)
		plan->pid_text[i] = (char)('0' + pid % 10);
	for (int i = 0; i < s->count; i++)
		if (dup2(plan->high[i], INHERIT_FIRST_FD + i) < 0)
			return;
	if (s->folder && chdir(s->folder) != 0)
		return;
	release_signals(mask);
	(void)syscall(SYS_execve, s->path, s->argv, plan->env);
}

_Noreturn static void child(const struct spawn *s, struct plan *plan, const sigset_t *mask)
{
	become(s, plan, mask);
	plan->failure = errno;
	_exit(EXEC_FAILED);
}

/* Signals are held back meanwhile: our handlers must not run in the child. */
static pid_t launch(const struct spawn *s, struct plan *plan)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t pid = vfork();
	if (pid == 0)
		child(s, plan, &before);
	int number = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (pid > 0 && plan->failure) {
		(void)waitpid(pid, NULL, 0); /* it has ended, or is about to */
		number = plan->failure;
		pid = -1;
	}
	errno = number;
	return pid;
}

pid_t spawn_start(const struct spawn *s)
{
	struct plan plan = {0};
	plan.env = environment(s, &plan.pid_text);
	pid_t pid = raise_fds(s, &plan) ? launch(s, &plan) : -1;
	drop(s, &plan);
	return pid;
}
