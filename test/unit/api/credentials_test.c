/* Who calls, and what they may do. */
#include "api/credentials.h"
#include "conf/report.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char text[] = "listen 1935; daemon off; http_api { enabled on; auth { enabled on;"
			   " username admin; password a:b; token t-all;"
			   " user sup geheim read+kick; user op geheim config;"
			   " bearer graf t-read read; } } vhost v {}";

static const struct {
	const char *header, *name;
	unsigned scopes; /* 0: nobody */
} rows[] = {
	{"Basic YWRtaW46YTpi", "admin", SCOPE_ALL},
	{"Basic YWRtaW46YTpj", "", 0},
	{"basic c3VwOmdlaGVpbQ==", "sup", SCOPE_READ | SCOPE_KICK},
	{"Basic b3A6Z2VoZWlt", "op", SCOPE_CONFIG},
	{"Bearer t-all", "token", SCOPE_ALL},
	{"bearer  t-read", "graf", SCOPE_READ},
	{"Bearer t-rea", "", 0},
	{"Bearer t-readx", "", 0},
	{"Bearer geheim", "", 0},
	{"Bearer ", "", 0},
	{"Bearer", "", 0},
	{"Basic Og==", "", 0}, /* ":" */
	{"Basic dC1hbGw=", "", 0},
	{"", "", 0},
};

static void a_header_names_who_calls_and_what_they_may(void **state)
{
	struct conf *conf = NULL;
	struct conf_report report;
	(void)state;
	conf_report_init(&report);
	assert_int_equal(conf_load_text(&conf, "x.conf", text, &report), OK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char name[] = "Authorization", *value = strdup(rows[i].header);
		struct http_header header = {name, value};
		struct http_message m = {.headers = &header, .header_count = 1};
		struct caller caller = {0};
		bool known = credentials_check(&caller, &conf->http_api, &m);
		if (known != (rows[i].scopes != 0) || caller.scopes != rows[i].scopes)
			fail_msg("%s: %d, %u", rows[i].header, known, caller.scopes);
		assert_string_equal(caller.name, rows[i].name);
		m.header_count = 0;
		assert_false(credentials_check(&caller, &conf->http_api, &m));
		free(value);
	}
	conf_unref(&conf);
	conf_report_fini(&report);
}

static const char *const bad[] = {
	"user a b",        "user a b write",   "user a b read++kick",
	"user a:b c read", "bearer a b read+", "username a",
	"token ''",
};

static void what_cannot_be_meant_is_refused_without_the_secret(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char all[400];
		struct conf *conf = NULL;
		struct conf_report report;
		snprintf(all, sizeof(all),
			 "listen 1; daemon off; http_api { enabled on; auth { enabled on; %s; } } "
			 "vhost v {}",
			 bad[i]);
		conf_report_init(&report);
		if (conf_load_text(&conf, "x.conf", all, &report) == OK)
			fail_msg("%s is accepted", bad[i]);
		assert_null(strstr(buf_text(&report.errors), " b "));
		conf_report_fini(&report);
	}
	assert_string_equal(scope_name(SCOPE_KICK), "kick");
	assert_string_equal(scope_name(0), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_names_who_calls_and_what_they_may),
		cmocka_unit_test(what_cannot_be_meant_is_refused_without_the_secret),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
