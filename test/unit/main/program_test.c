/* The whole program in processes of its own: what it prints, how it starts, reloads and ends. */
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

enum { PATIENCE_MS = 20000, SAID_MAX = 1 << 18, ARGS = 6 };

static char folder[32];
static char *said; /* what the process has printed so far */
static int out = -1;
static pid_t pid;

/* ---- a process ---- */

static int setup(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/program_test.XXXXXX");
	said = mem_zalloc(SAID_MAX);
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
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

static char *in_folder(const char *name)
{
	return mem_printf("%s/%s", folder, name);
}

static void write_file(const char *name, const char *text)
{
	char *path = in_folder(name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	free(path);
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Nobody listens there at the moment. */
static int free_port(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	close(fd);
	return ntohs(at.sin_port);
}

/* The arguments behind the name of the program, the last one NULL. */
static void start(const char *const args[ARGS])
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
static bool listen_on(int64_t until)
{
	size_t n = strlen(said);
	struct pollfd p = {.fd = out, .events = POLLIN};
	int64_t left = until - now_ms();
	if (left <= 0 || poll(&p, 1, (int)left) <= 0)
		fail_msg("too late; it has said: %s", said);
	ssize_t got = read(out, said + n, SAID_MAX - 1 - n);
	return got > 0;
}

static void hear(const char *text)
{
	int64_t until = now_ms() + PATIENCE_MS;
	while (!strstr(said, text))
		if (!listen_on(until))
			fail_msg("it ended without %s: %s", text, said);
}

/* Its exit status. */
static int end(void)
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

static int run(const char *const args[ARGS])
{
	start(args);
	return end();
}

/* Writes a configuration into the folder. Returns its path, malloc'ed. */
static char *configure(const char *name, int port, const char *more)
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

static void the_command_line_says_what_is_to_be_done(void **state)
{
	(void)state;
	static const struct {
		const char *args[ARGS];
		int status;
		const char *says;
	} cases[] = {
		{{"-v", NULL}, 0, "compatible with SRS"},
		{{"-V", NULL}, 0, version_number},
		{{"-g", NULL}, 0, SERVER_NAME},
		{{"-h", NULL}, 0, "Usage: srs -c FILE"},
		{{NULL}, 0, "Usage: srs -c FILE"},
		{{"--help-config", NULL}, 0, "max_connections"},
		{{"--help-config", "vhost.cluster", NULL}, 0, "coworkers"},
		{{"--help-config", "no.such", NULL}, 1, "no.such"},
		{{"-c", NULL}, 1, "-c needs the name of a file"},
		{{"-x", NULL}, 1, "unknown option -x"},
		{{"conf/srs.conf", NULL}, 1, "srs -c conf/srs.conf"},
		{{"-t", NULL}, 1, "which configuration?"},
		{{"-t", "-c", "/nowhere.conf", NULL}, 1, "/nowhere.conf"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status = run(cases[i].args);
		if (status != cases[i].status || !strstr(said, cases[i].says))
			fail_msg("case %zu: %d, %s", i, status, said);
	}
}

static void the_environment_alone_can_configure(void **state)
{
	(void)state;
	struct options o;
	char *nothing[] = {"srs"}, *check[] = {"srs", "-t"};
	setenv("SRS_ENV_ONLY", "on", 1);
	assert_true(options_read(&o, 1, nothing));
	assert_true(o.env_only && !o.help);
	setenv("SRS_LISTEN", "1936", 1);
	assert_int_equal(run((const char *[ARGS]){"-t", NULL}), 0);
	assert_non_null(strstr(said, "environment: the configuration is fine"));
	unsetenv("SRS_ENV_ONLY");
	unsetenv("SRS_LISTEN");
	setenv("SRS_CONFIG_FILE", "/some.conf", 1);
	assert_true(options_read(&o, 2, check));
	assert_string_equal(o.file, "/some.conf");
	unsetenv("SRS_CONFIG_FILE");
}

static void a_configuration_is_checked_with_all_its_mistakes(void **state)
{
	(void)state;
	char *good = configure("good.conf", 1935, ""),
	     *bad = configure("bad.conf", 1935, "nonsense 1; chunk_sise 2;");
	char *unreadable =
		configure("unreadable.conf", 1935,
			  "rtmps { enabled on; listen 1443; key ./none.key; cert ./none.crt; }");
	char *off =
		configure("off.conf", 1935,
			  "rtmps { enabled off; listen 1443; key ./none.key; cert ./none.crt; }");
	char *nobody = configure("nobody.conf", 1935, "user no-such-user;");
	char *no_group = configure("no_group.conf", 1935, "user root:no-such-group;");
	assert_int_equal(run((const char *[ARGS]){"-t", "-c", good, NULL}), 0);
	assert_non_null(strstr(said, "good.conf: the configuration is fine"));
	assert_int_equal(run((const char *[ARGS]){"-t", "-c", bad, NULL}), 1);
	assert_non_null(strstr(said, "nonsense"));
	assert_non_null(strstr(said, "chunk_sise"));
	assert_int_equal(run((const char *[ARGS]){"-t", "-c", unreadable, NULL}), 1);
	assert_non_null(strstr(said, "`rtmps.key` "));
	assert_int_equal(run((const char *[ARGS]){"-t", "-c", off, NULL}), 0);
	assert_int_equal(run((const char *[ARGS]){"-t", "-c", nobody, NULL}), 1);
	assert_non_null(strstr(said, "there is no user no-such-user"));
	assert_int_equal(run((const char *[ARGS]){"-t", "-c", no_group, NULL}), 1);
	assert_non_null(strstr(said, "there is no group no-such-group"));
	free(good);
	free(bad);
	free(unreadable);
	free(off);
	free(nobody);
	free(no_group);
}

/* ---- its life ---- */

static void a_server_starts_reloads_and_stops(void **state)
{
	(void)state;
	int port = free_port();
	char *path = configure("srs.conf", port, "http_api { enabled off; }");
	start((const char *[ARGS]){"-c", path, NULL});
	hear("origin: RTMP 127.0.0.1");
	free(configure("srs.conf", port, "chunk_size 4096; max_connections 77;"));
	kill(pid, SIGHUP);
	hear("the new configuration is in use");
	free(configure("srs.conf", port, "nonsense;"));
	kill(pid, SIGHUP);
	hear("the configuration cannot be used; the one in use stays");
	free(configure("srs.conf", port, "http_api { enabled on; listen 203.0.113.1:1; }"));
	kill(pid, SIGHUP);
	hear("203.0.113.1");
	kill(pid, SIGUSR1);
	/* A server that is running keeps another one out. */
	pid_t first = pid;
	int first_out = out;
	out = -1;
	free(configure("srs.conf", free_port(), ""));
	assert_int_equal(run((const char *[ARGS]){"-c", path, NULL}), 1);
	assert_non_null(strstr(said, "that server is running already"));
	close(out);
	out = first_out;
	pid = first;
	kill(pid, SIGTERM);
	memset(said, 0, SAID_MAX);
	assert_int_equal(end(), 0);
	char *lock = in_folder("srs.pid");
	assert_int_equal(access(lock, F_OK), -1);
	free(lock);
	free(path);
}

static void a_server_that_nobody_uses_ends_at_once_when_it_is_to_drain(void **state)
{
	(void)state;
	char *path = configure("srs.conf", free_port(),
			       "http_server { enabled on; listen 127.0.0.1:0; }");
	free(path);
	path = configure("srs.conf", free_port(), "");
	start((const char *[ARGS]){"-c", path, NULL});
	hear("origin: RTMP");
	kill(pid, SIGQUIT);
	hear("the last client has left");
	assert_int_equal(end(), 0);
	free(path);
}

/* A player over HTTP that waits for its stream. */
static int begin_to_play(int port)
{
	static const char request[] = "GET /live/x.flv HTTP/1.1\r\nHost: h\r\n\r\n";
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(write(fd, request, sizeof(request) - 1), sizeof(request) - 1);
	return fd;
}

static void a_drain_ends_at_its_limit_who_is_left(void **state)
{
	int http = free_port();
	(void)state;
	char *text = mem_printf("listen 127.0.0.1:%d; daemon off; srs_log_tank console; pid "
				"%s/srs.pid; work_dir %s; "
				"grace_start_wait 0; grace_final_wait 0; drain_timeout 1; "
				"http_server { enabled on; listen 127.0.0.1:%d; }\n"
				"vhost __defaultVhost__ { http_remux { enabled on; } }\n",
				free_port(), folder, folder, http);
	write_file("srs.conf", text);
	free(text);
	char *path = in_folder("srs.conf");
	start((const char *[ARGS]){"-c", path, NULL});
	hear("origin: RTMP");
	int player = begin_to_play(http);
	hear("flv-play of /live/x");
	kill(pid, SIGQUIT);
	hear("graceful quit");
	hear("the limit has come, 1 clients are ended");
	assert_int_equal(end(), 0);
	close(player);
	free(path);
}

static void a_second_signal_does_not_wait(void **state)
{
	(void)state;
	char *path = configure("srs.conf", free_port(), "grace_final_wait 600;");
	start((const char *[ARGS]){"-c", path, NULL});
	hear("origin: RTMP");
	kill(pid, SIGQUIT);
	hear("graceful quit");
	kill(pid, SIGINT);
	hear("stopping (SIGINT)");
	assert_int_equal(end(), 0);
	free(path);
}

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
		with(the_command_line_says_what_is_to_be_done),
		with(the_environment_alone_can_configure),
		with(a_configuration_is_checked_with_all_its_mistakes),
		with(a_server_starts_reloads_and_stops),
		with(a_server_that_nobody_uses_ends_at_once_when_it_is_to_drain),
		with(a_drain_ends_at_its_limit_who_is_left),
		with(a_second_signal_does_not_wait),
		with(another_process_takes_over),
		with(a_successor_that_does_not_start_changes_nothing),
		with(what_prevents_a_start_is_said),
		with(a_daemon_lets_go_of_its_shell_once_it_serves),
		with(root_is_given_up_once_the_ports_are_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
