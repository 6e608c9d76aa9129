#include "main/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int ready_pipe = -1; /* of a daemon: to the process that waits */
static char lock_path[4096];
static int lock_fd = -1;

err process_enter(const struct conf *conf)
{
	if (*conf->work_dir && chdir(conf->work_dir) != 0)
		return err_sys(ERR_CONFIG, "cannot work in %s (`work_dir`, SRS_WORK_DIR)",
			       conf->work_dir);
	return OK;
}

/* The process that the shell sees: it ends when the daemon serves, or with its sentence. */
_Noreturn static void wait_for_daemon(int fd)
{
	char text[1024];
	size_t n = 0;
	ssize_t got;
	while (n < sizeof(text) - 1 &&
	       ((got = read(fd, text + n, sizeof(text) - 1 - n)) > 0 || errno == EINTR))
		n += got > 0 ? (size_t)got : 0;
	text[n] = '\0';
	if (n == 0)
		snprintf(text, sizeof(text), "-the server ended while it started; see its log\n");
	if (text[0] == '+')
		_exit(0);
	fprintf(stderr, "srs: %s", text + 1);
	_exit(1);
}

err process_daemonise(void)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) != 0)
		return err_sys(ERR_SYSTEM, "pipe");
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		return err_sys(ERR_SYSTEM, "fork");
	if (pid > 0) {
		close(fds[1]);
		wait_for_daemon(fds[0]);
	}
	close(fds[0]);
	setsid();
	pid = fork();
	if (pid < 0)
		return err_sys(ERR_SYSTEM, "fork");
	if (pid > 0)
		_exit(0);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
	}
	ready_pipe = fds[1];
	return OK;
}

static void tell(char sign, const char *text)
{
	char line[1024];
	int n = snprintf(line, sizeof(line), "%c%s%s", sign, text, *text ? "\n" : "");
	if (write(ready_pipe, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1) < 0)
		return;
	close(ready_pipe);
	ready_pipe = -1;
}

void process_ready(void)
{
	if (ready_pipe >= 0)
		tell('+', "");
}

void process_failed(const char *sentence)
{
	if (ready_pipe >= 0)
		tell('-', sentence);
	else
		fprintf(stderr, "srs: %s\n", sentence);
}

static err taken(const char *path)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int holder = fcntl(lock_fd, F_GETLK, &lock) == 0 ? (int)lock.l_pid : 0;
	return err_fail(ERR_BUSY,
			"pid file %s is held by process %d: that server is running already; "
			"stop it or give this one another `pid`",
			path, holder);
}

err process_lock(const char *path)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char text[32];
	if (!*path)
		return OK;
	lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (lock_fd < 0)
		return err_sys(ERR_CONFIG, "cannot write the pid file %s (`pid`, SRS_PID)", path);
	if (fcntl(lock_fd, F_SETLK, &lock) != 0)
		return errno == EACCES || errno == EAGAIN
			       ? taken(path)
			       : err_sys(ERR_SYSTEM, "cannot lock %s", path);
	int n = snprintf(text, sizeof(text), "%d", (int)getpid());
	if (ftruncate(lock_fd, 0) != 0 || write(lock_fd, text, (size_t)n) != n)
		return err_sys(ERR_SYSTEM, "cannot write the pid file %s", path);
	snprintf(lock_path, sizeof(lock_path), "%s", path);
	return OK;
}

void process_unlock(void)
{
	if (*lock_path)
		unlink(lock_path);
	*lock_path = '\0';
}

void process_release(void)
{
	if (lock_fd >= 0)
		close(lock_fd);
	lock_fd = -1;
	*lock_path = '\0';
}
