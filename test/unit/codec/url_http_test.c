/* URLs of HTTP: their pieces, and what a request for one names. */
#include "codec/url.h"
#include "support/unit.h"

#include <stdlib.h>
#include <string.h>

static void http_urls_are_taken_apart(void **state)
{
	(void)state;
	static const struct {
		const char *text, *schema, *host;
		int port;
		const char *path;
	} rows[] = {
		{"http://h/a/b.flv?c=d", "http", "h", 80, "/a/b.flv?c=d"},
		{"http://h:8080/", "http", "h", 8080, "/"},
		{"http://h", "http", "h", 80, "/"},
		{"https://h", "https", "h", 443, "/"},
		{"http://h?a=b", "http", "h", 80, "/?a=b"},
		{"http://h/a#b?c", "http", "h", 80, "/a"},
		{"http://h#b", "http", "h", 80, "/"},
		{"http://[::1]:8080/a", "http", "::1", 8080, "/a"},
		{"http://h/a@b", "http", "h", 80, "/a@b"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct http_url url;
		assert_int_equal(http_url_parse(&url, rows[i].text), OK);
		assert_string_equal(url.schema, rows[i].schema);
		assert_string_equal(url.host, rows[i].host);
		assert_int_equal(url.port, rows[i].port);
		assert_string_equal(url.path, rows[i].path);
	}
}

static void other_urls_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"h",
		"/a",
		"rtmp://h/a",
		"http://",
		"http:///a",
		"http://u@h/",
		"http://h/a b",
		"http://h/a\r\nX: y",
		"http://h:0/",
		"http://h:80x/",
		"http://[::1/",
		"HTTP//h",
	};
	struct http_url url = {.port = 77};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(http_url_parse(&url, bad[i]), ERR_PROTOCOL);
	char text[2301] = "http://h/";
	memset(text + 9, 'x', 2291);
	assert_int_equal(http_url_parse(&url, text), ERR_LIMIT);
	memcpy(text, "http://xx", 9);
	text[300] = '\0';
	assert_int_equal(http_url_parse(&url, text), ERR_LIMIT);
	assert_int_equal(url.port, 77);
}

static void requests_over_http_name_their_vhost(void **state)
{
	(void)state;
	static const struct {
		const char *host, *query, *vhost;
	} rows[] = {
		{"H.com", "", "h.com"},
		{"h.com.:8080", "k=v", "h.com"},
		{"[::1]:80", "", "::1"},
		{"h", "k=v&vhost=V.com", "v.com"},
		{"h", "domain=/d/", "d"},
		{"h", "vhost=__defaultVhost__", "h"},
		{"__defaultVhost__", "", DEFAULT_VHOST},
		{":80", "vhost=v", "v"},
		{":80", "", NULL},
		{"h:0", "", NULL},
		{"[::1", "vhost=v", NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *vhost = http_vhost(rows[i].host, rows[i].query);
		if (rows[i].vhost)
			assert_string_equal(vhost, rows[i].vhost);
		else
			assert_null(vhost);
		free(vhost);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_over_http_name_their_vhost),
		cmocka_unit_test(http_urls_are_taken_apart),
		cmocka_unit_test(other_urls_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
