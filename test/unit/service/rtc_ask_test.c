/* What a request over HTTP asks for, and where it is told that it reaches us. */
#include "base/mem.h"
#include "service/rtc_candidates.h"
#include "support/co_unit.h"
#include "support/rtc_guest.h"
#include "support/test_server.h"
#include "support/unit.h"

#include <stdlib.h>
#include <string.h>

static err read_ask(struct rtc_ask *out, const char *host, const char *query, const char *bearer)
{
	struct addr peer, local;
	char offer_text[] = "v=0";
	struct http_header headers[] = {{mem_strdup("Authorization"), mem_strdup(bearer)}};
	struct http_message m = {
		.host = mem_strdup(host),
		.path = mem_strdup("/rtc/v1/whip/"),
		.query = mem_strdup(query),
		.header_count = *bearer ? 1 : 0,
		.headers = headers,
		.body = {.p = (uint8_t *)offer_text, .n = 3},
	};
	assert_true(addr_literal(&peer, "192.0.2.1", 4000));
	assert_true(addr_literal(&local, "127.0.0.1", 1985));
	err e = rtc_ask_read(out, &m, &peer, &local, true);
	free(headers[0].name);
	free(headers[0].value);
	free(m.host);
	free(m.path);
	free(m.query);
	return e;
}

static const struct {
	const char *host, *query, *bearer;
	const char *vhost, *app, *stream, *param, *asked, *address;
	enum rtc_codec codec;
} cases[] = {
	{"h:1985", "", "", "h", "live", "livestream", "", "h", "", RTC_CODEC_NONE},
	{"h", "app=a&stream=s", "", "h", "a", "s", "?app=a&stream=s", "h", "", RTC_CODEC_NONE},
	{"[2001:db8::1]:1985", "stream=s", "", "2001:db8::1", "live", "s", "?stream=s",
	 "2001:db8::1", "", RTC_CODEC_NONE},
	{"", "stream=s", "", "127.0.0.1", "live", "s", "?stream=s", "127.0.0.1", "",
	 RTC_CODEC_NONE},
	{"h", "stream=s&vhost=v", "", "v", "live", "s", "?stream=s&vhost=v", "h", "",
	 RTC_CODEC_NONE},
	{"h", "stream=s", "Bearer k/1", "h", "live", "s", "?stream=s&token=k/1", "h", "",
	 RTC_CODEC_NONE},
	{"h", "stream=s&token=t", "Bearer k", "h", "live", "s", "?stream=s&token=t", "h", "",
	 RTC_CODEC_NONE},
	{"h", "stream=s&eip=1.2.3.4:9&candidate=5.6.7.8", "", "h", "live", "s",
	 "?stream=s&eip=1.2.3.4:9&candidate=5.6.7.8", "h", "1.2.3.4:9", RTC_CODEC_NONE},
	{"h", "stream=s&candidate=5.6.7.8&codec=hevc", "", "h", "live", "s",
	 "?stream=s&candidate=5.6.7.8&codec=hevc", "h", "5.6.7.8", RTC_CODEC_H265},
};

static void everything_is_in_the_query(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rtc_ask a;
		if (read_ask(&a, cases[i].host, cases[i].query, cases[i].bearer) != OK)
			fail_msg("case %zu", i);
		assert_string_equal(a.target.vhost, cases[i].vhost);
		assert_string_equal(a.target.app, cases[i].app);
		assert_string_equal(a.target.stream, cases[i].stream);
		assert_string_equal(a.target.param, cases[i].param);
		assert_string_equal(a.host, cases[i].asked);
		assert_string_equal(a.address, cases[i].address);
		assert_int_equal(a.video, cases[i].codec);
		assert_string_equal(a.offer, "v=0");
		rtc_ask_fini(&a);
	}
}

static const struct {
	const char *conf, *host, *address, *list; /* of the candidates */
} places[] = {
	{"candidate 203.0.113.7;", "localhost", "", "udp 203.0.113.7:8"},
	{"candidate 203.0.113.7;", "192.0.2.9", "", "udp 192.0.2.9:8,udp 203.0.113.7:8"},
	{"candidate 203.0.113.7; api_as_candidates off;", "192.0.2.9", "", "udp 203.0.113.7:8"},
	{"candidate 203.0.113.7;", "127.0.0.1", "198.51.100.1:99",
	 "udp 198.51.100.1:99,udp 203.0.113.7:8"},
	{"candidate 203.0.113.7; keep_api_domain on; resolve_api_domain off;", "tv.example", "",
	 "udp tv.example:8,udp 203.0.113.7:8"},
	{"candidate 203.0.113.7 [2001:db8::1]:77; protocol all;", "", "",
	 "udp 203.0.113.7:8,tcp 203.0.113.7:9,udp 2001:db8::1:77,tcp 2001:db8::1:77"},
	{"candidate 203.0.113.7; protocol tcp;", "", "", "tcp 203.0.113.7:9"},
	{"candidate $RTC_TEST_ADDRESS;", "", "", "udp 198.51.100.5:8"},
};

static void find(struct buf *out, size_t i)
{
	char *conf = mem_printf("rtc_server { enabled on; %s }\nvhost __defaultVhost__ { }",
				places[i].conf);
	struct server *server = test_server_new(conf);
	struct rtc_candidates *list = mem_new(struct rtc_candidates);
	struct rtc_ask ask = {.host = mem_strdup(places[i].host),
			      .address = mem_strdup(places[i].address)};
	rtc_guest_open_hub(server);
	const struct rtc_port *port = rtc_hub_port(server->rtc);
	server->rtc->tcp_port = 9;
	rtc_candidates_find(list, server->rtc, server->conf, &ask, port);
	for (int k = 0; k < list->count; k++) {
		const struct rtc_candidate *c = &list->v[k];
		int number = c->port == rtc_port_number(port) ? 8 : c->port;
		buf_printf(out, "%s%s %s:%d", k ? "," : "", c->tcp ? "tcp" : "udp", c->host,
			   number);
	}
	rtc_ask_fini(&ask);
	free(list);
	free(conf);
	rtc_guest_close_hub(server);
	test_server_free(&server);
}

static void addresses_come_in_their_order(void **state)
{
	(void)state;
	setenv("RTC_TEST_ADDRESS", "198.51.100.5", 1);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct buf out = {.max = 4096};
		find(&out, i);
		assert_string_equal(buf_text(&out), places[i].list);
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_in_the_query),
		cmocka_unit_test_setup_teardown(addresses_come_in_their_order, co_setup,
						co_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
