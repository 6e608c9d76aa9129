/* What a browser is shown at "/". */
#include "service/start_page.h"
#include "support/co_unit.h"
#include "support/unit.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

static struct conf *conf_of(const char *text)
{
	struct conf *conf = NULL;
	struct conf_report report;
	conf_report_init(&report);
	assert_int_equal(conf_load_text(&conf, "x.conf", text, &report), OK);
	conf_report_fini(&report);
	return conf;
}

static const char with_api[] = "listen 19350; http_server { enabled on; } http_api { enabled on; } "
			       "vhost __defaultVhost__ { http_remux { enabled on; } }";

static void the_page_names_real_addresses(void **state)
{
	(void)state;
	struct server server = {0};
	struct buf page = {.max = 65536};
	server.conf = conf_of(with_api);
	registry_init(&server.registry);
	start_page_write(&page, &server, server.conf, "tv.example:8080");
	assert_non_null(strstr(buf_text(&page), "<code>rtmp://tv.example:19350/live</code>"));
	assert_non_null(
		strstr(buf_text(&page), "ffplay http://tv.example:8080/live/livestream.flv"));
	assert_non_null(strstr(buf_text(&page), "Nobody publishes."));
	buf_clear(&page);
	start_page_write(&page, &server, server.conf, "[::1]:8080");
	assert_non_null(strstr(buf_text(&page), "<code>rtmp://[::1]:19350/live</code>"));
	buf_clear(&page);
	start_page_write(&page, &server, server.conf, "");
	assert_non_null(strstr(buf_text(&page), "<code>rtmp://127.0.0.1:19350/live</code>"));
	buf_free(&page);
	registry_fini(&server.registry);
	conf_unref(&server.conf);
}

static void a_host_is_only_text(void **state)
{
	(void)state;
	struct server server = {0};
	struct buf page = {.max = 65536};
	server.conf = conf_of(with_api);
	registry_init(&server.registry);
	start_page_write(&page, &server, server.conf, "\"><script>alert(1)</script>");
	assert_null(strstr(buf_text(&page), "<script"));
	buf_free(&page);
	registry_fini(&server.registry);
	conf_unref(&server.conf);
}

static void a_password_for_the_api_hides_the_streams(void **state)
{
	(void)state;
	struct server server = {0};
	struct buf page = {.max = 65536};
	server.conf = conf_of(
		"listen 1; http_server { enabled on; } http_api { enabled on; auth { enabled "
		"on; username a; password b; } } vhost __defaultVhost__ { }");
	registry_init(&server.registry);
	start_page_write(&page, &server, server.conf, "h");
	assert_null(strstr(buf_text(&page), "Streams"));
	assert_null(strstr(buf_text(&page), ".flv"));
	buf_free(&page);
	registry_fini(&server.registry);
	conf_unref(&server.conf);
}

static void the_policy_allows_the_style_and_nothing_else(void **state)
{
	(void)state;
	struct server server = {0};
	struct buf page = {.max = 65536};
	unsigned char digest[EVP_MAX_MD_SIZE], text[128];
	server.conf = conf_of(with_api);
	registry_init(&server.registry);
	start_page_write(&page, &server, server.conf, "h");
	const char *from = strstr(buf_text(&page), "<style>") + strlen("<style>");
	const char *to = strstr(from, "</style>");
	assert_int_equal(EVP_Digest(from, (size_t)(to - from), digest, NULL, EVP_sha256(), NULL),
			 1);
	EVP_EncodeBlock(text, digest, 32);
	assert_non_null(strstr(start_page_headers, (const char *)text));
	assert_non_null(strstr(start_page_headers, "default-src 'none'"));
	buf_free(&page);
	registry_fini(&server.registry);
	conf_unref(&server.conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_page_names_real_addresses, co_setup,
						co_teardown),
		cmocka_unit_test_setup_teardown(a_host_is_only_text, co_setup, co_teardown),
		cmocka_unit_test_setup_teardown(a_password_for_the_api_hides_the_streams, co_setup,
						co_teardown),
		cmocka_unit_test_setup_teardown(the_policy_allows_the_style_and_nothing_else,
						co_setup, co_teardown),
	};
	return cmocka_run_group_tests_name("start_page", tests, NULL, NULL);
}
