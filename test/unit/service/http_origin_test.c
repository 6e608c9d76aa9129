/* Whose page it is, and what its browser is told. */
#include "service/http_origin.h"
#include "service/http_router.h"
#include "support/unit.h"

#include <string.h>

static struct conf *conf_of(const char *more)
{
	struct conf *conf = NULL;
	struct conf_report report;
	struct buf text = {.max = 4096};
	buf_printf(&text,
		   "listen 1935; advertise live.example.com; http_server { enabled on; } http_api "
		   "{ enabled on; "
		   "allowed_origins https://console.example.com http://other.example:81; } %s "
		   "vhost v {}",
		   more);
	conf_report_init(&report);
	assert_int_equal(conf_load_text(&conf, "x.conf", buf_text(&text), &report), OK);
	conf_report_fini(&report);
	buf_free(&text);
	return conf;
}

static const struct {
	const char *host, *origin, *site; /* NULL: no such header */
	enum page_kind kind;
} cases[] = {
	{"127.0.0.1:1985", NULL, NULL, PAGE_NONE},
	{"anything", NULL, NULL, PAGE_NONE},
	{"127.0.0.1:1985", NULL, "none", PAGE_NONE},
	{"127.0.0.1:1985", NULL, "same-origin", PAGE_OWN},
	{"127.0.0.1:1985", "http://127.0.0.1:1985", NULL, PAGE_OWN},
	{"[::1]:1985", "http://[::1]:1985", "same-origin", PAGE_OWN},
	{"localhost:1985", "http://localhost:1985", "same-origin", PAGE_OWN},
	{"live.example.com:1985", "http://live.example.com:1985", "same-origin", PAGE_OWN},
	{"console.example.com", NULL, "same-origin", PAGE_OWN},
	{"127.0.0.1:1985", "http://evil.example", NULL, PAGE_FOREIGN},
	{"127.0.0.1:1985", "http://127.0.0.1:80", NULL, PAGE_FOREIGN},
	{"127.0.0.1:1985", "null", NULL, PAGE_FOREIGN},
	{"127.0.0.1:1985", NULL, "cross-site", PAGE_FOREIGN},
	{"127.0.0.1:1985", NULL, "same-site", PAGE_FOREIGN},
	/* A name of the attacker's that points here. */
	{"evil.example:1985", "http://evil.example:1985", "same-origin", PAGE_FOREIGN},
	{"evil.example:1985", NULL, "same-origin", PAGE_FOREIGN},
	{"", "http://evil.example", NULL, PAGE_FOREIGN},
	{"127.0.0.1:1985", "https://console.example.com", "cross-site", PAGE_LISTED},
	{"127.0.0.1:1985", "HTTPS://Console.Example.Com", NULL, PAGE_LISTED},
	{"127.0.0.1:1985", "http://console.example.com", NULL, PAGE_FOREIGN},
	{"127.0.0.1:1985", "https://console.example.com.evil", NULL, PAGE_FOREIGN},
	{"127.0.0.1:1985", "http://other.example:81", NULL, PAGE_LISTED},
	{"127.0.0.1:1985", "http://other.example", NULL, PAGE_FOREIGN},
};

static void a_page_is_known_by_where_it_is_from(void **state)
{
	(void)state;
	static char origin_name[] = "Origin", site_name[] = "Sec-Fetch-Site";
	struct conf *conf = conf_of("");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_header headers[2];
		char host[64], origin[64], site[64];
		struct http_message m = {.host = host, .headers = headers};
		strcpy(host, cases[i].host);
		if (cases[i].origin) {
			strcpy(origin, cases[i].origin);
			headers[m.header_count++] = (struct http_header){origin_name, origin};
		}
		if (cases[i].site) {
			strcpy(site, cases[i].site);
			headers[m.header_count++] = (struct http_header){site_name, site};
		}
		if (http_page_kind(&m, conf) != cases[i].kind)
			fail_msg("case %zu: %d", i, http_page_kind(&m, conf));
	}
	conf_unref(&conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_is_known_by_where_it_is_from),
	};
	return cmocka_run_group_tests_name("http_origin", tests, NULL, NULL);
}
