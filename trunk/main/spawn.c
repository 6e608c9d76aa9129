/* Between fork and exec only what is safe after a signal may be called, since other threads may hold locks of libc: all
 * memory is made before. */
#include "main/spawn.h"
#include "base/mem.h"
#include "main/inherit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

enum { PID_DIGITS = 20, EXEC_FAILED = 127 };

struct plan {
	char **env;
	char *pid_text; /* where the digits of LISTEN_PID belong */
	int high[SPAWN_FDS_MAX];
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

_Noreturn static void child(const struct spawn *s, struct plan *plan)
{
	pid_t pid = getpid();
	for (int i = PID_DIGITS - 1; i >= 0; i--, pid /= 10)
		plan->pid_text[i] = (char)('0' + pid % 10);
	for (int i = 0; i < s->count; i++)
		if (dup2(plan->high[i], INHERIT_FIRST_FD + i) < 0)
			_exit(EXEC_FAILED);
	if (s->folder && chdir(s->folder) != 0)
		_exit(EXEC_FAILED);
	execve(s->path, s->argv, plan->env);
	_exit(EXEC_FAILED);
}

pid_t spawn_start(const struct spawn *s)
{
	struct plan plan = {0};
	plan.env = environment(s, &plan.pid_text);
	pid_t pid = raise_fds(s, &plan) ? fork() : -1;
	if (pid == 0)
		child(s, &plan);
	drop(s, &plan);
	return pid;
}
