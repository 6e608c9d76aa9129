/* Real programs are started, watched and ended. */
#include "child/child.h"
#include "support/co_unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/unit.h"

enum { PATIENCE_MS = 10000 };

static struct co_group group;
static struct children set;

static struct child *start(char *const *argv)
{
	return child_start(
		&set, &(struct child_opts){
			      .kind = "test", .name = "it", .run.argv = argv, .group = &group});
}

static struct child_facts facts_of(const struct child *c)
{
	struct child_facts f;
	child_facts(c, &f);
	return f;
}

static bool has_said(const struct child *c, const char *line)
{
	struct child_facts f = facts_of(c);
	return f.line_count > 0 && strcmp(f.lines[f.line_count - 1], line) == 0;
}

/* Until the program has said that line. */
static void await_line(const struct child *c, const char *line)
{
	int64_t until = clock_after(PATIENCE_MS);
	while (!has_said(c, line) && clock_ms() < until)
		assert_int_equal(co_sleep(5), OK);
	assert_true(has_said(c, line));
}

static void await_end(const struct child *c)
{
	int64_t until = clock_after(PATIENCE_MS);
	while (!*facts_of(c).last_end && clock_ms() < until)
		assert_int_equal(co_sleep(5), OK);
}

/* Those that were killed count until whoever has become their parent has taken notice. */
static void await_nobody(pid_t group_id)
{
	int64_t until = clock_after(PATIENCE_MS);
	while (kill(-group_id, 0) == 0 && clock_ms() < until)
		assert_int_equal(co_sleep(5), OK);
	assert_int_equal(kill(-group_id, 0), -1);
	assert_int_equal(errno, ESRCH);
}

static void finish(struct child **c)
{
	child_end(c);
	children_end(&set);
	assert_int_equal(set.count, 0);
	assert_null(child_next(&set, NULL));
}

/* It would be waited for, with all that the server does. */
static void a_pipe_that_nobody_reads_takes_no_output(void **state)
{
	char path[] = "/tmp/child_test.XXXXXX";
	char *argv[] = {"sh", "-c", "echo here", NULL};
	(void)state;
	assert_non_null(mkdtemp(path));
	char fifo[64];
	snprintf(fifo, sizeof(fifo), "%s/fifo", path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	struct child *c =
		child_start(&set, &(struct child_opts){.kind = "test",
						       .name = "it",
						       .run = {.argv = argv, .out_file = fifo},
						       .group = &group});
	await_end(c);
	assert_non_null(strstr(facts_of(c).last_end, "open "));
	finish(&c);
	assert_int_equal(unlink(fifo), 0);
	assert_int_equal(rmdir(path), 0);
}

/* What ignores TERM is killed; nothing else is held up while it goes. */
static void a_program_that_ignores_term_is_killed(void **state)
{
	char *argv[] = {"sh", "-c", "trap '' TERM; echo here; while :; do sleep 1; done", NULL};
	struct child *c = start(argv);
	(void)state;
	await_line(c, "here");
	pid_t pid = facts_of(c).pid;
	finish(&c);
	await_nobody(pid);
}

static void a_program_runs_until_it_is_told_to_end(void **state)
{
	char *argv[] = {"sh", "-c", "echo here; sleep 100 & sleep 100", NULL};
	char *other[] = {"sh", "-c", "echo there", NULL};
	struct child *c = start(argv);
	(void)state;
	await_line(c, "here");
	struct child_facts f = facts_of(c);
	assert_string_equal(child_state_name(f.state), "running");
	assert_int_equal(f.starts, 1);
	assert_string_equal(f.command, "sh -c echo here; sleep 100 & sleep 100");
	assert_int_equal(getpgid(f.pid), f.pid);
	assert_true(child_runs(c, &(struct spawn_opts){.argv = argv}));
	assert_false(child_runs(c, &(struct spawn_opts){.argv = other}));
	assert_false(child_runs(c, &(struct spawn_opts){.argv = argv, .err_file = "f"}));
	assert_ptr_equal(child_next(&set, NULL), c);
	finish(&c);
	await_nobody(f.pid);
}

static void a_program_that_fails_waits_and_says_why(void **state)
{
	char *argv[] = {"sh", "-c", "echo oh no >&2; exit 3", NULL};
	struct child *c = start(argv);
	(void)state;
	await_end(c);
	struct child_facts f = facts_of(c);
	assert_string_equal(f.last_end, "status 3");
	assert_string_equal(child_state_name(f.state), "waiting");
	assert_int_equal(f.failures, 1);
	assert_true(has_said(c, "oh no"));
	finish(&c);
}

static void a_program_that_ends_well_has_not_failed(void **state)
{
	char *argv[] = {"true", NULL};
	struct child *c = start(argv);
	(void)state;
	await_end(c);
	assert_string_equal(facts_of(c).last_end, "status 0");
	assert_string_equal(child_state_name(facts_of(c).state), "waiting");
	assert_int_equal(facts_of(c).failures, 0);
	finish(&c);
}

/* The program removes itself: there is nothing to start the next time. */
static void the_last_end_is_that_of_the_last_attempt(void **state)
{
	static const char text[] = "#!/bin/sh\nrm \"$0\"\nexit 3\n";
	char path[] = "/tmp/child_test.XXXXXX";
	int fd = mkstemp(path);
	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	assert_int_equal(fchmod(fd, 0700), 0);
	close(fd);
	char *argv[] = {path, NULL};
	struct child *c = start(argv);
	await_end(c);
	assert_string_equal(facts_of(c).last_end, "status 3");
	int64_t until = clock_after(PATIENCE_MS);
	while (facts_of(c).failures < 2 && clock_ms() < until)
		assert_int_equal(co_sleep(5), OK);
	assert_int_equal(facts_of(c).starts, 1);
	assert_string_not_equal(facts_of(c).last_end, "status 3");
	finish(&c);
}

static void a_program_that_is_not_there_fails(void **state)
{
	char *argv[] = {"no-such-program-at-all", NULL};
	struct child *c = start(argv);
	(void)state;
	await_end(c);
	assert_int_equal(facts_of(c).pid, 0);
	assert_int_equal(facts_of(c).starts, 0);
	assert_int_equal(facts_of(c).failures, 1);
	finish(&c);
}

/* A word that looks like a redirection is a word. */
static void output_goes_to_a_file(void **state)
{
	char out[] = "/tmp/child_test.XXXXXX", line[64] = "";
	char *argv[] = {"sh", "-c", "echo filed $0; echo told >&2; sleep 100", ">no/such/file",
			NULL};
	int fd = mkstemp(out);
	(void)state;
	assert_true(fd >= 0);
	struct child *c =
		child_start(&set, &(struct child_opts){.kind = "test",
						       .name = "it",
						       .run = {.argv = argv, .out_file = out},
						       .group = &group});
	await_line(c, "told");
	assert_int_equal(facts_of(c).line_count, 1);
	assert_non_null(strstr(facts_of(c).command, " 1>/tmp/child_test."));
	assert_true(read(fd, line, sizeof(line) - 1) > 0);
	assert_string_equal(line, "filed >no/such/file\n");
	finish(&c);
	close(fd);
	unlink(out);
}

static void a_group_that_is_stopped_takes_its_programs_along(void **state)
{
	char *argv[] = {"sh", "-c", "trap '' TERM; echo here; sleep 100", NULL};
	struct child *c = start(argv);
	(void)state;
	await_line(c, "here");
	pid_t pid = facts_of(c).pid;
	co_group_stop(&group);
	await_nobody(pid);
	child_end(&c);
	assert_int_equal(set.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_program_runs_until_it_is_told_to_end, co_setup,
						co_teardown),
		cmocka_unit_test_setup_teardown(a_pipe_that_nobody_reads_takes_no_output, co_setup,
						co_teardown),
		cmocka_unit_test_setup_teardown(a_program_that_ignores_term_is_killed, co_setup,
						co_teardown),
		cmocka_unit_test_setup_teardown(a_program_that_fails_waits_and_says_why, co_setup,
						co_teardown),
		cmocka_unit_test_setup_teardown(a_program_that_is_not_there_fails, co_setup,
						co_teardown),
		cmocka_unit_test_setup_teardown(a_program_that_ends_well_has_not_failed, co_setup,
						co_teardown),
		cmocka_unit_test_setup_teardown(the_last_end_is_that_of_the_last_attempt, co_setup,
						co_teardown),
		cmocka_unit_test_setup_teardown(output_goes_to_a_file, co_setup, co_teardown),
		cmocka_unit_test_setup_teardown(a_group_that_is_stopped_takes_its_programs_along,
						co_setup, co_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
