/* A program that is started gets the descriptors and the environment that it is told of, and nothing else. */
#include "main/spawn.h"
#include "support/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static char sh[] = "sh", option[] = "-c";

/* What it prints to descriptor 4; its exit status. */
static int run_program(const char *path, char **argv, const char *folder, char *out, size_t cap)
{
	int pipes[2], other = open("/dev/null", O_RDONLY), status = -1;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	struct spawn s = {.path = path,
			  .argv = argv,
			  .folder = folder,
			  .fds = {other, pipes[1], other},
			  .count = 3,
			  .listening = 1,
			  .variable = "OTHERS"};
	pid_t pid = spawn_start(&s);
	assert_true(pid > 0);
	close(pipes[1]);
	close(other);
	size_t n = 0;
	for (ssize_t got; n < cap - 1 && (got = read(pipes[0], out + n, cap - 1 - n)) > 0;)
		n += (size_t)got;
	out[n] = '\0';
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static int run(const char *path, char *script, const char *folder, char *out, size_t cap)
{
	char *argv[] = {sh, option, script, NULL};
	return run_program(path, argv, folder, out, cap);
}

static void descriptors_and_environment_are_told(void **state)
{
	char script[] = "echo $LISTEN_FDS $OTHERS "
			"$(expr $LISTEN_PID + 0 = $$) $(pwd) $KEPT >&4; exit 7";
	char out[256];
	(void)state;
	setenv("KEPT", "kept", 1);
	assert_int_equal(run("/bin/sh", script, "/", out, sizeof(out)), 7);
	assert_string_equal(out, "1 4,5 1 / kept\n");
}

/* A file that cannot be run, and one that is there no more, are known at once, and why. */
static void what_is_no_program_is_not_started(void **state)
{
	char words[64], *argv[] = {sh, NULL};
	const struct {
		const char *path, *folder;
		int why;
	} cases[] = {
		{"/dev/null", NULL, EACCES},
		{"/etc/passwd", NULL, EACCES},
		{"/does/not/exist", NULL, ENOENT},
		{"/bin/sh", "/does/not/exist", ENOENT},
		{words, NULL, ENOEXEC},
	};
	(void)state;
	int text = memfd_create("words", MFD_CLOEXEC);
	assert_int_equal(write(text, "words\n", 6), 6);
	snprintf(words, sizeof(words), "/proc/self/fd/%d", text);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct spawn s = {.path = cases[i].path,
				  .argv = argv,
				  .folder = cases[i].folder,
				  .variable = "OTHERS"};
		assert_int_equal(spawn_start(&s), -1);
		assert_int_equal(errno, cases[i].why);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left of them */
	close(text);
}

static void on_signal(int number)
{
	(void)number;
}

/* Those that are held while it is started are not held any more, and what is ignored stays so. */
static void its_signals_are_as_they_were_here(void **state)
{
	char sed[] = "sed", quiet[] = "-n", script[] = "/^Sig[BIC]/w /dev/fd/4",
	     file[] = "/proc/self/status", out[256];
	char *argv[] = {sed, quiet, script, file, NULL};
	unsigned long long held, ignored, caught;
	sigset_t blocked, before;
	(void)state;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_SETMASK, &blocked, &before);
	signal(SIGUSR2, on_signal);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(run_program("/bin/sed", argv, NULL, out, sizeof(out)), 0);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	assert_int_equal(
		sscanf(out, "SigBlk: %llx SigIgn: %llx SigCgt: %llx", &held, &ignored, &caught), 3);
	assert_true(held == 1U << (SIGUSR1 - 1));
	assert_true(ignored & 1U << (SIGPIPE - 1));
	assert_true(!(caught & 1U << (SIGUSR2 - 1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors_and_environment_are_told),
		cmocka_unit_test(what_is_no_program_is_not_started),
		cmocka_unit_test(its_signals_are_as_they_were_here),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
