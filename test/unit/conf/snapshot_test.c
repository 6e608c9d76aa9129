/* A snapshot: who holds it, and how two of them differ. */
#include "base/log.h"
#include "conf/value.h"
#include "unit/conf/support.h"

#include <sys/resource.h>
#include <sys/wait.h>

static void a_server_of_edges_is_an_edge(void **state)
{
	(void)state;
	struct loaded l =
		load_text("t.conf", "listen 1; vhost a { cluster { mode remote; origin x; } }"
				    "vhost b { enabled off; }");
	assert_true(conf_is_edge(l.conf));
	unload(&l);
	l = load_text("t.conf",
		      "listen 1; vhost a { cluster { mode remote; origin x; } } vhost b { }");
	assert_false(conf_is_edge(l.conf));
	unload(&l);
	l = load_text("t.conf", "listen 1;");
	assert_false(conf_is_edge(l.conf));
	unload(&l);
}

static void a_snapshot_lives_as_long_as_somebody_holds_it(void **state)
{
	(void)state;
	struct loaded l = load_text("t.conf", "listen 1; vhost v { }");
	struct conf *mine = conf_ref(l.conf);
	unload(&l);
	assert_null(l.conf);
	assert_string_equal(mine->listen.v[0], "1");
	conf_unref(&mine);
	conf_unref(&mine);
}

static void what_needs_a_restart_is_kept(void **state)
{
	(void)state;
	struct loaded a = load_text(
		"t.conf", "listen 1 2; pid a; max_connections 5; http_api { enabled "
			  "on; listen 3; } vhost v { cluster { mode remote; origin o; } }");
	struct loaded b =
		load_text("t.conf", "listen 9; daemon off; max_connections 6; force_grace_quit on; "
				    "vhost new {} vhost v { play { queue_length 10; } }");
	struct buf diff = {.max = 4096};
	bool restart;
	conf_keep(b.conf, a.conf);
	conf_diff(&diff, a.conf, b.conf, &restart);
	assert_string_equal(buf_text(&diff),
			    "listen: 1 2 -> 9 (applied now)\n"
			    "max_connections: 5 -> 6 (applied now)\n"
			    "force_grace_quit: off -> on (applied now)\n"
			    "http_api.enabled: on -> off (applied now)\n"
			    "http_api.listen: 3 -> 1985 (applied now)\n"
			    "vhost v: play.queue_length: 30 -> 10 (for new sessions)\n"
			    "vhost v: cluster.origin: o -> (none) (for new sessions)\n"
			    "vhost new: absent -> added (for new sessions)\n");
	assert_false(restart);
	assert_int_equal(conf_vhost_named(b.conf, "v")->cluster.mode, MODE_REMOTE);
	assert_int_equal(conf_vhost_named(b.conf, "new")->cluster.mode, MODE_LOCAL);
	buf_free(&diff);
	unload(&a);
	unload(&b);
}

static void the_difference_says_how_it_is_applied(void **state)
{
	(void)state;
	struct loaded a = load_text(
		"t.conf", "listen 1; pid a; max_connections 5; vhost v { "
			  "play { queue_length 1.5; } cluster { secret x; } } vhost gone {}");
	struct loaded b =
		load_text("t.conf", "listen 1 2; pid b; max_connections 5; vhost new {} vhost v { "
				    "play { queue_length 10; } cluster { secret y; } }");
	struct buf diff = {.max = 4096};
	bool restart;
	conf_diff(&diff, a.conf, b.conf, &restart);
	assert_string_equal(buf_text(&diff),
			    "listen: 1 -> 1 2 (applied now)\n"
			    "pid: a -> b (needs a restart)\n"
			    "vhost v: play.queue_length: 1.5 -> 10 (for new sessions)\n"
			    "vhost v: cluster.secret: (hidden) -> (hidden) (applied now)\n"
			    "vhost gone: present -> removed (for new sessions)\n"
			    "vhost new: absent -> added (for new sessions)\n");
	assert_true(restart);
	buf_clear(&diff);
	conf_diff(&diff, a.conf, a.conf, &restart);
	assert_string_equal(buf_text(&diff), "");
	assert_false(restart);
	buf_free(&diff);
	unload(&a);
	unload(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_of_edges_is_an_edge),
		cmocka_unit_test(a_snapshot_lives_as_long_as_somebody_holds_it),
		cmocka_unit_test(what_needs_a_restart_is_kept),
		cmocka_unit_test(the_difference_says_how_it_is_applied),
	};
	return cmocka_run_group_tests(tests, clear_environment, NULL);
}
