/* A program that is started gets the descriptors and the environment that it is told of, and nothing else. */
#include "main/spawn.h"
#include "support/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char sh[] = "sh", option[] = "-c";

/* What the script prints to descriptor 4; its exit status. */
static int run(const char *path, char *script, const char *folder, char *out, size_t cap)
{
	int pipes[2], other = open("/dev/null", O_RDONLY), status = -1;
	char *argv[] = {sh, option, script, NULL};
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

static void what_is_no_program_ends_at_once(void **state)
{
	char script[] = "", out[16];
	(void)state;
	assert_int_equal(run("/dev/null", script, NULL, out, sizeof(out)), 127);
	assert_int_equal(run("/bin/sh", script, "/does/not/exist", out, sizeof(out)), 127);
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors_and_environment_are_told),
		cmocka_unit_test(what_is_no_program_ends_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
