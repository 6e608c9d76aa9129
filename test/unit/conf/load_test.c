/* From a text to a snapshot: values, defaults, old spellings, and what is told about the rest. */
#include "base/log.h"
#include "conf/value.h"
#include "unit/conf/support.h"

#include <sys/resource.h>
#include <sys/wait.h>

static void defaults_fill_what_is_not_said(void **state)
{
	(void)state;
	struct loaded l = load_text("t.conf", "listen 1935; vhost __defaultVhost__ { }");
	assert_says(l.errors, "", "errors");
	assert_says(l.warnings, "", "warnings");
	const struct conf *c = l.conf;
	assert_string_equal(c->file, "t.conf");
	assert_int_equal(c->listen.count, 1);
	assert_int_equal(c->max_connections, 1000);
	assert_true(c->daemon);
	assert_int_equal(c->srs_log_tank, LOG_TANK_FILE);
	assert_int_equal(c->srs_log_level, LOG_INFO);
	assert_int_equal(c->reuse_port, CONF_AUTO);
	assert_string_equal(c->server_id, "");
	assert_string_equal(c->http_api.listen, "1985");
	const struct conf_vhost *v = conf_vhost_find(c, "any.example.com");
	assert_non_null(v);
	assert_string_equal(v->name, "__defaultVhost__");
	assert_true(v->enabled);
	assert_int_equal(v->chunk_size, 60000);
	assert_int_equal(v->play.mw_latency_ms, 100);
	assert_int_equal(v->play.queue_length_ms, 30000);
	assert_int_equal(v->publish.normal_timeout_ms, 5000);
	assert_int_equal(v->publish.reconnect_grace_ms, 10000);
	assert_int_equal(v->cluster.mode, MODE_LOCAL);
	assert_string_equal(v->cluster.vhost, "[vhost]");
	assert_int_equal(v->cluster.origin.count, 0);
	assert_int_equal(v->cluster.hop_limit, 8);
	assert_int_equal(v->cluster.query_cache_none_ms, 300);
	assert_string_equal(v->http_remux.mount, "[vhost]/[app]/[stream].flv");
	unload(&l);
}

static void some_defaults_depend_on_other_values(void **state)
{
	(void)state;
	struct loaded l =
		load_text("t.conf", "listen 1935; vhost a { min_latency on; }"
				    "vhost b { min_latency on; chunk_size 128; }"
				    "srs_log_level_v2 warn; srs_log_level info; chunk_size 4096;");
	assert_says(l.errors, "", "errors");
	assert_int_equal(conf_vhost_find(l.conf, "a")->chunk_size, 4096);
	assert_int_equal(conf_vhost_find(l.conf, "b")->chunk_size, 128);
	assert_int_equal(l.conf->srs_log_level, LOG_WARN);
	assert_null(conf_vhost_find(l.conf, "c"));
	unload(&l);
}

static void several_problems_are_told_in_one_go(void **state)
{
	(void)state;
	struct loaded l = load_text("t.conf", "listen 1935;\n"
					      "max_conections 5;\n"
					      "daemon yes;\n"
					      "vhost v {\n"
					      "  play {\n"
					      "    gop_cach off;\n"
					      "    mw_latency fast;\n"
					      "  }\n"
					      "  dash { enabled on; whatever 3; }\n"
					      "  foo\n"
					      "}\n");
	assert_null(l.conf);
	static const char *const lines[] = {
		"t.conf:2: unknown directive 'max_conections'; did you mean 'max_connections'?\n",
		"t.conf:3: 'daemon' expects on or off, not 'yes'\n",
		"t.conf:6: unknown directive 'gop_cach' in vhost.play; did you mean 'gop_cache'?\n",
		"t.conf:7: 'vhost.play.mw_latency' expects milliseconds, 0 to 60000, not 'fast'\n",
		"t.conf:9: 'vhost.dash' is a directive of SRS that is not built yet",
		"t.conf:10: unexpected end of line after 'foo'",
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_says(l.errors, lines[i], lines[i]);
	unload(&l);
}

struct load_case {
	const char *what, *text, *error, *warning;
};

static const struct load_case cases[] = {
	{"nothing at all", "", "there is not a single directive", ""},
	{"no listen", "daemon off; vhost v {}", "t.conf: 'listen' is missing", ""},
	{"no vhost", "listen 1;", "", "t.conf: there is no vhost"},
	{"a directive of another block", "L http_api { gop_cache on; }",
	 "unknown directive 'gop_cache' in http_api; it belongs to vhost.play", ""},
	{"a directive of the top", "L vhost w { http_api {} }",
	 "unknown directive 'http_api' in vhost; it belongs to the top level", ""},
	{"a path for a name", "L vhost.enabled off;", "unknown directive 'vhost.enabled'\n", ""},
	{"a short name with two letters that have changed places",
	 "L vhost w { hsl { enabled on; } }",
	 "unknown directive 'hsl' in vhost; did you mean 'hls'?\n", ""},
	{"something nobody knows", "L qwertyuiop;", "unknown directive 'qwertyuiop'\n", ""},
	{"a block with a value", "L http_api on;", "'http_api' is a block, 'http_api { … }'", ""},
	{"a value with a block", "L daemon off { a; }", "'daemon' holds a value", ""},
	{"a vhost without a name", "L vhost { }", "'vhost' expects one name", ""},
	{"two values", "L daemon on off;", "'daemon' takes one value, not 2", ""},
	{"no value", "L daemon;", "'daemon' expects on or off\n", ""},
	{"an empty text", "L server_id \"\";", "", ""},
	{"a duplicate", "L daemon off;\ndaemon on;", "",
	 "t.conf:2: 'daemon' was set in line 1 already"},
	{"a duplicate block", "L http_api { }\nhttp_api { }", "", "'http_api' was set in line 1"},
	{"a duplicate vhost", "L vhost v { }", "'vhost v' is in line 1 already", ""},
	{"a vhost that differs by case and a dot", "L vhost V. { }",
	 "'V.' is the host of vhost 'v' too", ""},
	{"another vhost", "L vhost w { }", "", ""},

	{"HTTPS without HTTP", "L http_server { https { enabled on; } }", "",
	 "'https' has no effect without 'enabled on' in http_server"},
	{"HTTPS", "L http_api { enabled on; listen 3; https { enabled on; listen 4; } }", "", ""},
	{"HTTP and HTTPS on one port",
	 "L http_api { enabled on; listen 3; https { enabled on; listen 3; } }", "", ""},
	{"HTTPS where RTMP is",
	 "listen 1935; vhost v { } http_api { enabled on; https { enabled on; listen 1935; } }",
	 "'http_api.https.listen 1935' is taken by 'listen 1935' already", ""},
	{"RTMPS", "L rtmps { enabled on; listen 1443 1935; }", "", ""},
	{"RTMPS nowhere", "L rtmps { enabled on; }", "'rtmps' is enabled without 'listen'", ""},
	{"RTMPS where HTTP is",
	 "L rtmps { enabled on; listen 3; } http_api { enabled on; listen 3; }",
	 "'http_api.listen 3' is taken by 'rtmps.listen 3' already", ""},
	{"RTMPS beside RTMP",
	 "listen 1935; vhost v { } rtmps { enabled on; listen 127.0.0.1:1935; }",
	 "'rtmps.listen 127.0.0.1:1935' overlaps 'listen 1935'; write the same text", ""},
	{"a certificate without a key", "L rtmps { cert a b; }", "2 certificates and 1 keys", ""},
	{"a vhost's certificate without a key", "L vhost w { tls { cert a; } }",
	 "1 certificates and 0 keys", ""},
	{"TLS upstream", "listen 1; vhost v { cluster { mode remote; origin a; protocol flvs; } }",
	 "", ""},
	{"of SRS, on", "L tencentcloud_apm { enabled on; }",
	 "'tencentcloud_apm' is a directive of SRS that is not", ""},
	{"of SRS, off", "L tencentcloud_apm { enabled off; x { y; } }", "",
	 "'tencentcloud_apm' is a directive of SRS"},
	{"of SRS, not said", "L tencentcloud_apm { listen 9; }", "",
	 "'tencentcloud_apm' is a directive of SRS"},
	{"of SRS, a switch", "L asprocess on;", "'asprocess' is a directive of SRS", ""},
	{"of SRS, a switch that is off", "L asprocess off;", "", "it stays off"},
	{"of SRS, harmless", "L ff_log_dir /dev/null;", "", "'ff_log_dir' has no effect"},
	{"of SRS, a harmless block", "L threads { interval 5; }", "", "'threads' has no effect"},
	{"of SRS, in a block", "L stats { enabled on; }", "", "'stats.enabled' has no effect"},
	{"the old form of forward", "listen 1; vhost v { forward a b; }", "",
	 "'forward a' is an old spelling of 'forward {"},
	{"forward to nobody", "listen 1; vhost v { forward { enabled on; } }", "",
	 "'forward' is enabled without 'destination' or 'backend'"},
	{"forward to no server", "listen 1; vhost v { forward { destination http://a; } }",
	 "expects host[:port], rtmp[s]://host[:port]", ""},
	{"forward of what may be idle",
	 "listen 1; vhost v { publish { kickoff_for_idle 5; } forward { enabled on; destination a; "
	 "} }",
	 "'forward' and 'kickoff_for_idle' of publish exclude each other", ""},
	{"of SRS, an old list", "listen 1; vhost v { refer a.com; }", "'vhost.refer' is", ""},
	{"of SRS, the old static files", "listen 1; vhost v { http { enabled on; } }",
	 "'vhost.http_static'", ""},
	{"hstrs off",
	 "listen 1; http_server { enabled on; listen 2; } vhost v { http_remux { enabled on; hstrs "
	 "off; } }",
	 "", "'vhost.http_remux.hstrs off' has no effect"},

	{"an edge without origin", "listen 1;\nvhost v {\ncluster {\nmode remote;\n}\n}",
	 "t.conf:4: 'mode remote' needs 'origin", ""},
	{"a disabled edge without origin", "L vhost w { enabled off; cluster { mode remote; } }",
	 "", ""},
	{"an origin with origins", "listen 1; vhost v { cluster { origin a; } }", "",
	 "'origin' has no effect"},
	{"a cluster without API",
	 "listen 1; vhost v { cluster { origin_cluster on; coworkers a:1; } }", "",
	 "without 'http_api { enabled on; }'"},
	{"coworkers without cluster", "listen 1; vhost v { cluster { coworkers a:1; } }", "",
	 "'coworkers' has no effect without 'origin_cluster on'"},
	{"a cluster of one",
	 "listen 1; http_api { enabled on; } vhost v { cluster { origin_cluster on; } }", "",
	 "without 'coworkers'"},
	{"an edge in the cluster",
	 "listen 1; http_api { enabled on; } vhost v { cluster { mode remote; origin a; "
	 "origin_cluster on; } }",
	 "", "'origin_cluster' has no effect with 'mode remote'"},
	{"two secrets", "listen 1; vhost v { cluster { secret a; secret_file b; } }", "both set",
	 ""},
	{"remux without server", "listen 1; vhost v { http_remux { enabled on; } }", "",
	 "nobody serves it"},
	{"a small chunk size", "L chunk_size 127;", "",
	 "t.conf:1: 'chunk_size 127' is outside of 128"},
	{"a large chunk size", "listen 1; vhost v {\nchunk_size 65537; }", "",
	 "t.conf:2: 'chunk_size 65537'"},
	{"an impossible chunk size", "L chunk_size 0;", "'chunk_size' expects a whole number", ""},
	{"a port twice", "listen 1935 127.0.0.1:1935; vhost v {}", "",
	 "'listen 127.0.0.1:1935' has no effect: 'listen 1935' listens there already"},
	{"a port twice, as SRS has it", "listen 1935 [::]:1935; vhost v {}", "",
	 "'listen [::]:1935' has no effect: 'listen 1935' listens there already"},
	{"both kinds of address", "listen 0.0.0.0:1935 [::]:1935; vhost v {}", "", ""},
	{"RTMP where the API is", "listen 1935; http_api { enabled on; listen 1935; } vhost v {}",
	 "'http_api.listen 1935' is taken by 'listen 1935' already", ""},
	{"a port for two services", "L http_api { enabled on; listen 1; }",
	 "'http_api.listen 1' is taken", ""},
	{"a port of a service that is off", "L http_api { listen 1; }", "", ""},
	{"one port for API and server",
	 "L http_api { enabled on; listen 80; } http_server { enabled on; listen 80; }", "", ""},
	{"one port in two spellings",
	 "L http_api { enabled on; listen 80; } http_server { enabled on; listen 127.0.0.1:80; }",
	 "overlaps 'http_server.listen 127.0.0.1:80'", ""},
	{"one port of two addresses",
	 "L http_api { enabled on; listen [::1]:80; } http_server { enabled on; listen "
	 "127.0.0.1:80; }",
	 "", ""},
	{"a login without a password", "L http_api { auth { enabled on; username a; } }",
	 "lacks username", ""},
	{"a shared port of an origin", "L reuse_port on;", "",
	 "t.conf:1: 'reuse_port on' with an origin"},
};

static void each_mistake_has_its_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct load_case *c = &cases[i];
		struct buf text = {.max = 4096};
		if (strncmp(c->text, "L ", 2) == 0)
			buf_printf(&text, "listen 1; vhost v { } %s", c->text + 2);
		else
			buf_printf(&text, "%s", c->text);
		struct loaded l = load_text("t.conf", buf_text(&text));
		assert_says(l.errors, c->error, c->what);
		if (*c->warning || !strstr(l.warnings, "old"))
			assert_says(l.warnings, c->warning, c->what);
		unload(&l);
		buf_free(&text);
	}
}

struct alias_case {
	const char *old, *new;
};

static const struct alias_case aliases[] = {
	{"time_jitter zero;", "play { time_jitter zero; }"},
	{"atc on;", "play { atc on; }"},
	{"mw_latency 7;", "play { mw_latency 7; }"},
	{"gop_cache off;", "play { gop_cache off; }"},
	{"gop_cache_max_frames 3;", "play { gop_cache_max_frames 3; }"},
	{"queue_length 3;", "play { queue_length 3; }"},
	{"reduce_sequence_header on;", "play { reduce_sequence_header on; }"},
	{"publish_1stpkt_timeout 777;", "publish { firstpkt_timeout 777; }"},
	{"publish_normal_timeout 777;", "publish { normal_timeout 777; }"},
	{"mode remote; origin a b;", "cluster { mode remote; origin a b; }"},
	{"mode remote; origin a; token_traverse on; vhost w; debug_srs_upnode off;",
	 "cluster { mode remote; origin a; token_traverse on; vhost w; debug_srs_upnode off; }"},
	{"gop_cache off; play { atc on; }", "play { atc on; gop_cache off; }"},
	{"} http_stream { enabled on; listen 8090; dir /a;",
	 "} http_server { enabled on; listen 8090; dir /a;"},
};

static struct loaded load_vhost(const char *text)
{
	struct buf whole = {.max = 4096};
	buf_printf(&whole, "listen 1; vhost v { %s }", text);
	struct loaded l = load_text("t.conf", buf_text(&whole));
	assert_says(l.errors, "", text);
	buf_free(&whole);
	return l;
}

static void old_spellings_mean_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
		struct buf diff = {.max = 4096};
		bool restart;
		struct loaded old = load_vhost(aliases[i].old), new = load_vhost(aliases[i].new);
		struct loaded none = load_vhost("");
		assert_says(old.warnings, "old", aliases[i].old);
		conf_diff(&diff, old.conf, new.conf, &restart);
		assert_says(buf_text(&diff), "", aliases[i].old);
		conf_diff(&diff, none.conf, new.conf, &restart);
		assert_true(diff.n > 0);
		buf_free(&diff);
		unload(&old);
		unload(&new);
		unload(&none);
	}
}

static void the_new_spelling_wins_over_the_old_one(void **state)
{
	(void)state;
	struct loaded l = load_vhost("gop_cache on; play { gop_cache off; }");
	assert_false(l.conf->vhosts[0].play.gop_cache);
	assert_says(l.warnings, "'gop_cache' was set in line 1 already", "duplicate");
	unload(&l);
}

static void what_is_left_of_an_old_block_is_unknown(void **state)
{
	(void)state;
	struct loaded l = load_text("t.conf", "listen 1; vhost v { mr { enabled on; speed 3; } }");
	assert_says(l.errors, "unknown directive 'mr' in vhost", "mr");
	unload(&l);
}

static void servers_of_ice_are_what_a_header_takes(void **state)
{
	(void)state;
	static const struct {
		const char *word;
		bool is_good;
	} words[] = {
		{"stun:stun.example.com", true},
		{"stuns:192.0.2.1:5349", true},
		{"turn:name:pass:word@[2001:db8::1]:3478?transport=udp", true},
		{"turns:turn.example.com?transport=tcp", true},
		{"turn.example.com", false},
		{"stun:", false},
		{"stun:name:word@stun.example.com", false},
		{"turn:name@turn.example.com", false},
		{"turn::word@turn.example.com", false},
		{"turn:name:@turn.example.com", false},
		{"turn:turn.example.com?transport=sctp", false},
		{"turn:na\"me:word@turn.example.com", false},
		{"turn:name:wo<rd@turn.example.com", false},
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if ((value_check_ice_server(words[i].word) == NULL) != words[i].is_good)
			fail_msg("%s", words[i].word);
	struct loaded l =
		load_text("t.conf", "listen 1935; rtc_server { ice_servers turn:a:b@c@d; }");
	assert_non_null(strstr(l.errors, "expects stun:host"));
	assert_null(strstr(l.errors, "a:b@c"));
	unload(&l);
}

static void more_connections_than_descriptors_are_refused(void **state)
{
	(void)state;
	struct rlimit before, small;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	if (before.rlim_max < 1128)
		skip();
	pid_t child = fork();
	if (child == 0) { /* a hard limit that is lowered stays low: not in this process */
		small = (struct rlimit){1127, 1127};
		struct conf *conf;
		struct conf_report report;
		conf_report_init(&report);
		bool low = setrlimit(RLIMIT_NOFILE, &small) == 0 &&
			   conf_load_text(&conf, "t.conf", "listen 1;\nmax_connections 1000;",
					  &report) == ERR_CONFIG &&
			   strstr(buf_text(&report.errors),
				  "t.conf:2: 'max_connections 1000' needs 1128");
		conf_report_fini(&report);
		conf_report_init(&report);
		bool fits = conf_load_text(&conf, "t.conf", "listen 1; max_connections 999;",
					   &report) == OK;
		conf_unref(&conf);
		conf_report_fini(&report);
		_exit(low && fits ? 0 : 1);
	}
	int status = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void a_report_is_bounded(void **state)
{
	(void)state;
	struct buf text = {.max = 1 << 20};
	for (int i = 0; i < 3000; i++)
		buf_printf(&text, "nobody_knows_%d a;\n", i);
	struct loaded l = load_text("t.conf", buf_text(&text));
	assert_true(strlen(l.errors) < 64 * 1024);
	assert_says(l.errors, "further problems are not shown\n", "the end");
	unload(&l);
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_fill_what_is_not_said),
		cmocka_unit_test(some_defaults_depend_on_other_values),
		cmocka_unit_test(several_problems_are_told_in_one_go),
		cmocka_unit_test(each_mistake_has_its_sentence),
		cmocka_unit_test(old_spellings_mean_the_same),
		cmocka_unit_test(the_new_spelling_wins_over_the_old_one),
		cmocka_unit_test(what_is_left_of_an_old_block_is_unknown),
		cmocka_unit_test(servers_of_ice_are_what_a_header_takes),
		cmocka_unit_test(more_connections_than_descriptors_are_refused),
		cmocka_unit_test(a_report_is_bounded),
	};
	return cmocka_run_group_tests(tests, clear_environment, NULL);
}
