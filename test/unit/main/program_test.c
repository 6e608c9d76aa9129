/* The whole program in processes of its own: what it prints, how it starts, reloads and ends. */
#include "unit/main/process_rig.h"

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
	hear("the server is being shut down"); /* just before the limit: players do not all leave at once */
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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
