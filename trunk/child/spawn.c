#include "child/spawn.h"
#include "base/mem.h"
#include "base/vec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILE_MODE = 0644, STATUS_NOT_STARTED = 127 };

/* ---- which program ---- */

static bool is_program(const char *path)
{
	return access(path, X_OK) == 0;
}

/* malloc'ed; NULL: there is none. */
static char *find_program(const char *name)
{
	if (strchr(name, '/'))
		return is_program(name) ? mem_strdup(name) : NULL;
	const char *path = getenv("PATH");
	for (path = path && *path ? path : "/usr/local/bin:/usr/bin:/bin"; *name && *path;) {
		size_t n = strcspn(path, ":");
		char *whole = mem_printf("%.*s/%s", (int)n, path, name);
		if (n && is_program(whole))
			return whole;
		free(whole);
		path += n + (path[n] == ':');
	}
	return NULL;
}

/* ---- its environment ---- */

static bool is_ours(const char *variable)
{
	static const char *const ours[] = {"SRS_",           "LISTEN_FDS",    "LISTEN_PID",
					   "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_"};
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strncmp(variable, ours[i], strlen(ours[i])) == 0)
			return true;
	return false;
}

/* The texts are borrowed. */
static char **environment(void)
{
	size_t count = 0, n = 0;
	while (environ && environ[count])
		count++;
	char **out = mem_alloc((count + 1) * sizeof(*out));
	for (size_t i = 0; i < count; i++)
		if (!is_ours(environ[i]))
			out[n++] = environ[i];
	out[n] = NULL;
	return out;
}

/* ---- in the child, which shares our memory until it is another program ---- */

struct start {
	const char *path;
	char *const *argv;
	char **env;
	int in, out, err;
	pid_t parent;
	volatile int failure; /* errno */
};

static void reset_signals(void)
{
	static const int ignored_by_us[] = {SIGPIPE, SIGHUP, SIGUSR1, SIGUSR2};
	sigset_t none;
	for (size_t i = 0; i < sizeof(ignored_by_us) / sizeof(ignored_by_us[0]); i++)
		signal(ignored_by_us[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The system call itself: in a coverage build execve() writes the counters, which are the parent's, and stops
 * them. */
static _Noreturn void become(struct start *s)
{
	reset_signals();
	if (setpgid(0, 0) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == s->parent &&
	    dup2(s->in, STDIN_FILENO) >= 0 && dup2(s->out, STDOUT_FILENO) >= 0 &&
	    dup2(s->err, STDERR_FILENO) >= 0 && syscall(SYS_close_range, 3U, ~0U, 0) == 0)
		(void)syscall(SYS_execve, s->path, s->argv, s->env);
	s->failure = errno ? errno : ECHILD;
	_exit(STATUS_NOT_STARTED);
}

/* vfork: a copy of the page tables of a process with many players would stop the media for a while. Signals
 * are held back meanwhile: our handlers must not run in the child. */
static err launch(struct start *s, pid_t *pid)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	s->parent = getpid();
	pid_t child = vfork();
	if (child == 0)
		become(s);
	int failure = child < 0 ? errno : s->failure;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (child > 0 && failure)
		(void)waitpid(child, NULL, 0);
	errno = failure;
	if (failure)
		return err_sys(ERR_SYSTEM, "start %s", s->path);
	*pid = child;
	return OK;
}

/* ---- what it has open ---- */

struct outputs {
	int in, pipe[2], out, err;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static err open_file(int *fd, const char *path, int instead)
{
	if (!path) {
		*fd = fcntl(instead, F_DUPFD_CLOEXEC, 3);
		return *fd < 0 ? err_sys(ERR_SYSTEM, "dup") : OK;
	}
	/* A pipe that nobody reads is an error and no wait; the program finds the file as programs expect it. */
	*fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		   FILE_MODE);
	if (*fd < 0 || fcntl(*fd, F_SETFL, O_APPEND) != 0)
		return err_sys(ERR_SYSTEM, "open %s", path);
	return OK;
}

static err open_outputs(struct outputs *o, const struct spawn_opts *opts)
{
	o->in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (o->in < 0 || pipe2(o->pipe, O_CLOEXEC) != 0)
		return err_sys(ERR_SYSTEM, "pipe");
	if (fcntl(o->pipe[0], F_SETFL, O_NONBLOCK) != 0)
		return err_sys(ERR_SYSTEM, "pipe");
	TRY(open_file(&o->out, opts->out_file, o->pipe[1]));
	return open_file(&o->err, opts->err_file, o->pipe[1]);
}

static err start(struct spawned *out, const struct outputs *o, const struct spawn_opts *opts,
		 const char *path)
{
	struct start s = {.path = path,
			  .argv = opts->argv,
			  .env = environment(),
			  .in = o->in,
			  .out = o->out,
			  .err = o->err};
	err e = launch(&s, &out->pid);
	free(s.env);
	if (e)
		return e;
	out->pidfd = (int)syscall(SYS_pidfd_open, out->pid, 0);
	if (out->pidfd >= 0)
		return OK;
	e = err_sys(ERR_SYSTEM, "pidfd_open");
	spawn_kill(out->pid, SIGKILL);
	(void)waitpid(out->pid, NULL, 0);
	return e;
}

err spawn(struct spawned *out, const struct spawn_opts *opts)
{
	struct outputs o = {-1, {-1, -1}, -1, -1};
	char *path = find_program(opts->argv[0]);
	err e = path ? open_outputs(&o, opts)
		     : err_fail(ERR_NOTFOUND, "there is no program %s", opts->argv[0]);
	if (!e)
		e = start(out, &o, opts, path);
	if (!e) {
		out->out = o.pipe[0];
		o.pipe[0] = -1;
	}
	close_fd(&o.in);
	close_fd(&o.pipe[0]);
	close_fd(&o.pipe[1]);
	close_fd(&o.out);
	close_fd(&o.err);
	free(path);
	return e;
}

/* ---- its end ---- */

void spawn_kill(pid_t pid, int number)
{
	(void)kill(-pid, number);
}

/* As long as its status is not taken nobody else can have its number, so the group is still its own. */
int spawn_reap(pid_t pid)
{
	int status = 0;
	spawn_kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}
