/* Patterns of http_remux.mount against paths. */
#include "service/flv_mount.h"

#include "support/unit.h"

#define DEFAULT "[vhost]/[app]/[stream].flv"

static const struct {
	const char *pattern, *host, *vhost, *path;
	const char *app, *stream; /* NULL: no match */
} cases[] = {
	{DEFAULT, "h", "v", "/live/x.flv", "live", "x"},
	{DEFAULT, "h", "v", "/live/a/x.flv", "live/a", "x"},
	{DEFAULT, "h", "v", "/live/x.flv.flv", "live", "x.flv"},
	{DEFAULT, "h", "v", "/live/a.b.flv", "live", "a.b"},
	{DEFAULT, "h", "v", "/x.flv", NULL, NULL},
	{DEFAULT, "h", "v", "/live/.flv", NULL, NULL},
	{DEFAULT, "h", "v", "//x.flv", NULL, NULL},
	{DEFAULT, "h", "v", "/live/x.ts", NULL, NULL},
	{DEFAULT, "h", "v", "/live/x.flv/", NULL, NULL},
	{DEFAULT, "h", "v", "/live/x?.flv", NULL, NULL},
	{DEFAULT, "h", "v", "/live#/x.flv", NULL, NULL},
	{DEFAULT, "h", "v", "/", NULL, NULL},
	{"/[app]/[stream].flv", "h", "v", "/live/x.flv", "live", "x"},
	{"cdn.example/[app]/[stream].flv", "cdn.example", "v", "/live/x.flv", "live", "x"},
	{"cdn.example/[app]/[stream].flv", "CDN.Example", "v", "/live/x.flv", "live", "x"},
	{"cdn.example/[app]/[stream].flv", "other.example", "v", "/live/x.flv", NULL, NULL},
	{"cdn.example/[app]/[stream].flv", "cdn.example.org", "v", "/live/x.flv", NULL, NULL},
	{"/media/[app]/x/[stream].flv", "h", "v", "/media/live/x/x.flv", "live", "x"},
	{"/media/[app]/x/[stream].flv", "h", "v", "/media/x/x/x/y.flv", "x/x", "y"},
	{"/media/[app]/x/[stream].flv", "h", "v", "/live/x.flv", NULL, NULL},
	{"/[vhost]/[app]/[stream].flv", "h", "a.b", "/a.b/live/x.flv", "live", "x"},
	{"/[vhost]/[app]/[stream].flv", "h", "a.b", "/c.d/live/x.flv", NULL, NULL},
	{"/[vhost]/[stream].flv", "h", "v", "/v/x.flv", "v", "x"},
	{"/[app]-[stream].flv", "h", "v", "/live-x.flv", "live", "x"},
	{"/[stream].flv", "h", "v", "/x.flv", "", "x"},
	{"/only/this.flv", "h", "v", "/only/this.flv", "only", "this"},
	{"/only/this.flv", "h", "v", "/only/that.flv", NULL, NULL},
};

static void patterns_say_which_stream_a_path_means(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mount m;
		bool fits = mount_match(&m, cases[i].pattern, cases[i].host, cases[i].vhost,
					cases[i].path);
		if (fits != (cases[i].stream != NULL))
			fail_msg("%s against %s", cases[i].path, cases[i].pattern);
		if (!fits)
			continue;
		if (!span_is(m.app, cases[i].app) || !span_is(m.stream, cases[i].stream))
			fail_msg("%s is %.*s and %.*s", cases[i].path, (int)m.app.n, m.app.p,
				 (int)m.stream.n, m.stream.p);
	}
}

static void a_path_beyond_the_limit_is_no_stream(void **state)
{
	(void)state;
	char path[3000] = "/";
	struct mount m;
	memset(path + 1, 'a', sizeof(path) - 2);
	memcpy(path + 10, "/", 1);
	memcpy(path + sizeof(path) - 5, ".flv", 5);
	assert_false(mount_match(&m, DEFAULT, "h", "v", path));
}

static void only_the_path_of_a_pattern_can_name_a_vhost(void **state)
{
	(void)state;
	assert_false(mount_names_vhost(DEFAULT));
	assert_false(mount_names_vhost("/[app]/[stream].flv"));
	assert_true(mount_names_vhost("/[vhost]/[app]/[stream].flv"));
	assert_true(mount_names_vhost("[vhost]/[vhost]/[stream].flv"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_say_which_stream_a_path_means),
		cmocka_unit_test(a_path_beyond_the_limit_is_no_stream),
		cmocka_unit_test(only_the_path_of_a_pattern_can_name_a_vhost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
