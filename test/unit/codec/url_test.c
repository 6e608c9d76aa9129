/* Where sessions want to go, in all the ways in which clients have been seen to say it. */
#include "base/mem.h"
#include "codec/url.h"
#include "support/unit.h"

#include <stdlib.h>

static const struct {
	const char *tc_url, *stream;
	const char *host;
	int port;
	const char *vhost, *app, *name, *param;
} targets[] = {
	/* Plain. */
	{"rtmp://h/live", "s", "h", 1935, "h", "live", "s", ""},
	{"rtmp://h:19350/live", "s", "h", 19350, "h", "live", "s", ""},
	{"rtmp://h/live/", "s", "h", 1935, "h", "live", "s", ""},
	{"rtmp://h/live/", "/s/", "h", 1935, "h", "live", "s", ""},
	{"rtmp://h/live", "s.flv", "h", 1935, "h", "live", "s.flv", ""},
	{"http://h/live", "s", "h", 80, "h", "live", "s", ""},
	{"https://h/live", "s", "h", 443, "h", "live", "s", ""},
	{"rtmps://h/live", "s", "h", 443, "h", "live", "s", ""},
	{"rtmp://127.0.0.1/live", "s", "127.0.0.1", 1935, "127.0.0.1", "live", "s", ""},
	{"rtmp://[::1]/live", "s", "::1", 1935, "::1", "live", "s", ""},
	{"rtmp://[fe80::1]:19350/live", "s", "fe80::1", 19350, "fe80::1", "live", "s", ""},
	/* Apps of several parts. */
	{"rtmp://h/a/b", "s", "h", 1935, "h", "a/b", "s", ""},
	{"rtmp://h/a", "b/s", "h", 1935, "h", "a/b", "s", ""},
	{"rtmp://h/a//b/", "s", "h", 1935, "h", "a/b", "s", ""},
	/* No stream: the last part of the app, or none. */
	{"rtmp://h/live/s", "", "h", 1935, "h", "live", "s", ""},
	{"rtmp://h/a/b/s", "", "h", 1935, "h", "a/b", "s", ""},
	{"rtmp://h/live", "", "h", 1935, "h", "live", "", ""},
	{"rtmp://h/live/", "", "h", 1935, "h", "live", "", ""},
	{"rtmp://h/live/s?k=v", "", "h", 1935, "h", "live", "s", "?k=v"},
	/* No app. */
	{"rtmp://h", "s", "h", 1935, "h", "__defaultApp__", "s", ""},
	{"rtmp://h/", "s", "h", 1935, "h", "__defaultApp__", "s", ""},
	{"rtmp://h:1936", "", "h", 1936, "h", "__defaultApp__", "", ""},
	/* Queries. */
	{"rtmp://h/live", "s?k=v", "h", 1935, "h", "live", "s", "?k=v"},
	{"rtmp://h/live?k=v", "s", "h", 1935, "h", "live", "s", "?k=v"},
	{"rtmp://h/live?k=v", "s?l=w", "h", 1935, "h", "live", "s", "?l=w&k=v"},
	{"rtmp://h/live?k=v/s", "", "h", 1935, "h", "live", "s", "?k=v"},
	{"rtmp://h/live?k=a/b/s", "", "h", 1935, "h", "live", "s", "?k=a/b"},
	{"rtmp://h/live?k=v/", "s", "h", 1935, "h", "live", "s", "?k=v"},
	{"rtmp://h/live#k=v/s", "", "h", 1935, "h", "live", "s", "?k=v"},
	{"rtmp://h/live", "s#k=v", "h", 1935, "h", "live", "s", "?k=v"},
	{"rtmp://h/live", "s?token=a/b", "h", 1935, "h", "live", "s", "?token=a/b"},
	{"rtmp://h/live", "?k=v", "h", 1935, "h", "live", "", "?k=v"},
	{"rtmp://h/live/s", "?k=v", "h", 1935, "h", "live", "s", "?k=v"},
	{"rtmp://h/live", "s?", "h", 1935, "h", "live", "s", ""},
	{"rtmp://h?k=v/live/s", "", "h", 1935, "h", "__defaultApp__", "s", "?k=v/live"},
	/* Vhosts. */
	{"rtmp://h/live?vhost=v.com", "s", "h", 1935, "v.com", "live", "s", "?vhost=v.com"},
	{"rtmp://h/live", "s?vhost=v.com", "h", 1935, "v.com", "live", "s", "?vhost=v.com"},
	{"rtmp://h/live", "s?domain=v.com", "h", 1935, "v.com", "live", "s", "?domain=v.com"},
	{"rtmp://h/live", "s?domain=d&vhost=v", "h", 1935, "v", "live", "s", "?domain=d&vhost=v"},
	{"rtmp://h/live?vhost=v.com/s", "", "h", 1935, "v.com", "live", "s", "?vhost=v.com"},
	{"rtmp://h/live", "s?vhost=%76.com", "h", 1935, "v.com", "live", "s", "?vhost=%76.com"},
	{"rtmp://h/live", "s?vhost=/v.com/", "h", 1935, "v.com", "live", "s", "?vhost=/v.com/"},
	{"rtmp://h/live", "s?vhost=", "h", 1935, "h", "live", "s", "?vhost="},
	{"rtmp://h/live", "s?vhost=%", "h", 1935, "h", "live", "s", "?vhost=%"},
	{"rtmp://h/live", "s?xvhost=v", "h", 1935, "h", "live", "s", "?xvhost=v"},
	{"rtmp://h/live", "s?vhost=__defaultVhost__", "h", 1935, "h", "live", "s", ""},
	{"rtmp://h/live", "s?k=v&vhost=__defaultVhost__", "h", 1935, "h", "live", "s",
	 "?k=v&vhost=__defaultVhost__"},
	{"rtmp://__defaultVhost__/live", "s", "__defaultVhost__", 1935, "__defaultVhost__", "live",
	 "s", ""},
	{"rtmp://h/live...vhost...v.com", "s", "h", 1935, "v.com", "live", "s", "?vhost=v.com"},
	{"rtmp://h/live...vhost...v.com/s", "", "h", 1935, "v.com", "live", "s", "?vhost=v.com"},
	{"rtmp://h/live", "s...vhost...v.com", "h", 1935, "v.com", "live", "s", "?vhost=v.com"},
	{"rtmp://h/live?k=v...vhost...v.com", "s", "h", 1935, "v.com", "live", "s",
	 "?k=v&vhost=v.com"},
	{"rtmp://V.Example.COM./live", "s", "V.Example.COM.", 1935, "v.example.com", "live", "s",
	 ""},
	{"rtmp://h/live", "s?vhost=V.com.", "h", 1935, "v.com", "live", "s", "?vhost=V.com."},
	/* Users. */
	{"rtmp://u:p@h:19350/live", "s", "h", 19350, "h", "live", "s", ""},
	{"rtmp://u@h/live/s", "", "h", 1935, "h", "live", "s", ""},
	{"rtmp://u:p@x@[::1]/live", "s", "::1", 1935, "::1", "live", "s", ""},
	/* Names are decoded, as those of HTTP; queries are not. */
	{"rtmp://h/live", "caf%C3%A9", "h", 1935, "h", "live", "caf\xC3\xA9", ""},
	{"rtmp://h/l%69ve", "a%3Fb%23c", "h", 1935, "h", "live", "a?b#c", ""},
	{"rtmp://h/live", "100%", "h", 1935, "h", "live", "100%", ""},
	{"rtmp://h/live", "%4", "h", 1935, "h", "live", "%4", ""},
	{"rtmp://h/live", "%00%0a%7F", "h", 1935, "h", "live", "%00%0a%7F", ""},
	{"rtmp://h/live", "a%20b", "h", 1935, "h", "live", "ab", ""},
	{"rtmp://h/live", "a%2541", "h", 1935, "h", "live", "a%41", ""},
	{"rtmp://h/live", "s?k=%41", "h", 1935, "h", "live", "s", "?k=%41"},
	/* What is removed. */
	{"rtmp://h/live/_definst_", "s", "h", 1935, "h", "live", "s", ""},
	{"rtmp://h/live/_definst_/s", "", "h", 1935, "h", "live", "s", ""},
	{"rtmp://h/live", "_definst_/s", "h", 1935, "h", "live", "s", ""},
	{"rtmp://h/live/_definst_?k=v", "s", "h", 1935, "h", "live", "s", "?k=v"},
	{" rtmp://h\t/li ve\r\n", " s ?k= v", "h", 1935, "h", "live", "s", "?k=v"},
};

static void assert_target(size_t i)
{
	struct target t;
	err e = target_parse(&t, targets[i].tc_url, targets[i].stream);
	if (e)
		print_error("%s + %s: %s\n", targets[i].tc_url, targets[i].stream, err_trail(e));
	assert_int_equal(e, OK);
	char *got =
		mem_printf("%s %d %s %s %s %s", t.host, t.port, t.vhost, t.app, t.stream, t.param);
	char *want =
		mem_printf("%s %d %s %s %s %s", targets[i].host, targets[i].port, targets[i].vhost,
			   targets[i].app, targets[i].name, targets[i].param);
	assert_string_equal(got, want);
	assert_int_equal(strncmp(targets[i].tc_url + strspn(targets[i].tc_url, " "), "rtmp", 4) ==
				 0,
			 t.is_rtmp);
	free(got);
	free(want);
	target_fini(&t);
	assert_null(t.app);
	target_fini(&t);
}

static void targets_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++)
		assert_target(i);
}

static void broken_urls_are_refused_and_leave_the_target_alone(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"h/live",
		"://h/live",
		"rtmp:/h/live",
		"rtmp://",
		"rtmp:///live",
		"rtmp://h:/live",
		"rtmp://h:x/live",
		"rtmp://h:0/live",
		"rtmp://h:65536/live",
		"rtmp://h:99999999999999999999/live",
		"rtmp://[::1/live",
		"rtmp://[::1]x/live",
		"rtmp://[]/live",
		"rtmp://h:1:2/live",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct target t = {.port = 77};
		err e = target_parse(&t, bad[i], "s");
		if (e != ERR_PROTOCOL)
			print_error("%s\n", bad[i]);
		assert_int_equal(e, ERR_PROTOCOL);
		assert_int_equal(t.port, 77);
	}
}

/* A text of n bytes 'x' behind the front. */
static char *long_text(const char *front, size_t n)
{
	char *s = mem_zalloc(n + 1);
	memset(s, 'x', n);
	memcpy(s, front, strlen(front));
	return s;
}

static void texts_that_are_too_long_are_refused(void **state)
{
	(void)state;
	struct target t = {0};
	char *url = long_text("rtmp://h/", URL_MAX - 1), *name = long_text("s?", URL_MAX - 1);
	assert_int_equal(target_parse(&t, url, "s"), OK);
	target_fini(&t);
	assert_int_equal(target_parse(&t, "rtmp://h/live", name), OK);
	target_fini(&t);
	assert_int_equal(target_parse(&t, "rtmp://h/live?k=v", name), ERR_LIMIT);
	name[1] = '/';
	assert_int_equal(target_parse(&t, url, name), OK);
	target_fini(&t);
	name[URL_MAX - 3] = '/';
	assert_int_equal(target_parse(&t, url, name), ERR_LIMIT);
	free(url);
	free(name);
	url = long_text("rtmp://h/", URL_MAX);
	assert_int_equal(target_parse(&t, url, "s"), ERR_LIMIT);
	assert_int_equal(target_parse(&t, "rtmp://h/live", url), ERR_LIMIT);
	free(url);
	url = long_text("rtmp://h/", 1000000);
	assert_int_equal(target_parse(&t, url, url), ERR_LIMIT);
	free(url);
}

static void keys_leave_out_the_default_vhost_only(void **state)
{
	(void)state;
	static const struct {
		const char *vhost, *app, *stream, *key;
	} rows[] = {
		{"v", "live", "s", "v/live/s"},
		{DEFAULT_VHOST, "live", "s", "/live/s"},
		{"", "live", "s", "/live/s"},
		{"v", "live", "s.flv", "v/live/s.flv"},
		{"v", "a/b.c", "192.168.1.10", "v/a/b.c/192.168.1.10"},
		{"v", "live", "", "v/live/"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *key = stream_key(rows[i].vhost, rows[i].app, rows[i].stream);
		assert_string_equal(key, rows[i].key);
		free(key);
	}
}

static void only_the_extensions_of_media_files_are_cut(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{"s", NULL},         {"s.flv", "s"},        {"s.FLV", "s"},
		{"s.t.m3u8", "s.t"}, {"s.", NULL},          {".flv", NULL},
		{"", NULL},          {"s.flv2", NULL},      {"192.168.1.10", NULL},
		{"s.ts", "s"},       {"cam.flv.bak", NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *cut = stream_cut(rows[i][0]);
		assert_int_equal(cut != NULL, rows[i][1] != NULL);
		if (cut)
			assert_string_equal(cut, rows[i][1]);
		free(cut);
	}
}

static void users_are_taken_out_of_urls(void **state)
{
	(void)state;
	static const struct {
		const char *url, *user, *password, *rest;
	} rows[] = {
		{"rtmp://u:p@h:1/live?a=b@c", "u", "p", "rtmp://h:1/live?a=b@c"},
		{"rtmp://u%40x:p%3A%2f@h", "u@x", "p:/", "rtmp://h"},
		{"rtmp://u%:a@b@h/", "u%", "a@b", "rtmp://h/"},
		{"rtmp://u@[::1]/x", "u", "", "rtmp://[::1]/x"},
		{"rtmp://h/a@b", NULL, NULL, "rtmp://h/a@b"},
		{"rtmp://@h/", NULL, NULL, "rtmp://@h/"},
		{"nonsense@h", NULL, NULL, "nonsense@h"},
		{"", NULL, NULL, ""},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *url = mem_strdup(rows[i].url), *user, *password;
		url_take_user(url, &user, &password);
		assert_string_equal(url, rows[i].rest);
		assert_int_equal(user != NULL, rows[i].user != NULL);
		if (user) {
			assert_string_equal(user, rows[i].user);
			assert_string_equal(password, rows[i].password);
		}
		free(url);
		free(user);
		free(password);
	}
}

/* What is sent to an RTMP server means the same to one that decodes; others mostly see the plain name. */
static void names_for_rtmp_servers_come_back(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{"s", "s"},         {"caf\xC3\xA9", "caf\xC3\xA9"},
		{"100%", "100%"},   {"a%41", "a%2541"},
		{"%%41", "%%2541"}, {"%2541", "%252541"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct target t;
		char *name = url_name(rows[i][0]);
		assert_string_equal(name, rows[i][1]);
		assert_int_equal(target_parse(&t, "rtmp://h/live", name), OK);
		assert_string_equal(t.stream, rows[i][0]);
		target_fini(&t);
		free(name);
	}
}

static void parameters_are_found_and_decoded(void **state)
{
	(void)state;
	static const struct {
		const char *param, *name, *value; /* NULL: not there */
	} rows[] = {
		{"?a=b&c=d", "a", "b"},
		{"?a=b&c=d", "c", "d"},
		{"a=b&c=d", "c", "d"},
		{"?a=b&c=d", "b", NULL},
		{"?ab=c", "a", NULL},
		{"?a", "a", ""},
		{"?a=", "a", ""},
		{"?a=b=c", "a", "b=c"},
		{"?a=1&a=2", "a", "1"},
		{"?a=%41%2f+", "a", "A/+"},
		{"?a=%4", "a", NULL},
		{"?a=%00", "a", NULL},
		{"", "a", NULL},
		{"?", "a", NULL},
		{"?&&a=b", "a", "b"},
		{"?a=12345678", "a", NULL},
		{"?a=1234567", "a", "1234567"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char value[8];
		bool found = param_get(value, sizeof(value), rows[i].param, rows[i].name);
		assert_int_equal(found, rows[i].value != NULL);
		if (found)
			assert_string_equal(value, rows[i].value);
	}
}

static void parameters_are_removed(void **state)
{
	(void)state;
	static const struct {
		const char *param, *name, *rest;
	} rows[] = {
		{"?a=b&c=d", "a", "?c=d"},
		{"?a=b&c=d", "c", "?a=b"},
		{"?a=b", "a", ""},
		{"?a=b", "x", "?a=b"},
		{"", "a", ""},
		{"?a=1&b=2&a=3", "a", "?b=2"},
		{"?ab=1", "a", "?ab=1"},
		{"?a", "a", ""},
		{"a=1&b", "a", "?b"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char out[URL_MAX];
		param_remove(out, rows[i].param, rows[i].name);
		assert_string_equal(out, rows[i].rest);
	}
	char out[URL_MAX], *text = long_text("?k=v&a=", 5000);
	param_remove(out, text, "x");
	assert_string_equal(out, "?k=v");
	free(text);
}

static void names_are_escaped_and_come_back(void **state)
{
	(void)state;
	static const struct {
		const char *plain, *escaped;
	} rows[] = {
		{"aZ09-._~", "aZ09-._~"}, {"a/b?c=d&e", "a/b%3Fc%3Dd%26e"},
		{"h:80,@x", "h:80,@x"},   {" \r\n%", "%20%0D%0A%25"},
		{"\xC3\xA9", "%C3%A9"},   {"", ""},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf b = {.max = 100};
		char back[100];
		url_escape(&b, rows[i].plain);
		assert_string_equal(buf_text(&b), rows[i].escaped);
		assert_int_equal(url_unescape(back, sizeof(back), buf_span(&b)), OK);
		assert_string_equal(back, rows[i].plain);
		buf_free(&b);
	}
}

static void broken_escapes_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"%", "a%4", "%g0", "%0g", "%00", "%%41"};
	char out[8];
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(url_unescape(out, sizeof(out), span_str(bad[i])), ERR_PROTOCOL);
	assert_int_equal(url_unescape(out, sizeof(out), span_of("a\0b", 3)), ERR_PROTOCOL);
	assert_int_equal(url_unescape(out, sizeof(out), span_str("12345678")), ERR_LIMIT);
	assert_int_equal(url_unescape(out, 0, span_str("")), ERR_LIMIT);
	assert_int_equal(url_unescape(out, sizeof(out), span_str("1234567")), OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_are_found),
		cmocka_unit_test(broken_urls_are_refused_and_leave_the_target_alone),
		cmocka_unit_test(texts_that_are_too_long_are_refused),
		cmocka_unit_test(keys_leave_out_the_default_vhost_only),
		cmocka_unit_test(only_the_extensions_of_media_files_are_cut),
		cmocka_unit_test(users_are_taken_out_of_urls),
		cmocka_unit_test(names_for_rtmp_servers_come_back),
		cmocka_unit_test(parameters_are_found_and_decoded),
		cmocka_unit_test(parameters_are_removed),
		cmocka_unit_test(names_are_escaped_and_come_back),
		cmocka_unit_test(broken_escapes_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
