/* The life of a process: reloads, drains, successors, daemons, the user that it is. */
#include "unit/main/process_rig.h"

/* The process that the text names behind these words. */
static pid_t process_behind(const char *words)
{
	hear(words);
	hear("\n");
	return (pid_t)strtol(strstr(said, words) + strlen(words), NULL, 10);
}

static void another_process_takes_over(void **state)
{
	(void)state;
	char *path =
		configure("srs.conf", free_port(), "http_api { enabled on; listen 127.0.0.1:0; }");
	free(path);
	path = configure("srs.conf", free_port(), "");
	start((const char *[ARGS]){"-c", path, NULL});
	hear("origin: RTMP");
	kill(pid, SIGUSR2);
	pid_t next = process_behind("is started as process ");
	assert_true(next > 0 && next != pid);
	hear("this process has taken over from ");
	hear("has taken over; this one ends with its last client");
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid); /* nobody was there */
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	hear("the process before this one has ended");
	/* It can be replaced itself, and ends as any other. */
	memset(said, 0, SAID_MAX);
	kill(next, SIGUSR2);
	pid_t last = process_behind("is started as process ");
	hear("this process has taken over from ");
	hear("the process before this one has ended");
	kill(last, SIGTERM);
	pid = 0;
	int64_t until = now_ms() + PATIENCE_MS;
	while (listen_on(until))
		;
	assert_non_null(strstr(said, "stopping (SIGTERM)"));
	free(path);
}

static void a_successor_that_does_not_start_changes_nothing(void **state)
{
	(void)state;
	int port = free_port();
	char *path = configure("srs.conf", port, "");
	start((const char *[ARGS]){"-c", path, NULL});
	hear("origin: RTMP");
	free(configure("srs.conf", port, "nonsense;"));
	kill(pid, SIGUSR2);
	hear("was not ready");
	hear("nothing has changed");
	free(configure("srs.conf", port, "chunk_size 4096;"));
	kill(pid, SIGHUP);
	hear("the new configuration is in use");
	kill(pid, SIGTERM);
	assert_int_equal(end(), 0);
	free(path);
}

static void what_prevents_a_start_is_said(void **state)
{
	(void)state;
	char *path = configure("srs.conf", 1, "");
	free(configure("srs.conf", free_port(), "http_api { enabled on; listen 203.0.113.1:1; }"));
	assert_int_equal(run((const char *[ARGS]){"-c", path, NULL}), 1);
	assert_non_null(strstr(said, "203.0.113.1"));
	free(configure("srs.conf", free_port(),
		       "srs_log_tank file; srs_log_file /nowhere/srs.log;"));
	assert_int_equal(run((const char *[ARGS]){"-c", path, NULL}), 1);
	assert_non_null(strstr(said, "/nowhere/srs.log"));
	free(configure("srs.conf", free_port(), "work_dir /nowhere;"));
	assert_int_equal(run((const char *[ARGS]){"-c", path, NULL}), 1);
	assert_non_null(strstr(said, "/nowhere"));
	free(path);
}

/* The number in the pid file; 0: there is none. */
static pid_t pid_in_file(void)
{
	char *path = in_folder("srs.pid"), text[32] = "";
	FILE *f = fopen(path, "r");
	if (f && !fgets(text, sizeof(text), f))
		*text = '\0';
	if (f)
		fclose(f);
	free(path);
	return (pid_t)atoi(text);
}

static void a_daemon_lets_go_of_its_shell_once_it_serves(void **state)
{
	(void)state;
	int port = free_port();
	char *log = mem_printf("daemon on; srs_log_tank file; srs_log_file %s/srs.log;", folder);
	char *path = configure("srs.conf", port, log);
	assert_int_equal(run((const char *[ARGS]){"-c", path, NULL}), 0);
	pid_t daemon = pid_in_file();
	assert_true(daemon > 1);
	assert_int_equal(kill(daemon, SIGTERM), 0);
	for (int64_t until = now_ms() + PATIENCE_MS; pid_in_file();) {
		assert_true(now_ms() < until);
		poll(NULL, 0, 5);
	}
	free(log);
	log = mem_printf("daemon on; srs_log_tank file; srs_log_file %s/srs.log; "
			 "http_api { enabled on; listen 203.0.113.1:1; }",
			 folder);
	free(configure("srs.conf", port, log));
	assert_int_equal(run((const char *[ARGS]){"-c", path, NULL}), 1);
	assert_non_null(strstr(said, "203.0.113.1"));
	free(log);
	free(path);
}

static void root_is_given_up_once_the_ports_are_open(void **state)
{
	(void)state;
	if (geteuid() != 0 || !getpwnam("nobody"))
		skip();
	char *path = configure("srs.conf", free_port(), "user nobody;");
	assert_int_equal(chmod(folder, 0755), 0);
	start((const char *[ARGS]){"-c", path, NULL});
	hear("runs as user nobody");
	hear("origin: RTMP");
	kill(pid, SIGTERM);
	assert_int_equal(end(), 0);
	/* What that user could not read again is said before anything starts. */
	char *file = mem_printf(
		"user nobody; rtmps { enabled on; listen 127.0.0.1:%d; key ./k; cert ./k; }",
		free_port());
	write_file("k", "");
	char *key = in_folder("k");
	assert_int_equal(chmod(key, 0600), 0);
	free(configure("srs.conf", free_port(), file));
	assert_int_equal(run((const char *[ARGS]){"-c", path, NULL}), 1);
	assert_non_null(strstr(said, "cannot be read by user nobody"));
	free(key);
	free(file);
	free(path);
}

/* An upgrade starts the file of the process that is replaced, which is this one. */
int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "-c") == 0)
		return srs_main(argc, argv);
#define with(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		with(another_process_takes_over),
		with(a_successor_that_does_not_start_changes_nothing),
		with(what_prevents_a_start_is_said),
		with(a_daemon_lets_go_of_its_shell_once_it_serves),
		with(root_is_given_up_once_the_ports_are_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
