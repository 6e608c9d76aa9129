#include "main/endpoints.h"
#include "service/http_session.h"
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

/* "RTMP 1935 shared, HTTP API 127.0.0.1:1985" */
static void describe(char *out, size_t size, const struct endpoints *list)
{
	size_t n = 0;
	*out = '\0';
	for (int i = 0; i < list->count && n < size; i++) {
		const struct endpoint *e = &list->v[i];
		bool both = e->http == (HTTP_PORT_API | HTTP_PORT_FILES);
		n += (size_t)snprintf(out + n, size - n, "%s%s%s%s %s:%d%s", n ? ", " : "",
				      endpoint_name(e), both ? "+API" : "",
				      e->plain && e->tls ? "+TLS" : "", e->at.host, e->at.port,
				      e->shared ? " shared" : "");
	}
}

static const struct {
	const char *conf, *want, *draining;
} rows[] = {
	{"listen 1935; vhost v {}", "RTMP :1935", "RTMP :1935"},
	{"listen 1935 [::]:1935; vhost v {}", "RTMP :1935", "RTMP :1935"},
	{"listen [::]:1935 127.0.0.1:1935 1935; vhost v {}", "RTMP :1935", "RTMP :1935"},
	{"listen 0.0.0.0:1935 [::]:1935; vhost v {}", "RTMP 0.0.0.0:1935, RTMP :::1935",
	 "RTMP 0.0.0.0:1935, RTMP :::1935"},
	{"listen 1 2; http_server { enabled on; listen 3; } http_api { enabled on; listen 4; } "
	 "vhost v {}",
	 "RTMP :1, RTMP :2, HTTP :3, HTTP API :4", "RTMP :1, RTMP :2, HTTP :3, HTTP API :4"},
	{"listen 1; http_server { enabled on; listen 3; } http_api { enabled on; listen 3; } "
	 "vhost v {}",
	 "RTMP :1, HTTP+API :3", "RTMP :1, HTTP+API :3"},
	{"listen 1; http_server { enabled on; listen 3; } http_api { enabled on; listen 4; } "
	 "vhost v { cluster { mode remote; origin o; } }",
	 "RTMP :1 shared, HTTP :3 shared, HTTP API :4", "HTTP API :4"},
	{"listen 1; http_server { enabled on; listen 3; } http_api { enabled on; listen 3; } "
	 "vhost v { cluster { mode remote; origin o; } }",
	 "RTMP :1 shared, HTTP+API :3", "HTTP+API :3"},
	{"listen 1; rtmps { enabled on; listen 2 1 3; } vhost v {}",
	 "RTMP+TLS :1, RTMPS :2, RTMPS :3", "RTMP+TLS :1, RTMPS :2, RTMPS :3"},
	{"listen 1; rtmps { listen 2; } vhost v {}", "RTMP :1", "RTMP :1"},
	{"listen 1; http_server { enabled on; listen 3; https { enabled on; listen 3; } } "
	 "http_api { enabled on; listen 4; https { enabled on; listen 5; } } vhost v {}",
	 "RTMP :1, HTTP+TLS :3, HTTP API :4, HTTPS API :5",
	 "RTMP :1, HTTP+TLS :3, HTTP API :4, HTTPS API :5"},
	{"listen 1; http_server { enabled on; listen 3; https { enabled on; listen 5; } } "
	 "http_api { enabled on; listen 4; https { enabled on; listen 5; } } vhost v {}",
	 "RTMP :1, HTTP :3, HTTP API :4, HTTPS+API :5",
	 "RTMP :1, HTTP :3, HTTP API :4, HTTPS+API :5"},
	{"listen 1; http_server { https { enabled on; } } vhost v {}", "RTMP :1", "RTMP :1"},
	{"listen 1; reuse_port off; vhost v { cluster { mode remote; origin o; } }", "RTMP :1",
	 "RTMP :1"},
	{"listen 1; rtc_server { enabled on; listen 2; tcp { enabled on; listen 2; } } "
	 "exporter { enabled on; listen 4; } vhost v { cluster { mode remote; origin o; } }",
	 "RTMP :1 shared, metrics :4, WebRTC :2, WebRTC over TCP :2",
	 "metrics :4, WebRTC :2, WebRTC over TCP :2"},
	{"listen 1; srt_server { enabled on; listen 2 3; } vhost v {}", "RTMP :1, SRT :2, SRT :3",
	 "RTMP :1, SRT :2, SRT :3"},
	{"listen 1; stream_caster a { enabled on; caster gb28181; listen 2; media udp; sip { "
	 "listen 3; transport udp; password p; } } stream_caster b { enabled on; caster gb28181; "
	 "listen 4; sip { listen 5; password p; } } stream_caster c { caster gb28181; } vhost v {}",
	 "RTMP :1, GB28181 media :2, GB28181 media :2, SIP :3, GB28181 media :4, SIP :5, SIP :5",
	 "RTMP :1, GB28181 media :2, GB28181 media :2, SIP :3, GB28181 media :4, SIP :5, SIP :5"},
};

static void a_configuration_says_what_is_listened_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf *conf = NULL;
		struct conf_report report;
		struct endpoints list;
		char text[512];
		conf_report_init(&report);
		assert_int_equal(conf_load_text(&conf, "x.conf", rows[i].conf, &report), OK);
		endpoints_of(&list, conf);
		describe(text, sizeof(text), &list);
		assert_string_equal(text, rows[i].want);
		endpoints_free(&list);
		endpoints_draining(&list, conf);
		describe(text, sizeof(text), &list);
		assert_string_equal(text, rows[i].draining);
		endpoints_free(&list);
		conf_unref(&conf);
		conf_report_fini(&report);
	}
}

static void an_endpoint_is_known_by_transport_and_address(void **state)
{
	(void)state;
	struct endpoint a = {.at = {"", 1, true}}, b = {.at = {"::", 1, true}}, c = a;
	c.protocol = ENDPOINT_HTTP;
	c.shared = true;
	assert_true(endpoint_same(&a, &c));
	assert_false(endpoint_same(&a, &b));
	c.transport = ENDPOINT_UDP;
	assert_false(endpoint_same(&a, &c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_configuration_says_what_is_listened_on),
		cmocka_unit_test(an_endpoint_is_known_by_transport_and_address),
	};
	return cmocka_run_group_tests_name("endpoints", tests, NULL, NULL);
}
