/* Which stream a request means, by its host, its path and its query. */
#include "base/mem.h"
#include "service/flv_request.h"
#include "support/unit.h"

#include <stdlib.h>

static char any_name[] = DEFAULT_VHOST, any_mount[] = "[vhost]/live/[stream].flv";
static char host_name[] = "v.example", host_mount[] = "[vhost]/[app]/[stream].flv";
static char path_name[] = "path.example", path_mount[] = "/[vhost]/[app]/[stream].flv";
static char off_name[] = "off.example", plain_name[] = "plain.example";

static struct conf_vhost vhosts[] = {
	{.name = any_name, .enabled = true, .http_remux = {.enabled = true, .mount = any_mount}},
	{.name = host_name, .enabled = true, .http_remux = {.enabled = true, .mount = host_mount}},
	{.name = path_name, .enabled = true, .http_remux = {.enabled = true, .mount = path_mount}},
	{.name = off_name, .http_remux = {.enabled = true, .mount = host_mount}},
	{.name = plain_name, .enabled = true, .http_remux = {.mount = host_mount}},
};
static const struct conf conf = {.vhost_count = sizeof(vhosts) / sizeof(vhosts[0]),
				 .vhosts = vhosts};

static err request(struct flv_request *out, const char *host, const char *path, const char *query)
{
	struct addr local;
	assert_true(addr_literal(&local, "127.0.0.1", 8080));
	struct http_header headers[] = {{mem_strdup("Referer"), mem_strdup("http://page/")},
					{mem_strdup("X-SRS-Path"), mem_strdup(",a,b")}};
	struct http_message m = {
		.host = mem_strdup(host),
		.path = mem_strdup(path),
		.query = mem_strdup(query),
		.header_count = 2,
		.headers = headers,
	};
	err e = flv_request_read(out, &conf, &m, &local);
	free(m.host);
	free(m.path);
	free(m.query);
	for (int i = 0; i < m.header_count; i++) {
		free(headers[i].name);
		free(headers[i].value);
	}
	return e;
}

static void host_path_and_query_say_which_stream_it_is(void **state)
{
	(void)state;
	static const struct {
		const char *host, *path, *query;
		const char *vhost, *tc_url, *app, *stream, *param; /* vhost NULL: none */
	} cases[] = {
		{"h", "/live/x.flv", "", DEFAULT_VHOST, "http://h/live", "live", "x", ""},
		{"h:81", "/live/x.flv", "k=1", DEFAULT_VHOST, "http://h:81/live", "live", "x",
		 "?k=1"},
		{"", "/live/x.flv", "", DEFAULT_VHOST, "http://127.0.0.1:8080/live", "live", "x",
		 ""},
		{"v.example", "/a/b/x.flv", "", host_name, "http://v.example/a/b", "a/b", "x", ""},
		{"h", "/a/x.flv", "vhost=v.example", host_name, "http://h/a", "a", "x",
		 "?vhost=v.example"},
		{"h", "/path.example/a/x.flv", "", path_name, "http://h/a", "a", "x", ""},
		{"h", "/live/a?b.flv", "", NULL, NULL, NULL, NULL, NULL},
		{"h", "/live/caf\xC3\xA9.flv", "", DEFAULT_VHOST, "http://h/live", "live",
		 "caf\xC3\xA9", ""},
		{"h", "/live/a%41.flv", "", DEFAULT_VHOST, "http://h/live", "live", "a%41", ""},
		{"h", "/other/x.flv", "", NULL, NULL, NULL, NULL, NULL},
		{"off.example", "/live/x.flv", "", NULL, NULL, NULL, NULL, NULL},
		{"plain.example", "/live/x.flv", "", NULL, NULL, NULL, NULL, NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct flv_request r;
		assert_int_equal(request(&r, cases[i].host, cases[i].path, cases[i].query), OK);
		if ((r.vhost != NULL) != (cases[i].vhost != NULL))
			fail_msg("%s%s", cases[i].host, cases[i].path);
		if (r.vhost) {
			assert_string_equal(r.vhost->name, cases[i].vhost);
			assert_string_equal(r.tc_url, cases[i].tc_url);
			assert_string_equal(r.target.app, cases[i].app);
			assert_string_equal(r.target.stream, cases[i].stream);
			assert_string_equal(r.target.param, cases[i].param);
		}
		flv_request_fini(&r);
	}
}

static void what_it_says_of_itself_outlives_the_request(void **state)
{
	(void)state;
	struct flv_request r;
	assert_int_equal(request(&r, "h", "/live/x.flv", "k=1"), OK);
	assert_string_equal(r.url, "/live/x.flv");
	assert_string_equal(r.page_url, "http://page/");
	assert_string_equal(r.path, ",a,b");
	assert_string_equal(r.via, "");
	flv_request_fini(&r);
	flv_request_fini(&r);
}

static void a_host_beyond_the_limit_is_an_error(void **state)
{
	(void)state;
	struct flv_request r;
	char *host = mem_zalloc(URL_MAX + 2);
	memset(host, 'a', URL_MAX + 1);
	assert_int_not_equal(request(&r, host, "/live/x.flv", ""), OK);
	flv_request_fini(&r);
	free(host);
}

static void the_page_has_a_folder_of_its_own(void **state)
{
	static char folder[] = "/page/live/a.mp4";
	struct addr local;
	(void)state;
	assert_true(addr_literal(&local, "127.0.0.1", 8080));
	for (int on = 0; on < 2; on++) {
		struct conf paged = conf;
		char host[] = "v.example", query[] = "";
		struct http_message m = {.host = host, .path = folder, .query = query};
		struct flv_request r;
		paged.http_server.page = on;
		assert_int_equal(flv_request_read(&r, &paged, &m, &local), OK);
		assert_ptr_equal(r.vhost, on ? &vhosts[1] : NULL);
		if (on) {
			assert_string_equal(r.target.app, "live");
			assert_string_equal(r.target.stream, "a");
		}
		flv_request_fini(&r);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_has_a_folder_of_its_own),
		cmocka_unit_test(host_path_and_query_say_which_stream_it_is),
		cmocka_unit_test(what_it_says_of_itself_outlives_the_request),
		cmocka_unit_test(a_host_beyond_the_limit_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
