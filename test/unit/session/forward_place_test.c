#include "session/forward_place.h"
#include "srt/bridge.h"
#include "support/unit.h"

#include <string.h>

static char host[] = "h", vhost[] = "v.example.com", app[] = "live", stream[] = "x",
	    param[] = "?token=1";
static const struct target own = {
	.host = host, .port = 1935, .vhost = vhost, .app = app, .stream = stream, .param = param};

struct place_case {
	const char *text, *name, *vhost, *app, *stream, *param, *shown;
	bool tls;
};

static void places_are_servers_or_urls(void **state)
{
	static const struct place_case cases[] = {
		{"10.0.0.1", "10.0.0.1:1935", "v.example.com", "live", "x", "?token=1",
		 "rtmp://10.0.0.1:1935/live/x", false},
		{"b:1936", "b:1936", "v.example.com", "live", "x", "?token=1",
		 "rtmp://b:1936/live/x", false},
		{"rtmp://b", "b:1935", "v.example.com", "live", "x", "?token=1",
		 "rtmp://b:1935/live/x", false},
		{"rtmps://b", "b:443", "v.example.com", "live", "x", "?token=1",
		 "rtmps://b:443/live/x", true},
		{"rtmps://[::1]:1443", "[::1]:1443", "v.example.com", "live", "x", "?token=1",
		 "rtmps://[::1]:1443/live/x", true},
		{"rtmp://b/a/s", "b:1935", "b", "a", "s", "", "rtmp://b:1935/a/...", false},
		{"rtmp://b/a/x?k=/1/2", "b:1935", "b", "a", "x", "?k=/1/2", "rtmp://b:1935/a/x",
		 false},
		{"rtmps://b:1443/a/b/s?k=v", "b:1443", "b", "a/b", "s", "?k=v",
		 "rtmps://b:1443/a/b/...", true},
		{"rtmp://b/a?vhost=w/s", "b:1935", "w", "a", "s", "", "rtmp://b:1935/a/...", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct place_case *c = &cases[i];
		struct forward_place p;
		assert_int_equal(forward_place_parse(&p, c->text, &own), OK);
		assert_string_equal(p.text, c->text);
		assert_string_equal(p.name, c->name);
		assert_true((p.protocol == &link_rtmps) == c->tls);
		assert_string_equal(p.target.vhost, c->vhost);
		assert_string_equal(p.target.app, c->app);
		assert_string_equal(p.target.stream, c->stream);
		assert_string_equal(p.shown, c->shown);
		forward_place_fini(&p);
	}
}

static void what_is_neither_is_refused(void **state)
{
	static const char *const bad[] = {"",           "http://b/a/s", "rtmp://",     "rtmp://b/",
					  "rtmp://b/a", "rtmp:///a/s",  "rtmp://b/a/", "b:0",
					  "b:99999"};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct forward_place p;
		assert_int_not_equal(forward_place_parse(&p, bad[i], &own), OK);
		assert_null(p.text);
		assert_null(p.target.app);
	}
}

static void srt_listeners_are_called_with_names_of_the_stream(void **state)
{
	static const struct {
		const char *text, *name, *srt;
	} cases[] = {
		{"srt://b", "b:10080", "srt://b"},
		{"srt://[::1]:9000?latency=200", "[::1]:9000", "srt://[::1]:9000?latency=200"},
		{"srt://b:9000?mode=caller&streamid=#!::h=[vhost],r=[app]/[stream],m=publish",
		 "b:9000",
		 "srt://b:9000?mode=caller&streamid=#!::h=v.example.com,r=live/x,m=publish"},
	};
	static const char *const bad[] = {"srt://", "srt://b:9000?mode=listener",
					  "srt://b:9000?latency=much"};
	struct forward_place p;
	(void)state;
	if (!srt_bridge_is_built())
		return;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(forward_place_parse(&p, cases[i].text, &own), OK);
		assert_string_equal(p.name, cases[i].name);
		assert_string_equal(p.srt, cases[i].srt);
		assert_null(strchr(p.shown, '?'));
		forward_place_fini(&p);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(forward_place_parse(&p, bad[i], &own), ERR_PROTOCOL);
}

static void a_name_that_says_more_is_not_put_into_a_stream_id(void **state)
{
	static char more[] = "x,r=other";
	struct target named = own;
	struct forward_place p;
	(void)state;
	if (!srt_bridge_is_built())
		return;
	named.stream = more;
	assert_int_equal(forward_place_parse(&p, "srt://b?streamid=[stream]", &named),
			 ERR_PROTOCOL);
	assert_int_equal(forward_place_parse(&p, "srt://b?streamid=x", &named), OK);
	forward_place_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_are_servers_or_urls),
		cmocka_unit_test(what_is_neither_is_refused),
		cmocka_unit_test(srt_listeners_are_called_with_names_of_the_stream),
		cmocka_unit_test(a_name_that_says_more_is_not_put_into_a_stream_id),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
