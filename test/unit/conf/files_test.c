/* The files that are shipped in conf/, and those of the document the project comes from. */
#include "unit/conf/support.h"

#include <glob.h>
#include <stdio.h>

static struct loaded load_clean(const char *path)
{
	struct loaded l = load_file(path);
	assert_says(l.errors, "", path);
	assert_says(l.warnings, "", path);
	return l;
}

static void assert_same(const char *a, const char *b)
{
	struct loaded one = load_clean(a), other = load_clean(b);
	struct buf diff = {.max = 1 << 16};
	bool restart;
	conf_diff(&diff, one.conf, other.conf, &restart);
	assert_says(buf_text(&diff), "", a);
	assert_false(restart);
	buf_free(&diff);
	unload(&one);
	unload(&other);
}

static void the_seeds_files_are_shipped_with_other_comments(void **state)
{
	(void)state;
	assert_same("test/data/seed/origin.a.conf", "conf/origin.conf");
	assert_same("test/data/seed/origin.b.conf", "conf/origin.b.conf");
	assert_same("test/data/seed/edge.conf", "conf/edge.conf");
}

static void yaml_twins_say_the_same(void **state)
{
	(void)state;
	assert_same("conf/origin.conf", "conf/origin.yaml");
	assert_same("conf/edge.conf", "conf/edge.yaml");
}

static void the_first_origin_is_what_the_seed_says(void **state)
{
	(void)state;
	struct loaded l = load_clean("test/data/seed/origin.a.conf");
	const struct conf *c = l.conf;
	assert_string_equal(c->listen.v[0], "19350");
	assert_int_equal(c->max_connections, 1000);
	assert_false(c->daemon);
	assert_string_equal(c->pid, "objs/origin.cluster.serverA.pid");
	assert_int_equal(c->srs_log_tank, LOG_TANK_FILE);
	assert_string_equal(c->srs_log_file, "./objs/origin.cluster.serverA.log");
	assert_true(c->http_api.enabled);
	assert_string_equal(c->http_api.listen, "9090");
	const struct conf_cluster *cluster = &c->vhosts[0].cluster;
	assert_int_equal(cluster->mode, MODE_LOCAL);
	assert_true(cluster->origin_cluster);
	assert_int_equal(cluster->coworkers.count, 1);
	assert_string_equal(cluster->coworkers.v[0], "127.0.0.1:9091");
	assert_false(conf_is_edge(c));
	unload(&l);
}

static void the_edge_is_what_the_seed_says(void **state)
{
	(void)state;
	struct loaded l = load_clean("test/data/seed/edge.conf");
	const struct conf *c = l.conf;
	assert_string_equal(c->listen.v[0], "29350");
	assert_true(c->http_server.enabled);
	assert_string_equal(c->http_server.listen, "8081");
	const struct conf_vhost *v = conf_vhost_find(c, "127.0.0.1");
	assert_int_equal(v->cluster.mode, MODE_REMOTE);
	assert_int_equal(v->cluster.origin.count, 2);
	assert_string_equal(v->cluster.origin.v[1], "127.0.0.1:19351");
	assert_true(v->http_remux.enabled && v->http_remux.hstrs);
	assert_true(conf_is_edge(c));
	unload(&l);
}

static void the_stand_alone_server_needs_nothing(void **state)
{
	(void)state;
	struct loaded l = load_clean("conf/srs.conf");
	assert_string_equal(l.conf->listen.v[0], "1935");
	assert_false(l.conf->daemon);
	assert_int_equal(l.conf->srs_log_tank, LOG_TANK_CONSOLE);
	assert_string_equal(l.conf->http_api.listen, "1985");
	assert_string_equal(l.conf->http_server.listen, "8080");
	assert_true(l.conf->vhosts[0].http_remux.enabled);
	unload(&l);
}

/* Without a warning, too. */
static void every_file_that_is_shipped_is_fine(void **state)
{
	glob_t found;
	(void)state;
	assert_int_equal(glob("conf/*.conf", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 10);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct loaded l = load_clean(found.gl_pathv[i]);
		unload(&l);
	}
	globfree(&found);
}

static void the_full_file_is_what_the_table_says(void **state)
{
	(void)state;
	struct buf want = {.max = 1 << 20}, got = {.max = 1 << 20};
	assert_int_equal(conf_help(&want, NULL), OK);
	const char *text = buf_text(&want);
	assert_true(want.n > 1000);
	FILE *f = fopen("conf/full.conf", "rb");
	assert_non_null(f);
	uint8_t *at = buf_grow(&got, 1 << 19);
	got.n = fread(at, 1, 1 << 19, f);
	fclose(f);
	if (strcmp(text, buf_text(&got)) != 0)
		fail_msg("conf/full.conf is not what the table says: write it again with the help "
			 "of the program");
	buf_free(&want);
	buf_free(&got);
}

static void the_full_file_changes_nothing(void **state)
{
	(void)state;
	struct loaded full = load_clean("conf/full.conf");
	struct loaded least = load_text("t.conf", "listen 1935; vhost __defaultVhost__ { }");
	struct buf diff = {.max = 1 << 16};
	bool restart;
	conf_diff(&diff, least.conf, full.conf, &restart);
	assert_string_equal(buf_text(&diff), "");
	buf_free(&diff);
	unload(&full);
	unload(&least);
}

static void help_of_one_directive_is_a_part_of_the_file(void **state)
{
	(void)state;
	static const struct {
		const char *path, *has, *lacks;
	} cases[] = {
		{"vhost.play.gop_cache", "vhost __defaultVhost__ {", "gop_cache_max_frames"},
		{"vhost.play", "        gop_cache_max_frames    2500;\n", "chunk_size"},
		{"listen", "listen                  1935;\n", "max_connections"},
		{"http_api", "    # Directives of SRS that are accepted without effect",
		 "http_server {"},
		{"vhost.dash", "# vhost.dash: a directive of SRS that is not built yet",
		 "gop_cache"},
		{"ff_log_dir", "accepted without effect", "gop_cache"},
		{"gop_cach", "There is no directive 'gop_cach'; did you mean 'gop_cache'?",
		 "listen"},
		{"vhost.play.gop", "There is no directive", "listen"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out = {.max = 1 << 20};
		(void)conf_help(&out, cases[i].path);
		assert_says(buf_text(&out), cases[i].has, cases[i].path);
		if (strstr(buf_text(&out), cases[i].lacks))
			fail_msg("%s: there is %s in\n%s", cases[i].path, cases[i].lacks,
				 buf_text(&out));
		buf_free(&out);
	}
}

static void a_missing_file_is_told(void **state)
{
	(void)state;
	struct loaded l = load_file("conf/no-such-file.conf");
	assert_says(l.errors, "cannot open 'conf/no-such-file.conf': No such file or directory\n",
		    "missing");
	unload(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_seeds_files_are_shipped_with_other_comments),
		cmocka_unit_test(yaml_twins_say_the_same),
		cmocka_unit_test(the_first_origin_is_what_the_seed_says),
		cmocka_unit_test(the_edge_is_what_the_seed_says),
		cmocka_unit_test(the_stand_alone_server_needs_nothing),
		cmocka_unit_test(every_file_that_is_shipped_is_fine),
		cmocka_unit_test(the_full_file_is_what_the_table_says),
		cmocka_unit_test(the_full_file_changes_nothing),
		cmocka_unit_test(help_of_one_directive_is_a_part_of_the_file),
		cmocka_unit_test(a_missing_file_is_told),
	};
	return cmocka_run_group_tests(tests, clear_environment, NULL);
}
