/* process_rig - the whole program in a process of its own: a test has main() as the program has. */
#pragma once
#include "base/mem.h"
#include "base/version.h"
#include "main/main.h"
#include "main/options.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/unit.h"

#include "support/free_port.h"

enum { PATIENCE_MS = 20000, SAID_MAX = 1 << 18, ARGS = 6 };

static char folder[32];
static char *said; /* what the process has printed so far */
static int out = -1;
static pid_t pid;

/* ---- a process ---- */

static inline int setup(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/program_test.XXXXXX");
	said = mem_zalloc(SAID_MAX);
	return mkdtemp(folder) ? 0 : -1;
}

static inline int teardown(void **state)
{
	(void)state;
	char *command = mem_printf("rm -rf %s", folder);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		pid = 0;
	}
	if (out >= 0)
		close(out);
	out = -1;
	int status = system(command);
	free(command);
	free(said);
	return status;
}

static inline char *in_folder(const char *name)
{
	return mem_printf("%s/%s", folder, name);
}

static inline void write_file(const char *name, const char *text)
{
	char *path = in_folder(name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	free(path);
}

static inline int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The arguments behind the name of the program, the last one NULL. */
static inline void start(const char *const args[ARGS])
{
	int fds[2], argc = 1;
	char *argv[ARGS + 1] = {mem_strdup("srs")};
	while (args[argc - 1]) {
		argv[argc] = mem_strdup(args[argc - 1]);
		argc++;
	}
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	if (out >= 0)
		close(out);
	memset(said, 0, SAID_MAX);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		close(fds[0]);
		close(fds[1]);
		exit(srs_main(argc, argv));
	}
	while (argc > 0)
		free(argv[--argc]);
	close(fds[1]);
	out = fds[0];
}

/* False at the end of what it says. */
static inline bool listen_on(int64_t until)
{
	size_t n = strlen(said);
	struct pollfd p = {.fd = out, .events = POLLIN};
	int64_t left = until - now_ms();
	if (left <= 0 || poll(&p, 1, (int)left) <= 0)
		fail_msg("too late; it has said: %s", said);
	ssize_t got = read(out, said + n, SAID_MAX - 1 - n);
	return got > 0;
}

static inline void hear(const char *text)
{
	int64_t until = now_ms() + PATIENCE_MS;
	while (!strstr(said, text))
		if (!listen_on(until))
			fail_msg("it ended without %s: %s", text, said);
}

/* Its exit status. */
static inline int end(void)
{
	int status, end_of_it = 0;
	int64_t until = now_ms() + PATIENCE_MS;
	while (listen_on(until))
		;
	do
		end_of_it = waitpid(pid, &status, 0);
	while (end_of_it < 0);
	pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline int run(const char *const args[ARGS])
{
	start(args);
	return end();
}

/* Writes a configuration into the folder. Returns its path, malloc'ed. */
static inline char *configure(const char *name, int port, const char *more)
{
	/* Of two values of a directive the first counts. */
	char *text = mem_printf(
		"%s\nlisten 127.0.0.1:%d; daemon off; srs_log_tank console; pid %s/srs.pid; "
		"work_dir %s; grace_start_wait 0; grace_final_wait 0; vhost __defaultVhost__ { }\n",
		more, port, folder, folder);
	write_file(name, text);
	free(text);
	return in_folder(name);
}

/* ---- the command line ---- */
