/* What the API answers about a server with a publisher of live/x, route by route; who may call; and the
 * forms that all answers share. */
#include "unit/api/asker.h"

static struct test_stream stream;

static void begin(const char *conf)
{
	server = test_server_new(conf);
	test_stream_begin(&stream, server, "x");
}

static void end(void)
{
	test_stream_end(&stream);
	test_server_free(&server);
}

static int setup(void **state)
{
	if (!router.count)
		api_mount(&router);
	return co_setup(state);
}

static int teardown(void **state)
{
	if (server)
		end();
	buf_free(&heard);
	return co_teardown(state);
}

/* ---- each route ---- */

static const struct {
	const char *target, *path, *value;
} answers[] = {
	{"/", "urls.api", "the api root"},
	{"/api", "urls.v1", "the api version 1.0"},
	{"/api/v1", "urls.versions", "the version of this server"},
	{"/api/v1", "tests.errors", "always code 100"},
	{"/api/v1/versions", "data.major", "6"},
	{"/api/v1/versions", "server", "vid-tested"},
	{"/api/v1/summaries", "data.self.srs_uptime", "0"},
	{"/api/v1/summaries", "data.system.mem_ram_percent", "real"},
	{"/api/v1/summaries", "data.system.conn_srs", "0"},
	{"/api/v1/summaries", "data.cluster.refused.forged", "0"},
	{"/api/v1/rusages", "data.ru_nsignals", "0"},
	{"/api/v1/self_proc_stats", "data.state", "R"},
	{"/api/v1/system_proc_stats", "data.ok", "true"},
	{"/api/v1/meminfos", "data.percent_ram", "real"},
	{"/api/v1/authors", "code", "0"},
	{"/api/v1/features", "data.features.httpd", "true"},
	{"/api/v1/requests?a=b", "data.uri", "/api/v1/requests?a=b"},
	{"/api/v1/requests", "data.headers.Host", "h"},
	{"/api/v1/tests/errors", "code", "100"},
	{"/api/v1/vhosts/", "vhosts.0.name", "__defaultVhost__"},
	{"/api/v1/vhosts/", "vhosts.0.streams", "1"},
	{"/api/v1/vhosts/none", "code", "2014"},
	{"/api/v1/streams/", "streams.0.name", "x"},
	{"/api/v1/streams/", "streams.0.publish.active", "true"},
	{"/api/v1/streams/", "streams.0.video.codec", "H264"},
	{"/api/v1/streams/", "streams.0.video.width", "1280"},
	{"/api/v1/streams/", "streams.0.audio.codec", "AAC"},
	{"/api/v1/streams/", "streams.0.audio.sample_rate", "44100"},
	{"/api/v1/streams/", "streams.0.frames", "1"},
	{"/api/v1/streams/", "streams.0.relay", "missing"},
	{"/api/v1/streams/?start=1", "streams.0", "missing"},
	{"/api/v1/streams/none", "code", "2048"},
	{"/api/v1/clients/", "clients.0.type", "fmle-publish"},
	{"/api/v1/clients/", "clients.0.recv_bytes", "2000"},
	{"/api/v1/clients/", "clients.0.ip", "192.0.2.7"},
	{"/api/v1/clients/?start=1&count=10", "clients.0", "missing"},
	{"/api/v1/clients/none", "code", "2049"},
	{"/api/v1/raw?rpc=raw", "http_api.raw_api.enabled", "false"},
	{"/api/v1/raw?rpc=raw", "server", "missing"},
	{"/api/v1/raw?rpc=reload", "code", "1061"},
	{"/api/v1/raw?rpc=reload-fetch", "code", "1061"},
	{"/api/v1/raw?rpc=other", "code", "1060"},
	{"/api/v1/clusters?app=live&stream=x&coworker=a.example:9", "data.origin.ip", "a.example"},
	{"/api/v1/clusters?app=live&stream=x", "data.origin.port", "1935"},
	{"/api/v1/clusters?vhost=h&app=live&stream=x", "data.query.vhost", "h"},
	{"/api/v1/clusters?app=live&stream=y", "data.origin", "null"},
	{"/api/v1/clusters?app=live", "data.origin", "null"},
	{"/api/v1/clusters/streams", "streams.0.origin.kind", "publish"},
	{"/api/v1/clusters/streams?stream=x", "streams.0.nodes", "1"},
	{"/api/v1/clusters/streams?stream=y", "streams.0", "missing"},
	{"/api/v1/clusters/streams?scope=below&from=me", "streams.0", "missing"},
	{"/api/v1/clusters/nodes", "self.role", "origin"},
};

static void each_route_has_its_members(void **state)
{
	(void)state;
	begin("http_api { enabled on; listen 1985; }\n"
	      "vhost __defaultVhost__ { cluster { query_timeout 100; } }");
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		server->started_ms = clock_ms(); /* however long those before took */
		json_t *answer = ask_json("GET", answers[i].target);
		if (strcmp(at(answer, answers[i].path), answers[i].value) != 0)
			fail_msg("%s: %s is %s instead of %s", answers[i].target, answers[i].path,
				 at(answer, answers[i].path), answers[i].value);
		json_decref(answer);
	}
}

static void vhosts_streams_and_clients_are_found_by_their_ids(void **state)
{
	(void)state;
	static const struct {
		const char *list, *id, *one;
	} kinds[] = {
		{"/api/v1/vhosts", "vhosts.0.id", "vhost.id"},
		{"/api/v1/streams", "streams.0.id", "stream.id"},
		{"/api/v1/clients", "clients.0.id", "client.id"},
	};
	begin("vhost __defaultVhost__ { }");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		json_t *list = ask_json("GET", kinds[i].list);
		char *target = mem_printf("%s/%s", kinds[i].list, at(list, kinds[i].id));
		json_t *one = ask_json("GET", target);
		char *id = mem_strdup(at(list, kinds[i].id));
		assert_string_equal(at(one, kinds[i].one), id);
		json_decref(one);
		json_decref(list);
		free(id);
		free(target);
	}
}

static void a_client_is_stopped_here_and_through_the_cluster(void **state)
{
	(void)state;
	begin("vhost __defaultVhost__ { }");
	char *paths[] = {mem_printf("/api/v1/clients/%s", stream.client.id),
			 mem_printf("/api/v1/clusters/clients/%s", stream.client.id)};
	for (int i = 0; i < 2; i++) {
		json_t *answer = ask_json("DELETE", paths[i]);
		assert_string_equal(at(answer, "code"), "0");
		assert_int_equal(stream.stops, i + 1);
		json_decref(answer);
		free(paths[i]);
	}
	json_t *answer = ask_json("DELETE", "/api/v1/clusters/clients/nobody");
	assert_string_equal(at(answer, "code"), "2049");
	json_decref(answer);
}

static void a_stream_that_is_over_is_listed_no_more(void **state)
{
	(void)state;
	begin("vhost __defaultVhost__ { }");
	json_decref(ask_json("GET", "/api/v1/streams"));
	test_stream_end(&stream);
	json_t *answer = ask_json("GET", "/api/v1/streams");
	assert_string_equal(at(answer, "streams.0"), "missing");
	json_decref(answer);
}

static int reloads;

static void on_reload(struct server *s)
{
	(void)s;
	reloads++;
}

static void a_reload_is_asked_for_where_that_is_allowed(void **state)
{
	(void)state;
	begin("http_api { enabled on; raw_api { enabled on; allow_reload on; } }\n"
	      "vhost __defaultVhost__ { }");
	server->on_reload = on_reload;
	reloads = 0;
	json_t *answer = ask_json("GET", "/api/v1/raw?rpc=reload");
	assert_string_equal(at(answer, "code"), "0");
	assert_int_equal(reloads, 1);
	json_decref(answer);
	answer = ask_json("GET", "/api/v1/raw?rpc=reload-fetch");
	assert_string_equal(at(answer, "data.state"), "10"); /* nobody has done it */
	json_decref(answer);
	static const struct {
		err code;
		const char *state, *error, *message;
	} ends[] = {{OK, "90", "0", "Success"},
		    {ERR_CONFIG, "10", "1023", "x.conf:3: wrong"},
		    {ERR_SYSTEM, "30", "1023", "x.conf:3: wrong"}};
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		server->reload.count++;
		server->reload.code = ends[i].code;
		free(server->reload.why);
		server->reload.why = mem_strdup("x.conf:3: wrong");
		answer = ask_json("GET", "/api/v1/raw?rpc=reload-fetch");
		assert_string_equal(at(answer, "data.state"), ends[i].state);
		assert_string_equal(at(answer, "data.err"), ends[i].error);
		assert_string_equal(at(answer, "data.msg"), ends[i].message);
		json_decref(answer);
	}
}

/* ---- who may call ---- */

static const struct {
	const char *conf, *method, *target, *headers;
	int status;
} calls[] = {
	{"http_api { enabled on; auth { enabled on; username a; password b; } }", "GET",
	 "/api/v1/versions", "", 401},
	{"http_api { enabled on; auth { enabled on; username a; password b; } }", "GET",
	 "/api/v1/versions", "Authorization: Basic YTpi\r\n", 200},
	{"http_api { enabled on; writes auth; auth { username a; password b; } }", "GET",
	 "/api/v1/clients/", "", 200},
	{"http_api { enabled on; writes auth; auth { username a; password b; } }", "DELETE",
	 "/api/v1/clients/x", "", 401},
	{"http_api { enabled on; writes auth; auth { username a; password b; } }", "DELETE",
	 "/api/v1/clients/x", "Authorization: Basic YTpi\r\n", 200},
	{"http_api { enabled on; writes loopback; }", "DELETE", "/api/v1/clients/x",
	 "Origin: http://evil\r\n", 403},
	{"http_api { enabled on; }", "DELETE", "/api/v1/clients/x",
	 "Sec-Fetch-Site: cross-site\r\n", 403},
	{"http_api { enabled on; allowed_origins http://good; }", "DELETE", "/api/v1/clients/x",
	 "Origin: http://good\r\n", 403},
	{"http_api { enabled on; allowed_origins http://good; }", "DELETE", "/api/v1/clients/x",
	 "Origin: http://good\r\nAuthorization: Basic YTpi\r\n", 200},
	{"http_api { enabled on; writes loopback; }", "GET", "/api/v1/raw?rpc=reload",
	 "Origin: x\r\n", 403},
	{"vhost __defaultVhost__ { cluster { secret s; } }", "GET", "/api/v1/clusters", "", 401},
	{"vhost __defaultVhost__ { cluster { secret s; } }", "GET", "/api/v1/clusters/nodes",
	 "X-Srs-To: a\r\nX-Srs-Time: 1\r\nX-Srs-Nonce: 2\r\nX-Srs-Sign: 3\r\n", 401},
	{"vhost __defaultVhost__ { cluster { secret s; } }", "GET", "/api/v1/versions", "", 200},
	{"", "POST", "/api/v1/streams", "", 405},
	{"", "PUT", "/api/v1/clients/x", "", 405},
	{"", "GET", "/api/v1/nothing", "", 404},
	{"", "GET", "/api/v1/tests/redirects", "", 301},
};

static void callers_are_let_in_by_the_configuration(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const char *body;
		char *conf = mem_printf(
			"%s\n%s", calls[i].conf,
			strstr(calls[i].conf, "vhost") ? "" : "vhost __defaultVhost__ { }");
		begin(conf);
		int status = ask(calls[i].method, calls[i].target, calls[i].headers, &body);
		if (status != calls[i].status)
			fail_msg("%s %s with %s: %d", calls[i].method, calls[i].target,
				 calls[i].conf, status);
		end();
		free(conf);
	}
}

static void a_signed_request_is_answered(void **state)
{
	(void)state;
	static const char target[] = "/api/v1/clusters?app=live&stream=x";
	begin("vhost __defaultVhost__ { cluster { secret s; } }");
	struct sign_what what = {.method = "GET", .target = target};
	char *good = sign_lines(server->signer, "", NULL, server->service_id, &what);
	char *other = sign_lines(server->signer, "", NULL, "another", &what);
	const char *body;
	assert_int_equal(ask("GET", target, good, &body), 200);
	assert_non_null(strstr(body, "\"since_ms\"") || strstr(body, "\"origin\"") ? body : NULL);
	assert_int_equal(ask("GET", target, good, &body), 401);
	assert_int_equal(ask("GET", target, other, &body), 401);
	assert_non_null(strstr(buf_text(&heard), server->service_id));
	free(good);
	free(other);
}

/* ---- what the page tells anybody ---- */

static void the_page_names_streams_where_the_configuration_says_so(void **state)
{
	(void)state;
	static const struct {
		const char *conf;
		unsigned ports;
		size_t vhosts;
		bool names;
	} rows[] = {
		{"http_api { enabled on; }", HTTP_PORT_API, 2, true},
		{"http_api { enabled on; }", HTTP_PORT_FILES, 1, false},
		{"http_api { enabled on; }", HTTP_PORT_API | HTTP_PORT_FILES, 2, true},
		{"http_api { enabled on; } http_server { page_streams on; }", HTTP_PORT_FILES, 2,
		 true},
		{"http_api { enabled on; auth { enabled on; username a; password b; } } "
		 "http_server { page_streams on; }",
		 HTTP_PORT_FILES, 1, false},
		{"http_server { page_streams on; }", HTTP_PORT_FILES, 1, false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *conf =
			mem_printf("%s\nvhost __defaultVhost__ { }\nvhost other { }", rows[i].conf);
		begin(conf);
		ports = rows[i].ports;
		json_t *answer = ask_json("GET", "/api/v1/page");
		const json_t *data = json_object_get(answer, "data");
		print_message("%s\n", rows[i].conf);
		assert_int_equal(json_object_get(data, "streams") != NULL, rows[i].names);
		assert_int_equal(json_array_size(json_object_get(data, "vhosts")), rows[i].vhosts);
		json_decref(answer);
		ports = 0;
		end();
		free(conf);
	}
}

/* ---- the form of an answer ---- */

static void jsonp_is_a_script_that_calls_the_page(void **state)
{
	(void)state;
	begin("http_api { enabled on; jsonp on; }\nvhost __defaultVhost__ { }");
	const char *body;
	assert_int_equal(ask("GET", "/api/v1/versions?callback=page.f", "", &body), 200);
	assert_int_equal(strncmp(body, "page.f({", 8), 0);
	assert_non_null(strstr(buf_text(&heard), "text/javascript"));
	json_t *bad = ask_json("GET", "/api/v1/versions?callback=alert(1)");
	assert_string_equal(at(bad, "code"), "4058");
	json_decref(bad);
	char *kick = mem_printf("/api/v1/clients/%s?callback=f&method=DELETE", stream.client.id);
	assert_int_equal(ask("GET", kick, "", &body), 200);
	assert_int_equal(stream.stops, 0);
	free(kick);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_route_has_its_members, setup, teardown),
		cmocka_unit_test_setup_teardown(vhosts_streams_and_clients_are_found_by_their_ids,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_client_is_stopped_here_and_through_the_cluster,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_stream_that_is_over_is_listed_no_more, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_reload_is_asked_for_where_that_is_allowed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(callers_are_let_in_by_the_configuration, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_signed_request_is_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_page_names_streams_where_the_configuration_says_so, setup, teardown),
		cmocka_unit_test_setup_teardown(jsonp_is_a_script_that_calls_the_page, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
