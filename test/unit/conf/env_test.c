/* The environment over the file, and instead of it. */
#include "base/log.h"
#include "unit/conf/support.h"

#include <stdio.h>

static const char file[] = "listen 1; max_connections 7; srs_log_tank file;"
			   "vhost a { play { gop_cache on; } } vhost b { chunk_size 200; }";

static int set_up(void **state)
{
	return clear_environment(state);
}

static void a_variable_beats_the_file(void **state)
{
	(void)state;
	setenv("SRS_LISTEN", "1935  [::1]:1936", 1);
	setenv("SRS_MAX_CONNECTIONS", "99", 1);
	setenv("SRS_HTTP_API_ENABLED", "on", 1);
	setenv("SRS_HTTP_API_AUTH_USERNAME", "some body", 1);
	setenv("SRS_DAEMON", "", 1);
	struct loaded l = load_text("t.conf", file);
	assert_says(l.errors, "", "errors");
	assert_says(l.warnings, "", "warnings");
	assert_int_equal(l.conf->listen.count, 2);
	assert_string_equal(l.conf->listen.v[1], "[::1]:1936");
	assert_int_equal(l.conf->max_connections, 99);
	assert_true(l.conf->http_api.enabled);
	assert_string_equal(l.conf->http_api.auth.username, "some body");
	assert_true(l.conf->daemon);
	unload(&l);
}

static void a_variable_of_a_vhost_is_for_all_of_them(void **state)
{
	(void)state;
	setenv("SRS_VHOST_PLAY_GOP_CACHE", "off", 1);
	setenv("SRS_VHOST_CLUSTER_MODE", "remote", 1);
	setenv("SRS_VHOST_CLUSTER_ORIGIN", "a b:2", 1);
	setenv("SRS_VHOST_ENABLED", "on", 1);
	struct loaded l = load_text("t.conf", file);
	assert_says(l.errors, "", "errors");
	assert_says(l.warnings, "", "warnings");
	for (int i = 0; i < 2; i++) {
		const struct conf_vhost *v = &l.conf->vhosts[i];
		assert_false(v->play.gop_cache);
		assert_int_equal(v->cluster.mode, MODE_REMOTE);
		assert_int_equal(v->cluster.origin.count, 2);
		assert_string_equal(v->cluster.origin.v[1], "b:2");
	}
	assert_true(conf_is_edge(l.conf));
	unload(&l);
}

static void both_spellings_of_the_log_are_known(void **state)
{
	(void)state;
	setenv("SRS_LOG_TANK", "console", 1);
	setenv("SRS_SRS_LOG_LEVEL", "warn", 1);
	struct loaded l = load_text("t.conf", file);
	assert_says(l.warnings, "", "warnings");
	assert_int_equal(l.conf->srs_log_tank, LOG_TANK_CONSOLE);
	assert_int_equal(l.conf->srs_log_level, LOG_WARN);
	unload(&l);
	setenv("SRS_SRS_LOG_TANK", "file", 1);
	setenv("SRS_LOG_LEVEL_V2", "debug", 1);
	l = load_text("t.conf", file);
	assert_says(l.warnings, "", "warnings");
	assert_int_equal(l.conf->srs_log_tank, LOG_TANK_FILE);
	assert_int_equal(l.conf->srs_log_level, LOG_DEBUG);
	unload(&l);
}

static void the_chunk_size_has_two_names(void **state)
{
	(void)state;
	setenv("SRS_CHUNK_SIZE", "300", 1);
	struct loaded l = load_text("t.conf", file);
	assert_int_equal(l.conf->chunk_size, 300);
	assert_int_equal(l.conf->vhosts[0].chunk_size, 300);
	assert_int_equal(l.conf->vhosts[1].chunk_size, 200);
	unload(&l);
	unsetenv("SRS_CHUNK_SIZE");
	setenv("SRS_VHOST_CHUNK_SIZE", "400", 1);
	l = load_text("t.conf", file);
	assert_says(l.warnings, "", "warnings");
	assert_int_equal(l.conf->chunk_size, 400);
	assert_int_equal(l.conf->vhosts[1].chunk_size, 400);
	unload(&l);
}

static void a_bad_value_names_its_variable(void **state)
{
	(void)state;
	setenv("SRS_VHOST_PLAY_GOP_CACHE", "maybe", 1);
	struct loaded l = load_text("t.conf", file);
	assert_says(l.errors,
		    "environment SRS_VHOST_PLAY_GOP_CACHE: 'vhost.play.gop_cache' expects on or "
		    "off, not 'maybe'",
		    "the error");
	unload(&l);
}

static void a_variable_without_a_directive_is_told(void **state)
{
	(void)state;
	setenv("SRS_LISTE", "1", 1);
	setenv("SRS_SOMETHING_ELSE_ALTOGETHER", "1", 1);
	setenv("SRS_CONFIG_FILE", "x", 1);
	setenv("SRS_ENV_ONLY", "on", 1);
	setenv("SRS_DEVICE_IP", "1.2.3.4", 1);
	struct loaded l = load_text("t.conf", file);
	assert_says(l.errors, "", "errors");
	assert_says(l.warnings, "'SRS_LISTE' names no directive; did you mean 'SRS_LISTEN'?\n",
		    "near");
	assert_says(l.warnings, "'SRS_SOMETHING_ELSE_ALTOGETHER' names no directive\n", "far");
	assert_null(strstr(l.warnings, "CONFIG_FILE"));
	assert_null(strstr(l.warnings, "ENV_ONLY"));
	assert_null(strstr(l.warnings, "DEVICE_IP"));
	unload(&l);
}

static void what_is_not_built_is_told_too(void **state)
{
	(void)state;
	setenv("SRS_VHOST_DASH_ENABLED", "off", 1);
	setenv("SRS_TCMALLOC_RELEASE_RATE", "0.8", 1);
	struct loaded l = load_text("t.conf", file);
	assert_says(l.errors, "", "errors");
	assert_says(l.warnings,
		    "'vhost.dash' is a directive of SRS that is not built yet; it stays off",
		    "dash");
	assert_says(l.warnings, "'tcmalloc_release_rate' has no effect", "tcmalloc");
	unload(&l);
	setenv("SRS_VHOST_DASH_ENABLED", "on", 1);
	l = load_text("t.conf", file);
	assert_says(l.errors,
		    "'vhost.dash' is a directive of SRS that is not built yet: MPEG-DASH.", "dash");
	unload(&l);
}

static void the_environment_alone_is_enough(void **state)
{
	(void)state;
	setenv("SRS_LISTEN", "1935", 1);
	setenv("SRS_DAEMON", "on", 1);
	setenv("SRS_VHOST_HTTP_REMUX_ENABLED", "on", 1);
	setenv("SRS_HTTP_SERVER_ENABLED", "on", 1);
	struct loaded l = load_file(NULL);
	assert_says(l.errors, "", "errors");
	assert_says(l.warnings, "", "warnings");
	assert_string_equal(l.conf->file, "");
	assert_false(l.conf->daemon);
	assert_int_equal(l.conf->srs_log_tank, LOG_TANK_CONSOLE);
	assert_int_equal(l.conf->vhost_count, 1);
	assert_string_equal(l.conf->vhosts[0].name, "__defaultVhost__");
	assert_true(l.conf->vhosts[0].http_remux.enabled);
	unload(&l);
	setenv("SRS_LOG_TANK", "file", 1);
	l = load_file(NULL);
	assert_int_equal(l.conf->srs_log_tank, LOG_TANK_FILE);
	unload(&l);
	unsetenv("SRS_LISTEN");
	l = load_file(NULL);
	assert_says(l.errors, "environment: 'listen' is missing", "listen");
	unload(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_variable_beats_the_file, set_up),
		cmocka_unit_test_setup(a_variable_of_a_vhost_is_for_all_of_them, set_up),
		cmocka_unit_test_setup(both_spellings_of_the_log_are_known, set_up),
		cmocka_unit_test_setup(the_chunk_size_has_two_names, set_up),
		cmocka_unit_test_setup(a_bad_value_names_its_variable, set_up),
		cmocka_unit_test_setup(a_variable_without_a_directive_is_told, set_up),
		cmocka_unit_test_setup(what_is_not_built_is_told_too, set_up),
		cmocka_unit_test_setup(the_environment_alone_is_enough, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
