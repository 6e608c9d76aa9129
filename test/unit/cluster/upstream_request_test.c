/* What is asked of an origin, circles of servers, and where redirects lead. */
#include "base/mem.h"
#include "cluster/upstream_request.h"
#include "support/unit.h"

#include <stdlib.h>
#include <string.h>

static struct conf_vhost vhost_of(char *name, char *pattern)
{
	return (struct conf_vhost){.name = name, .cluster = {.vhost = pattern, .hop_limit = 3}};
}

static const struct {
	const char *vhost, *pattern, *asked, *param; /* here, for the origin, by the viewer */
	int port;
	const char *url, *stream;
} requests[] = {
	{DEFAULT_VHOST, "[vhost]", "a.test", "", 1935, "rtmp://a.test/live", "x"},
	{DEFAULT_VHOST, "[vhost]", "a.test", "?k=v", 19350, "rtmp://a.test:19350/live", "x?k=v"},
	{"b.test", "[vhost]", "a.test", "", 1935, "rtmp://b.test/live", "x"},
	{"b.test", "", "a.test", "", 1935, "rtmp://b.test/live", "x"},
	{"b.test", "c.test", "a.test", "", 1935, "rtmp://c.test/live", "x"},
	{"b.test", "in.[vhost].out", "a.test", "", 1935, "rtmp://in.b.test.out/live", "x"},
	{DEFAULT_VHOST, "[vhost]", "fd00::1", "", 1935, "rtmp://[fd00::1]/live", "x"},
	{"b.test", "[vhost]", "a.test", "?vhost=b.test&k=v", 1935, "rtmp://b.test/live", "x?k=v"},
};

static void an_origin_is_asked_for_a_stream_of_its_vhost(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		char *name = mem_strdup(requests[i].vhost), *asked = mem_strdup(requests[i].asked);
		char *pattern = mem_strdup(requests[i].pattern), app[] = "live", stream[] = "x";
		char *param = mem_strdup(requests[i].param);
		struct conf_vhost vhost = vhost_of(name, pattern);
		struct target target = {
			.vhost = asked, .app = app, .stream = stream, .param = param};
		struct upstream_request request = {.vhost = &vhost, .target = &target};
		char *url = upstream_tc_url(&request, requests[i].port);
		char *asks = upstream_stream_name(&request);
		assert_string_equal(url, requests[i].url);
		assert_string_equal(asks, requests[i].stream);
		free(url);
		free(asks);
		free(name);
		free(asked);
		free(pattern);
		free(param);
	}
}

static const struct {
	const char *name, *path, *via;
	bool loop;
} paths[] = {
	{"a player", "", "", false},
	{"from another edge", ",aaaaaaaa", ",aaaaaaaa", false},
	{"as many as the limit", ",a,b,c", "", false},
	{"more than the limit", ",a,b,c,d", "", true},
	{"back again", ",selfself", "", true},
	{"back again by others", ",aaaaaaaa,selfself,b", "", true},
	{"an id that begins alike", ",selfselfx", "", false},
	{"an id that ends alike", ",xselfself", "", false},
	{"we wait for those that wait for us", ",aaaaaaaa", ",b,selfself", true},
	{"many others wait", ",aaaaaaaa", ",b,c,d,e,f", false},
	{"what everybody knows of us", ",everyone", ",everyone", false},
	{"rubbish", "a,,,", ",,", false},
};

static void a_request_that_comes_back_is_found(void **state)
{
	(void)state;
	struct server server = {.service_id = "everyone", .path_id = "selfself"};
	struct conf_vhost vhost = vhost_of(NULL, NULL);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		print_message("%s\n", paths[i].name);
		err e = upstream_check_path(&server, &vhost, paths[i].path, paths[i].via);
		assert_int_equal(e, paths[i].loop ? ERR_LOOP : OK);
		assert_true(e == OK || strlen(err_trail(e)) > 20);
	}
}

static const struct {
	const char *url, *target; /* NULL: refused */
} redirects[] = {
	{"rtmp://10.0.0.7:19351/live/x?k=v", "10.0.0.7:19351"},
	{"rtmp://b.example.org/live/x", "b.example.org:1935"},
	{"rtmp://[fd00::7]:19351/live/x", "[fd00::7]:19351"},
	{"http://10.0.0.7/live/x", NULL},
	{"rtmp:///live/x", NULL},
	{"", NULL},
	{"nonsense", NULL},
};

static void a_redirect_names_a_server_or_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(redirects) / sizeof(redirects[0]); i++) {
		char out[300];
		bool ok = upstream_redirect_target(out, sizeof(out), redirects[i].url);
		print_message("%s\n", redirects[i].url);
		assert_int_equal(ok, redirects[i].target != NULL);
		if (ok)
			assert_string_equal(out, redirects[i].target);
		assert_false(upstream_redirect_target(out, 5, redirects[i].url));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_origin_is_asked_for_a_stream_of_its_vhost),
		cmocka_unit_test(a_request_that_comes_back_is_found),
		cmocka_unit_test(a_redirect_names_a_server_or_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
